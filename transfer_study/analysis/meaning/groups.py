"""Groups of the examples of a test set: by length, by how rare what they ask for is, by words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transfer_study.analysis.meaning.answered import UNSEEN, WORDS, Answered, overlap
from transfer_study.metrics.rows import Floats

# Of fewer examples nothing can be said.
FEWEST = 20
# Shares of the test set's examples below which a label is rare, or neither rare nor common.
_RARE, _COMMON = 0.05, 0.2


@dataclass(frozen=True, eq=False)
class Group:
    """Some examples of a test set, `rows` [N]: `by` what they were told apart, and their name."""

    by: str
    name: str
    rows: NDArray[np.bool_]

    @property
    def n(self) -> int:
        """How many there are."""
        return int(self.rows.sum())


def groups(answered: Answered) -> Iterator[Group]:
    """Those of a test set whoever the partner is."""
    if (words := answered.traits.get(WORDS)) is not None:
        yield from _told_apart("length", _thirds(words, _words))
    yield from _told_apart("rarity", _rarity(answered))


def overlap_groups(answered: Answered, source: str) -> Iterator[Group]:
    """Those by how much of an example's words the partner's training has; none of several."""
    if (share := answered.traits.get(overlap(source))) is not None:
        yield from _told_apart("overlap", _thirds(share, _share))


def _told_apart(by: str, parts: dict[str, NDArray[np.bool_]]) -> Iterator[Group]:
    """Groups of enough examples; of a single one there is nothing to tell."""
    enough = [Group(by, name, rows) for name, rows in parts.items() if rows.sum() >= FEWEST]
    if len(enough) > 1:
        yield from enough


def _thirds(
    values: Floats, named: Callable[[float, float, bool, bool], str]
) -> dict[str, NDArray[np.bool_]]:
    """The examples by the thirds of a trait, each named by its ends; equal values stay together.

    One of which the trait is not known is in none.
    """
    known = ~np.isnan(values)
    if not known.any():
        return {}
    ends = np.unique(np.quantile(values[known], [1 / 3, 2 / 3], method="higher"))
    # The last end is the largest value where many have it: what is above is then empty.
    ends = ends[ends < values[known].max()]
    place = np.where(known, np.searchsorted(ends, values), -1)
    parts = {}
    for n in range(len(ends) + 1):
        of = values[place == n]
        parts[named(of.min(), of.max(), n == 0, n == len(ends))] = place == n
    return parts


def _words(low: float, high: float, first: bool, last: bool) -> str:
    if first:
        return f"up to {high:.0f} words"
    return f"{low:.0f} words or more" if last else f"{low:.0f} to {high:.0f} words"


def _share(low: float, high: float, first: bool, last: bool) -> str:
    if first:
        return f"up to {high:.0%} of its words"
    return (
        f"{low:.0%} of its words or more" if last else f"{100 * low:.0f} to {high:.0%} of its words"
    )


def _rarity(answered: Answered) -> dict[str, NDArray[np.bool_]]:
    """Examples by the rarest of what they ask for: mentions that training lacks, or rare labels."""
    task, unseen = answered.task, answered.traits.get(UNSEEN)
    if task.kind.words:
        if unseen is None:
            return {}
        return {
            "a mention that training lacks": unseen > 0,
            "mentions that training has": unseen == 0,
        }
    if task.kind.candidates or not task.labels:
        return {}
    asked = [
        [name for name in task.kind.classes(label) if name != task.negative]
        for label in answered.gold
    ]
    counts = Counter(name for names in asked for name in names)
    # Of an example without a label that counts F1 knows only what should not be there.
    share = np.array(
        [min((counts[name] for name in names), default=np.nan) for names in asked], dtype=np.float64
    ) / len(asked)
    return {
        f"a label of under {_RARE:.0%} of examples": share < _RARE,
        f"labels of {100 * _RARE:.0f} to {_COMMON:.0%}": (share >= _RARE) & (share < _COMMON),
        f"labels of {_COMMON:.0%} or more": share >= _COMMON,
    }
