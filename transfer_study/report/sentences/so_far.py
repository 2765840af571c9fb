"""How far a study had come when its report was written while it ran."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from transfer_study.points import counted


@dataclass(frozen=True)
class SoFar:
    """How many of how many stages are done and failed; `written` is in seconds since 1970.

    The page is written anew about every so many seconds, after which it `reloads`.
    """

    done: int
    failed: int
    stages: int
    written: float
    reloads: int

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a reader must know before anything else."""
        at = f"{datetime.fromtimestamp(self.written, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
        failed = f", {self.failed} failed" if self.failed else ""
        return (
            f"Written while the study runs, {at}: {self.done} of {counted(self.stages, 'stage')} "
            f"are done{failed}.",
            "Effects marked ○ (not run) are unfinished: not all of their runs are there, and they "
            "are not judged. Verdicts of the others may still change, for their intervals are "
            "adjusted for the effects that are there.",
        )
