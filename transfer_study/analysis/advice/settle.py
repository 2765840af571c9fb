"""What would settle an effect that is undecided: more seeds, or a larger test set."""

from __future__ import annotations

import math

import numpy as np

from transfer_study.analysis.advice.evidence import Effect
from transfer_study.analysis.doubt.power import POWER, chance_beyond
from transfer_study.analysis.doubt.seed_counts import variance_at
from transfer_study.analysis.effects.sequential import Sequential
from transfer_study.analysis.effects.tails import strict_reach
from transfer_study.study.looks import Looks

# Beyond it, seeds are better spent on something else.
AFFORDABLE_SEEDS = 50
_LARGER = 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0


def chance(effect: Effect, n_seeds: int, larger: float = 1.0) -> float:
    """How likely an undecided effect is to be decided by `run --until-decided` up to these seeds.

    `larger` is how many times as many test examples there will be. What was seen is all that is
    known of the effect: the mean to come lies around it. NaN with one seed, which does not tell.
    """
    if not effect.error > 0:
        return math.nan
    counts = Looks.fixed(range(effect.n_seeds), n_seeds).counts
    level = Sequential(counts).level(effect.level, n_seeds)
    found = effect.n_seeds, effect.n_baseline_seeds
    noise, coming = (effect.seed_sd, effect.score_sd, found), (n_seeds, max(n_seeds, found[1]))
    now, then = (float(variance_at(*noise, seeds)) for seeds in (found, coming))
    examples = effect.example_error**2
    freedom, documents = n_seeds - 1 + effect.lent, larger * effect.n_documents
    reach = strict_reach(then, freedom, examples / larger, documents - 1, alpha=level)
    to_come = now - then + examples * (1 - 1 / larger)
    numbers = effect.delta, effect.margin, reach, math.sqrt(max(to_come, 0.0))
    return float(chance_beyond(*(np.array(number) for number in numbers)))


def seeds_to_settle(effect: Effect) -> int:
    """The fewest seeds that decide an effect with a chance of 80%, or the most that are affordable.

    Of one that has more seeds already, as many again.
    """
    most = max(AFFORDABLE_SEEDS, 2 * effect.n_seeds)
    numbers = range(effect.n_seeds + 1, most + 1)
    return next((n for n in numbers if chance(effect, n) >= POWER), most)


def examples_to_settle(effect: Effect, n_seeds: int) -> float:
    """How many times as large a test set gives a chance of 80% with so many seeds, if any does."""
    return next((k for k in _LARGER if chance(effect, n_seeds, k) >= POWER), math.inf)
