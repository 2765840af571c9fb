"""Which machines of a cluster are given stages, by what was heard of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

# A machine on which so many stages in a row fail for want of a file or of a place to write is given
# no more, where there are others.
_IN_A_ROW = 2


@dataclass(eq=False)
class Machines:
    """The machines that live, by id with their names, and those among them that are refused.

    `living` is asked anew each time: machines come and go.
    """

    living: Callable[[], Mapping[str, str]]
    refused: dict[str, str] = field(default_factory=dict)  # why, in words that begin with the name
    _tried: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # by stage
    _failed: Counter[str] = field(default_factory=Counter)  # in a row

    def refuse(self, machine: str, why: str) -> bool:
        """Give a machine no more stages; whether it had not been refused before."""
        known = machine in self.refused
        self.refused.setdefault(machine, f"{self.name(machine)} {why}")
        return not known

    def name(self, machine: str) -> str:
        """What people call a machine."""
        return self.living().get(machine, machine[:8])

    @property
    def left(self) -> bool:
        """Whether a machine is left that may be given stages."""
        return bool(self._others(()))

    def succeeded(self, machine: str) -> None:
        """A stage is committed there."""
        del self._failed[machine]

    def failed(self, machine: str, stage: str) -> bool:
        """A stage failed there for a reason of the machine's; whether to try it on another."""
        self._failed[machine] += 1
        self._tried[stage].add(machine)
        return bool(self._others(self._tried[stage]))

    def unreliable(self, machine: str) -> bool:
        """Whether too many stages in a row failed on a machine, and others are left."""
        return self._failed[machine] >= _IN_A_ROW and bool(self._others({machine}))

    def avoided(self, stage: str) -> tuple[str, ...]:
        """The machines that a stage is not to run on."""
        tried = self._tried.get(stage, set())
        avoided = {*self.refused, *(tried if self._others(tried) else ())}
        return tuple(sorted(avoided))

    def _others(self, than: Collection[str]) -> set[str]:
        return {m for m in self.living() if m not in self.refused and m not in than}
