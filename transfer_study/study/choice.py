"""A choice: the pairs of a study that are measured, where a budget does not reach for all.

Which pair is next may depend on all that was seen. A pair once chosen is measured with every seed
of the study, whatever these show, and verdicts are corrected for all edges that the study has,
those that were never measured included: so no edge is given another chance for how it came out.
"""

from __future__ import annotations

from transfer_study.study.arms import Control, arm_of
from transfer_study.study.frozen import Frozen
from transfer_study.study.system import System


class Pair(Frozen):
    """Two tasks, in the order of their names, that one encoder learns together or in turn."""

    encoder: str
    tasks: tuple[str, str]


class PairChoice(Frozen):
    """The pairs of each round, and the words of a command line that asked for them."""

    options: tuple[str, ...]
    rounds: tuple[tuple[Pair, ...], ...] = ()

    @property
    def pairs(self) -> frozenset[Pair]:
        """Those of all rounds."""
        return frozenset(pair for chosen in self.rounds for pair in chosen)

    def another(self, pairs: tuple[Pair, ...]) -> PairChoice:
        """With one round more."""
        return self.model_copy(update={"rounds": (*self.rounds, pairs)})


def pair_of(system: System) -> Pair | None:
    """The pair whose effect a system shows; None for tasks alone, for larger mixes and controls."""
    arm = arm_of(system.arm)
    if arm is None or not arm.of_pairs or len(system.sources) != 1:
        return None
    return pair_named(system.encoder, *system.sources, system.target)


def pair_named(encoder: str, one: str, other: str) -> Pair:
    """The pair of two tasks, in whichever order."""
    first, last = sorted((one, other))
    return Pair(encoder=encoder, tasks=(first, last))


def is_of_control(system: System) -> bool:
    """Whether a system is measured for the sake of a pair alone."""
    return system.arm in Control.known
