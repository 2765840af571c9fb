"""Pearson's correlation from sums of products."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from transfer_study.metrics.rows import Floats, Statistics
from transfer_study.spec.example import Label
from transfer_study.spec.task import Task


def products(
    _: Task, gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str]
) -> Statistics:
    """Take 1, x, y, xx, yy and xy per example, x and y centred; [N, 6]."""
    x, y = _centred(gold), _centred(predicted)
    columns = np.ones_like(x), x, y, x * x, y * y, x * y
    return Statistics(np.column_stack(columns), tuple(documents))


def pearson(sums: Floats) -> Floats:
    """Pearson's r from sums of `products`; 0 where either side does not vary."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    n = np.maximum(n, 1)
    x_spread, y_spread = xx - x * x / n, yy - y * y / n
    # A resample may draw one value only: what is left of its spread is then rounding.
    varies = (x_spread > 1e-12 * xx) & (y_spread > 1e-12 * yy)
    product = np.where(varies, x_spread * y_spread, 1.0)
    return np.where(varies, np.clip((xy - x * y / n) / np.sqrt(product), -1, 1), 0.0)


def _centred(values: ArrayLike) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    if not x.size or not np.isfinite(x).all():
        return np.zeros_like(x)  # predictions of a diverged model tell as little as constant ones
    # The median, since it makes constants exactly 0, where a mean leaves rounding.
    centred: Floats = x - np.median(x)
    return centred
