"""What a run does itself of its schedule, and what it leaves to other runs on the same store."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from transfer_study.execute.schedule import Schedule
from transfer_study.store.runs.leases import Leases
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage

# Seconds until the store is asked again about stages that other runs have.
_PAUSE = 1.0


@dataclass(eq=False)
class Shared:
    """The ready stages of a schedule, those left out that other runs have.

    `stage_of` gives a stage by its id; `kept` are the ids of those whose weights are wanted.
    """

    schedule: Schedule
    stage_of: Callable[[str], Stage]
    kept: Collection[str]
    store: Store
    leases: Leases
    _elsewhere: set[str] = field(default_factory=set)
    _committed: list[str] = field(default_factory=list)  # and not yet told
    _asked: float = 0.0
    _told: bool = False

    def take(self) -> str | None:
        """Begin the first ready stage that no other run has, or had; None where there is none."""
        for identity in self.schedule.ready:
            if identity in self._elsewhere:
                continue
            stage = self.stage_of(identity)
            if not self.leases.take(stage):
                self._elsewhere.add(identity)
            elif self._is_committed_by_now(
                identity
            ):  # another run was here since this one was planned
                self.leases.give_back(stage)
                self._finish(identity)
            else:
                self.schedule.begin(identity)
                self._told = False
                return identity
        return None

    def _is_committed_by_now(self, identity: str) -> bool:
        """Whether a stage was committed before it was taken, however little ago."""
        self.store.look_again()
        return self.is_committed(identity)

    def found(self) -> list[str]:
        """The stages that other runs have committed meanwhile, which are done now."""
        if self._elsewhere and time.monotonic() - self._asked >= _PAUSE:
            self._asked = time.monotonic()
            self.store.look_again()
            for identity in sorted(self._elsewhere):
                if self.is_committed(identity):
                    self._finish(identity)
            self._elsewhere.clear()  # those that are left are asked for again
        found, self._committed = self._committed, []
        return found

    def _finish(self, identity: str) -> None:
        self.schedule.finish(identity)
        self._committed.append(identity)

    def awaited(self) -> int:
        """How many ready stages other runs have, once until this run begins another; else none."""
        count = 0 if self._told else len(self._elsewhere)
        self._told |= bool(count)
        return count

    def wait(self) -> None:
        """Let other runs go on for a moment."""
        time.sleep(_PAUSE)

    def is_committed(self, identity: str) -> bool:
        """Whether the store has all that is wanted of a stage."""
        stage = self.stage_of(identity)
        kept = identity not in self.kept or self.store.has_model(stage)
        return self.store.is_done(stage) and kept
