"""Which stages hang: those that have given no sign of life for too long.

A stage gives a sign when it begins and after each epoch, for what hangs may still have threads that
live. How long it may be silent is many times what the whole of it is expected to take, by what was
measured before this run and in it; where nothing was measured, a day.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

# A slow machine may take many times what a fast one took; reading data and encoder takes its time.
_MULTIPLE, _LEAST, _UNKNOWN = 20.0, 1800.0, 86_400.0
# What was ended once may only have been slow.
_LONGER = 4.0


class Silences:
    """The running stages by when they gave their last sign, in seconds of a clock of this process.

    `costs` are the stages' expected seconds, or what is in proportion to these. `allowed` is how
    long any may be silent, 0 for ever, None by what it costs.
    """

    def __init__(
        self,
        costs: Mapping[str, float],
        allowed: float | None,
        *,
        in_seconds: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._costs = costs
        self._allowed = allowed
        self._rate = 1.0 if in_seconds else 0.0  # seconds a unit of cost, the most so far
        self._clock = clock
        self._began: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._ended: dict[str, int] = {}  # how often, for its silence

    def begin(self, stage: str) -> None:
        """A stage begins, for the first time or again."""
        self._began[stage] = self._last[stage] = self._clock()

    def sign(self, stage: str) -> None:
        """A stage gives a sign of life."""
        self._last[stage] = self._clock()

    def finish(self, stage: str) -> None:
        """A stage is committed, from which is known how long others take."""
        if (began := self._began.get(stage)) is not None:
            taken = self._clock() - began
            self._rate = max(self._rate, taken / max(self._costs[stage], 1e-9))
        self.leave(stage)

    def leave(self, stage: str) -> None:
        """A stage runs no more, however it ended."""
        self._began.pop(stage, None)
        self._last.pop(stage, None)

    def hanging(self) -> list[str]:
        """The stages that have been silent for too long; each is told once."""
        now = self._clock()
        found = [s for s, last in self._last.items() if 0 < self.allowed(s) < now - last]
        for stage in found:
            del self._last[stage]
        return found

    def ended(self, stage: str) -> float:
        """A stage was ended for its silence of at least so many seconds; it may be longer next."""
        silent = self.allowed(stage)
        self._ended[stage] = self._ended.get(stage, 0) + 1
        return silent

    def allowed(self, stage: str) -> float:
        """How many seconds a stage may be silent; 0 is for ever."""
        if self._allowed is not None:
            return self._allowed
        expected = _MULTIPLE * self._rate * self._costs[stage]
        usual = max(expected, _LEAST) if self._rate else _UNKNOWN
        return usual * _LONGER ** self._ended.get(stage, 0)
