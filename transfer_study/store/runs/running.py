"""Which stages run where and since when, as the processes that run them say in the store.

A stage that runs has a directory among the store's attempts with `running.json`, written when it
begins, after each epoch and every so many seconds, and gone when it ends.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from pydantic import Field

from transfer_study.errors import StoreError
from transfer_study.store.runs.host import host_name
from transfer_study.store.store import Store
from transfer_study.study.frozen import Frozen
from transfer_study.study.stage import Stage

# Seconds from a sign of life to the next; and without one, until a process looks dead.
BEAT, STALE = 15.0, 60.0
_FILE = "running.json"
_MOST_TIME = 32_503_680_000  # the year 3000


class Running(Frozen):
    """A stage, by its id, that a process of a host runs; times in seconds since 1970.

    The times are by that host's clock.
    """

    stage: str
    host: str
    process: int
    since: float = Field(ge=0, le=_MOST_TIME)
    told: float = Field(ge=0, le=_MOST_TIME)  # when it last gave a sign
    epoch: int = Field(ge=0)  # how many are over
    parents: tuple[str, ...] = ()  # by their ids

    def silence(self, now: float) -> float:
        """Seconds without a sign."""
        return max(now - self.told, 0.0)

    def is_stale(self, now: float) -> bool:
        """Whether its process looks dead."""
        return self.silence(now) > STALE


@dataclass(frozen=True)
class RunningAttempt:
    """An attempt that runs, by what its directory's name ends with; to be told of epochs."""

    id: str
    tell: Callable[[int], None]


@contextmanager
def tell_running(stage: Stage, store: Store, beat: float = BEAT) -> Iterator[RunningAttempt]:
    """Say in the store that this process runs the stage, and go on saying so."""
    since = time.time()
    over, one_at_a_time = threading.Event(), threading.Lock()
    with store.attempt(stage) as folder:
        epochs = 0

        def say() -> None:
            said = Running(
                stage=stage.id,
                host=host_name(),
                process=os.getpid(),
                since=since,
                told=time.time(),
                epoch=epochs,
                parents=tuple(parent.id for parent in stage.parents),
            )
            # It must not end what it only cannot show.
            with one_at_a_time, suppress(OSError, StoreError):
                store.tell(folder, _FILE, said.model_dump_json().encode())

        def tell(epoch: int) -> None:
            nonlocal epochs
            epochs = epoch
            say()

        def live() -> None:
            while not over.wait(beat):
                say()

        say()
        thread = threading.Thread(target=live, daemon=True)
        try:
            thread.start()
            yield RunningAttempt(folder.name.rsplit("@", 1)[-1], tell)
        finally:
            over.set()
            if thread.is_alive():
                thread.join()


def running(store: Store) -> list[Running]:
    """What runs now, the longest first; of other hosts what last gave a sign there."""
    found = []
    for content in store.told_by_all(_FILE):
        with suppress(ValueError):
            found.append(Running.model_validate_json(content))
    return sorted(found, key=lambda one: one.since)
