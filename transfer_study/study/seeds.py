"""Seeds beyond those that a study lists: always the same, for baselines and for later looks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, count, islice

from transfer_study.study.frozen import MOST_SEED


def extended(seeds: Sequence[int], n: int) -> tuple[int, ...]:
    """So many seeds, the first of them those listed; the others go on after the largest.

    Seeds below the first may have been left out on purpose: they come last, where there are no
    larger ones.
    """
    larger = range(max(seeds) + 1, MOST_SEED + 1)
    further = (seed for seed in chain(larger, count()) if seed not in seeds)
    return (*seeds[:n], *islice(further, max(n - len(seeds), 0)))
