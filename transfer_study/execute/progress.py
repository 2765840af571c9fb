"""What an executor tells of its stages as they go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transfer_study.store.runs.stage_log import RUNS, StageLog
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage


class Progress:
    """The events of a run, told in the process that started it; by itself tells nobody."""

    def started(self, stage: Stage) -> None:
        """A stage begins, for the first time or again."""

    def epoch(self, stage: Stage, epoch: dict[str, Any]) -> None:
        """A stage has finished an epoch: its losses and dev scores by task."""

    def finished(self, stage: Stage) -> None:
        """A stage is committed."""

    def failed(self, stage: Stage, message: str, log: Path | None) -> None:
        """A stage has failed for good."""

    def returned(self, stage: Stage, why: str) -> None:
        """A stage was not run to its end, and will begin again elsewhere."""

    def suspended(self, stage: Stage) -> None:
        """A stage was asked to stop, and has kept how far it is."""

    def waiting(self, count: int) -> None:
        """All stages that are ready, so many, are being run by other runs."""

    def refused(self, machine: str) -> None:
        """A machine is given no more stages; its name, and why."""

    def warned(self, message: str) -> None:
        """Something went wrong that ends nothing."""

    def held_back(self, stage: Stage) -> None:
        """A stage cannot run, for a parent of its has failed."""


class Silent(Progress):
    """Tells nobody: for notebooks and tests."""


class Several(Progress):
    """Tells several of every event, one after the other."""

    def __init__(self, *told: Progress) -> None:
        self.told = told


def _to_all(event: str) -> Callable[..., None]:
    def tell(several: Several, *said: Any) -> None:
        for one in several.told:
            getattr(one, event)(*said)

    return tell


for _event in [name for name in vars(Progress) if not name.startswith("_")]:
    setattr(Several, _event, _to_all(_event))


class Logged(Progress):
    """Keeps what a run says of its stages in the store's logs, beside what they say themselves."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def returned(self, stage: Stage, why: str) -> None:
        """A stage will begin again."""
        StageLog(self._store, stage.name).say("returned", message=why)

    def failed(self, stage: Stage, message: str, log: Path | None) -> None:
        """A stage has failed for good."""
        root = self._store.root
        below = log is not None and log.is_relative_to(root)  # elsewhere it has another root
        more = {"log": log.relative_to(root).as_posix()} if log is not None and below else {}
        StageLog(self._store, stage.name).say("given up", message=message, **more)

    def held_back(self, stage: Stage) -> None:
        """A stage cannot run, for a parent of its has failed."""
        StageLog(self._store, stage.name).say("held back", message="a stage it starts from failed")

    def refused(self, machine: str) -> None:
        """A machine is given no more stages."""
        StageLog(self._store, RUNS).say("refused", message=machine)

    def warned(self, message: str) -> None:
        """Something went wrong that ends nothing."""
        StageLog(self._store, RUNS).say("warning", message=message)
