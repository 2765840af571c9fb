"""Which stages of a run are ready, which run, are done or lost; how they are run is not known here.

Whatever runs stages asks a schedule: one after another, several at a time, or many alike at once.
"""

from __future__ import annotations

import time
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from transfer_study.study.stage import Stage

# Seconds until what was put back begins again: twice as many each time, up to the most.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


class Schedule:
    """The stages of a run by their ids; of those that are ready the first are to begin first.

    A stage is ready once those of its parents that belong to the run are done. An executor begins
    one of the ready, or several, or leaves some to others; what is done elsewhere is finished here
    without having begun.
    """

    def __init__(
        self,
        parents: Mapping[str, Collection[str]],
        *,
        fail_fast: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`parents` by stage, in the order in which ready stages begin.

        With `fail_fast` nothing is ready any more once a stage was given up.
        """
        self._rank = {stage: n for n, stage in enumerate(parents)}
        self._awaited = {stage: {p for p in of if p in parents} for stage, of in parents.items()}
        self._children: dict[str, list[str]] = defaultdict(list)
        for stage, of in self._awaited.items():
            for parent in of:
                self._children[parent].append(stage)
        self._ready = [stage for stage, of in self._awaited.items() if not of]
        self._running: set[str] = set()
        self._returned: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}
        self._clock = clock
        self._fail_fast = fail_fast
        self._stopped = False

    @property
    def ready(self) -> tuple[str, ...]:
        """The stages that may begin now, those first that are to begin first."""
        now = self._clock()
        return tuple(stage for stage in self._ready if self._not_before.get(stage, now) <= now)

    @property
    def waiting(self) -> int:
        """How many stages have not begun, ready or not."""
        return len(self._awaited)

    @property
    def left(self) -> int:
        """How many stages are neither done nor lost."""
        return len(self._awaited) + len(self._running)

    def begin(self, stage: str) -> None:
        """A ready stage runs from now on; one that runs may begin again."""
        if stage not in self._running:
            self._ready.remove(stage)
            del self._awaited[stage]
            self._running.add(stage)

    def put_back(self, stage: str) -> bool:
        """A stage that ran is to begin again, after a pause; False once the schedule is stopped.

        Then it runs as before, until it is given up. The pause grows with each time.
        """
        if self._stopped:
            return False
        self._running.discard(stage)
        self._awaited[stage] = set()
        self._returned[stage] += 1
        pause = FIRST_PAUSE * 2.0 ** min(self._returned[stage] - 1, 16)
        self._not_before[stage] = self._clock() + min(pause, LONGEST_PAUSE)
        insort(self._ready, stage, key=self._rank.__getitem__)
        return True

    def stop(self) -> None:
        """Nothing more is ready or waits, and nothing is put back."""
        self._stopped = True
        self._awaited.clear()
        self._ready.clear()

    def finish(self, stage: str) -> None:
        """A stage is done, and its children wait for it no more."""
        self._end(stage)
        for child in self._children[stage]:
            awaited = self._awaited.get(child)
            if awaited is not None:
                awaited.remove(stage)
                if not awaited:
                    insort(self._ready, child, key=self._rank.__getitem__)

    def give_up(self, stage: str) -> list[str]:
        """A stage failed for good, was refused or cancelled: returns what it holds back.

        That is all that starts from it, parents first.
        """
        self._end(stage)
        lost = [stage]
        for one in lost:  # grows as it goes
            for child in self._children[one]:
                if child in self._awaited:
                    self._end(child)
                    lost.append(child)
        if self._fail_fast:
            self.stop()
        return sorted(lost[1:], key=self._rank.__getitem__)

    def _end(self, stage: str) -> None:
        self._running.discard(stage)
        if self._awaited.pop(stage, None) == set():
            self._ready.remove(stage)


def longest_first(stages: Iterable[Stage], cost: Callable[[Stage], float]) -> tuple[Stage, ...]:
    """Stages by the longest path that begins with them, so that no long chain starts last."""
    planned = tuple(stages)
    longest: dict[str, float] = {}
    after: dict[str, float] = {}
    for stage in reversed(planned):
        longest[stage.id] = cost(stage) + after.get(stage.id, 0.0)
        for parent in stage.parents:
            after[parent.id] = max(after.get(parent.id, 0.0), longest[stage.id])
    return tuple(sorted(planned, key=lambda stage: -longest[stage.id]))
