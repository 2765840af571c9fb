"""Pearson's correlation from sums of products."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from transfer_study.metrics.rows import Floats, Statistics
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import Task


def products(
    _: Task, gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str]
) -> Statistics:
    """Take 1, x, y, xx, yy and xy per example, x and y centred and scaled to [-1, 1]; [N, 6].

    Neither changes a correlation. Differences more than 1e154 times smaller than the largest, of
    which squares vanish, count as none.
    """
    x, y = _standard(gold), _standard(predicted)
    columns = np.ones_like(x), x, y, x * x, y * y, x * y
    return Statistics(np.column_stack(columns), tuple(documents))


def pearson(sums: Floats) -> Floats:
    """Pearson's r from sums of `products`; 0 where either side does not vary."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    n = np.maximum(n, 1)
    x_spread, y_spread = xx - x * x / n, yy - y * y / n
    # A resample may draw one value only: what is left of its spread is then rounding.
    varies = (x_spread > 1e-12 * xx) & (y_spread > 1e-12 * yy)
    # Two roots: the product of two small spreads may vanish.
    x_root, y_root = (np.sqrt(np.where(varies, spread, 1.0)) for spread in (x_spread, y_spread))
    return np.where(varies, np.clip((xy - x * y / n) / x_root / y_root, -1, 1), 0.0)


def finite(values: ArrayLike) -> Floats:
    """The values as an array; predictions of a diverged model tell as little as constant ones."""
    x = np.asarray(values, dtype=np.float64)
    return x if np.isfinite(x).all() else np.zeros_like(x)


def _standard(values: ArrayLike) -> Floats:
    x = finite(values)
    if not x.size:
        return x
    # The median, since it makes constants exactly 0, where a mean leaves rounding; and it is within
    # a standard deviation of the mean, so that sums of squares lose no digits.
    x = _scaled(x)
    return _scaled(x - np.median(x))


def _scaled(x: Floats) -> Floats:
    """The same within [-1, 1], divided by a power of two: without rounding."""
    _, exponent = np.frexp(np.abs(x).max())
    scaled: Floats = np.ldexp(x, -exponent)
    return scaled
