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
    jackknife's, that over examples of the sums by document; what seeds and documents make together
    is in both, and counts once.
    """
    names, place = np.unique(np.array(documents), return_inverse=True)
    found = _per_example(model, baseline)
    seeds = np.arange(len(model))
    rest = [] if len(seeds) < FEWEST_SEEDS else [seeds != s for s in seeds]
    left_out = [_per_example(model[of], baseline[of])[:, 2] for of in rest]

    def by_document(values: Floats) -> Floats:
        return np.bincount(place, weights=values, minlength=len(names)).astype(np.float64)

    ways = []
    for way in range(2):
        count, by_seeds, beyond = (float(part) for part in found[way].sum(axis=1))
        interval = Interval(beyond, np.nan, np.nan, np.nan)
        if left_out:
            without = np.stack([by_document(of[way]) for of in left_out])  # [S, documents]
            interval = _interval(beyond, by_document(found[way, 2]), without)
        ways.append(Flips(count, by_seeds, interval))
    right, wrong = ways
    return right, wrong


def _interval(beyond: float, sums: Floats, without: Floats) -> Interval:
    """Of a sum by document, [D], and the same without each of the seeds, [S, D]."""
    n, units = without.shape
    jackknife = (n - 1) / n
    seeds = jackknife * float(np.square(_centred(without.sum(axis=1))).sum())
    both = jackknife * float(np.square(_centred(without)).sum())
    # A resample of the documents varies by this much.
    examples = max(units * float(sums.var()) - both, 0.0)
    variance = Variance(seeds, n - 1.0, examples, float(units), both)
    return combined(beyond, variance, n).interval()


def _centred(values: Floats) -> Floats:
    centred: Floats = values - values.mean(axis=0)
    return centred


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
