"""Looks: the numbers of seeds at which edges are judged, fixed before the first.

A verdict once reached stands, and false ones stay within the study's level over all looks, however
often seeds were added (analysis/effects/sequential.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from typing_extensions import Self

from transfer_study.errors import StudyError
from transfer_study.study.frozen import Frozen
from transfer_study.study.recipes.protocol import Protocol
from transfer_study.study.seeds import extended

USUAL_LOOKS = 3


class Edge(Frozen):
    """What names an edge of a study, whatever its seeds."""

    protocol: str = Protocol.CLEAN
    variant: str = ""
    encoder: str
    reading: str
    arm: str
    source: str
    target: str
    size: int | None = None


class Looked(Frozen):
    """How an edge stands: its seeds, its verdict, and the look that decided it, if any did."""

    edge: Edge
    n_seeds: int
    verdict: str
    look: int | None


class Looks(Frozen):
    """The seeds in the order in which they are added, and how many there are at each look.

    `done` of the looks are complete, and after the last of them `edges` stand as they say; no edge
    has more than the first look's seeds before.
    """

    seeds: tuple[int, ...]
    counts: tuple[int, ...]
    done: int = 0
    edges: tuple[Looked, ...] = ()

    @property
    def options(self) -> list[str]:
        """The words of a command line that ask for them."""
        return [
            "--until-decided",
            "--max-seeds",
            str(self.counts[-1]),
            "--looks",
            str(len(self.counts)),
        ]

    @classmethod
    def fixed(cls, seeds: Sequence[int], max_seeds: int, looks: int | None = None) -> Self:
        """Spread looks evenly from the study's seeds to the most; StudyError where none fit.

        Three looks, or as many as there can be, where nothing is said. Further seeds go on after
        the largest: smaller ones that a study leaves out may have chosen its recipe.
        """
        least = len(seeds)
        if max_seeds < least:
            raise StudyError(
                f"--max-seeds: found {max_seeds}, but the study has {least} seeds already; "
                f"give at least {least}, or fewer `seeds` in the study"
            )
        possible = max_seeds - least + 1
        k = min(USUAL_LOOKS, possible) if looks is None else looks
        if not 1 <= k <= possible:
            raise StudyError(
                f"--looks: found {k}, but from {least} to {max_seeds} seeds there can be "
                f"1 to {possible} looks; give one of these"
            )
        steps = (max_seeds - least) / max(k - 1, 1)
        # A single look has all the seeds at once.
        counts = [round(least + n * steps) for n in range(k - 1)] + [max_seeds]
        return cls(seeds=extended(seeds, max_seeds), counts=tuple(counts))

    def seeds_at(self, look: int) -> frozenset[int]:
        """The seeds of a look, counted from 1."""
        return frozenset(self.seeds[: self.counts[look - 1]])

    def n_seeds(self) -> dict[Edge, int]:
        """How many of the seeds each edge has been given; those not named, as at the first look."""
        return {looked.edge: looked.n_seeds for looked in self.edges}

    def listed(self) -> str:
        """The numbers of seeds, for sentences."""
        return ", ".join(map(str, self.counts))

    def undecided(self) -> frozenset[Edge]:
        """The edges that the looks done leave open."""
        return frozenset(e.edge for e in self.edges if e.verdict == "undecided")

    def after(self, edges: Iterable[Looked]) -> Self:
        """The look that is next, done: the edges stand so."""
        return self.model_copy(update={"done": self.done + 1, "edges": tuple(edges)})

    def another(self, undecided: Collection[Edge]) -> Self:
        """The next look, its seeds given to these edges and not yet judged."""
        n_seeds = self.counts[self.done]
        edges = tuple(
            e.model_copy(update={"n_seeds": n_seeds}) if e.edge in undecided else e
            for e in self.edges
        )
        return self.model_copy(update={"done": self.done + 1, "edges": edges})
