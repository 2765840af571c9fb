"""What would settle an effect that is undecided: more seeds, or a larger test set."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from transfer_study.analysis.evidence import Effect
from transfer_study.spec.study import MOST_SEEDS


def distance(effect: Effect) -> float:
    """How far the end of an interval may be from the effect for a verdict on it.

    An effect above the margin must leave out zero, one below it must stay inside the margin.
    """
    size = abs(effect.delta)
    return size if size > effect.margin else effect.margin - size


def level(effect: Effect) -> float:
    """The level at which the effect's adjusted interval stands."""
    return 2 * float(stdtr(effect.freedom, -effect.reach / effect.error))


def seeds_to_settle(effect: Effect) -> float:
    """With how many seeds an undecided effect is decided, if it stays as it is measured.

    The level stays too; the degrees of freedom grow with the seeds, those of the examples being
    many. Infinite where no number does, since the examples alone leave too much doubt; NaN with
    one seed, which does not tell.
    """
    if not effect.error > 0:
        return math.nan
    seeds = np.arange(effect.n_seeds + 1, MOST_SEEDS + 1)
    of_seeds = effect.seed_sd**2 / seeds
    error = np.sqrt(of_seeds + effect.example_error**2)
    with np.errstate(divide="ignore"):
        freedom = error**4 / (of_seeds**2 / (seeds - 1))
    reach = stdtrit(np.minimum(freedom, 1e9), 1 - level(effect) / 2) * error
    enough = seeds[reach < distance(effect)]
    return int(enough[0]) if len(enough) else math.inf


def examples_to_settle(effect: Effect) -> float:
    """How many times as large a test set it takes, at the least, with any number of seeds."""
    allowed = distance(effect) / float(ndtri(1 - level(effect) / 2))
    return (effect.example_error / allowed) ** 2 if allowed > 0 else math.inf
