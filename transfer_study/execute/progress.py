"""What an executor tells of its stages as they go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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

    def held_back(self, stage: Stage) -> None:
        """A stage cannot run, for a parent of its has failed."""


class Silent(Progress):
    """Tells nobody: for notebooks and tests."""
