"""How many test examples a model answers otherwise than its baseline, beyond what seeds do.

Two runs of one recipe that differ in their seed alone answer many examples otherwise. With p and q
the chances that a run of the baseline and one of the model are right of an example, a run of each
answers (1 - p) q of it rightly that the baseline does not; two runs of the baseline differ so by
p (1 - p). What the former sum has beyond the mean of the latter for both arms is
((q - p)² + (q - p)) / 2: the examples that change because of the arm. All is estimated from runs of
different seeds, which are independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transfer_study.analysis.effects.uncertainty import Interval, Variance, combined
from transfer_study.metrics.rows import Floats

Right = NDArray[np.bool_]  # [S, N]: whether a run is right of an example

FEWEST_SEEDS = 3  # of two nothing is left to vary where one is left out


@dataclass(frozen=True, slots=True)
class Flips:
    """Of two runs, one of each arm: the examples that go one way, and those beyond what seeds do.

    `by_seeds` are the examples that go that way between two runs of one arm.
    """

    count: float
    by_seeds: float
    beyond: Interval


def flips(model: Right, baseline: Right, documents: Sequence[str]) -> tuple[Flips, Flips]:
    """The examples that become right, and those that become wrong; runs are of the same seeds.

    There are two seeds or more, and an interval from three on. The variance over seeds is the
    jackknife's, that over examples of the sums by document.
    """
    per_example = _per_example(model, baseline)
    n_seeds = len(model)
    left_out = []
    if n_seeds >= FEWEST_SEEDS:
        every = np.arange(n_seeds)
        left_out = [
            _per_example(model[every != s], baseline[every != s])[:, 2].sum(axis=1)
            for s in range(n_seeds)
        ]
    return (
        _flips(per_example[0], [sums[0] for sums in left_out], documents),
        _flips(per_example[1], [sums[1] for sums in left_out], documents),
    )


def _per_example(model: Right, baseline: Right) -> Floats:
    """[2 ways, 3, N]: what goes that way, what does by seeds, and the difference."""
    m, b = model.astype(np.float64), baseline.astype(np.float64)
    gained, lost = _different(m, 1 - b), _different(1 - m, b)
    seeds = (_different(m, 1 - m) + _different(b, 1 - b)) / 2
    return np.stack([np.stack([way, seeds, way - seeds]) for way in (gained, lost)])


def _different(one: Floats, other: Floats) -> Floats:
    """The mean product over pairs of runs of different seeds, by example."""
    n = len(one)
    mean: Floats = (one.sum(axis=0) * other.sum(axis=0) - (one * other).sum(axis=0)) / (n * (n - 1))
    return mean


def _flips(found: Floats, left_out: Sequence[float], documents: Sequence[str]) -> Flips:
    count, by_seeds, beyond = (float(part) for part in found.sum(axis=1))
    if not left_out:
        return Flips(count, by_seeds, Interval(beyond, np.nan, np.nan, np.nan))
    names, place = np.unique(np.array(documents), return_inverse=True)
    sums = np.bincount(place, weights=found[2], minlength=len(names))
    # A resample of the documents varies by this much.
    examples = len(names) * float(sums.var())
    n = len(left_out)
    seeds = (n - 1) / n * float(np.square(np.subtract(left_out, np.mean(left_out))).sum())
    effect = combined(beyond, Variance(seeds, n - 1.0, examples, float(len(names))), n)
    return Flips(count, by_seeds, effect.interval())
