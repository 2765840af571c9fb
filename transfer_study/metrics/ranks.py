"""Spearman's correlation of ranks, as a mean over examples that a bootstrap can take again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transfer_study.metrics.correlation import finite
from transfer_study.metrics.rows import Floats, Statistics, ratio
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import Task


def pseudovalues(
    _: Task, gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str]
) -> Statistics:
    """Take rho plus each example's influence on it, and 1; [N, 2].

    Influences have mean 0, so that the mean is rho. Ranks are of the whole test set, and what an
    example does to the ranks of the others is in its influence: resampled means vary as rho does
    when ranks are taken anew (infinitesimal jackknife; Efron 1982), but for its skew. Equal values
    share their mean rank.
    """
    x, y = (np.unique(finite(side), return_inverse=True)[1] for side in (gold, predicted))
    values = np.zeros((len(x), 2))
    values[:, 1] = 1
    if len(x):
        values[:, 0] = _pseudovalues(x, y)
    return Statistics(values, tuple(documents))


def spearman(sums: Floats) -> Floats:
    """Spearman's rho from sums of `pseudovalues`; 0 where either side does not vary."""
    rho: Floats = np.clip(ratio(sums[..., 0], sums[..., 1]), -1, 1)
    return rho


def _pseudovalues(x: NDArray[np.intp], y: NDArray[np.intp]) -> Floats:
    """Rho and influences of values given by their places among the distinct ones."""
    f, g = _share_below(x), _share_below(y)
    # As functionals of the distribution: E[FG], and the variances of both. Each holds the sample
    # three times, once in the mean and once in either rank; the mean rank is always a half.
    together, f_square, g_square = (f * g).mean(), (f * f).mean(), (g * g).mean()
    f_variance, g_variance = f_square - 0.25, g_square - 0.25
    if x.max() == 0 or y.max() == 0:
        return np.zeros(len(x))
    root = np.sqrt(f_variance * g_variance)
    rho = (together - 0.25) / root
    covariance = f * g + _mean_above(x, g) + _mean_above(y, f) - 3 * together
    f_moves = (f * f + 2 * _mean_above(x, f) - 3 * f_square) / f_variance
    g_moves = (g * g + 2 * _mean_above(y, g) - 3 * g_square) / g_variance
    pseudo: Floats = rho + covariance / root - rho * (f_moves + g_moves) / 2
    return pseudo


def _share_below(place: NDArray[np.intp]) -> Floats:
    """The share of examples with a smaller value, and half of those with the same: the mid-rank."""
    shares = np.bincount(place) / len(place)
    below: Floats = (shares.cumsum() - shares / 2)[place]
    return below


def _mean_above(place: NDArray[np.intp], weights: Floats) -> Floats:
    """The mean over examples of their weights, where greater, and half where the same."""
    sums = np.bincount(place, weights) / len(place)
    above: Floats = (sums[::-1].cumsum()[::-1] - sums / 2)[place]
    return above
