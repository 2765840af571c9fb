"""A run that is asked to stop soon, while what it runs still has time to keep how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from transfer_study.errors import RunSuspended

# How often a stage's state is kept, unless asked otherwise.
USUAL_MINUTES = 10.0


class Suspended(BaseException):
    """A stage was asked to stop, and has kept how far it is: no error, for what handles errors."""


@dataclass(frozen=True)
class Keeping:
    """How often a stage's state is kept, in minutes (0: never), and whether it is asked to stop."""

    minutes: float = USUAL_MINUTES
    asked: Callable[[], bool] = lambda: False


def run_suspended() -> RunSuspended:
    """What a run ends with that was asked to stop."""
    return RunSuspended(
        "Stopped as asked: what is finished is kept, and how far the running stages were. The same "
        "command continues."
    )


_listeners: list[Callable[[], None]] = []


def ask_to_suspend() -> bool:
    """Tell all runs of this process; False where there is none that could keep anything."""
    for listener in _listeners:
        listener()
    return bool(_listeners)


@contextmanager
def suspended_by(listener: Callable[[], None]) -> Iterator[None]:
    """Within, the listener is told when the run is asked; in whatever a signal interrupts."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
