"""What would settle an effect that is undecided: more seeds, or a larger test set."""

from __future__ import annotations

import math
from bisect import bisect_left

from scipy.special import ndtri

from transfer_study.analysis.evidence import Effect
from transfer_study.analysis.uncertainty import strict_reach
from transfer_study.spec.study import MOST_SEEDS


def distance(effect: Effect) -> float:
    """How far the end of an interval may be from the effect for a verdict on it.

    An effect above the margin must leave out zero, one below it must stay inside the margin.
    """
    size = abs(effect.delta)
    return size if size > effect.margin else effect.margin - size


def seeds_to_settle(effect: Effect) -> float:
    """With how many seeds an undecided effect is decided, if it stays as it is measured.

    The level stays too. Infinite where no number does, since the examples alone leave too much
    doubt; NaN with one seed, which does not tell.
    """
    if not effect.error > 0:
        return math.nan
    examples, documents, enough = effect.example_error**2, effect.n_documents, distance(effect)

    def settles(seeds: int) -> bool:
        parts = effect.seed_sd**2 / seeds, seeds - 1 + effect.lent, examples, documents - 1
        return strict_reach(*parts, effect.level) < enough

    # An interval only narrows with more seeds.
    numbers = range(effect.n_seeds + 1, MOST_SEEDS + 1)
    found = bisect_left(numbers, True, key=settles)
    return numbers[found] if found < len(numbers) else math.inf


def examples_to_settle(effect: Effect) -> float:
    """How many times as large a test set it takes, at the least, with any number of seeds."""
    allowed = distance(effect) / float(ndtri(1 - effect.level / 2))
    return (effect.example_error / allowed) ** 2 if allowed > 0 else math.inf
