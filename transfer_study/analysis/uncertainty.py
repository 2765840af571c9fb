"""How sure a mean difference is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean difference, its 95% interval, and the p of the two-sided test that it is 0."""

    mean: float
    low: float
    high: float
    p: float


def paired_t(differences: ArrayLike) -> Interval:
    """Student's t over differences of paired runs, [S].

    One difference has a mean but no interval and none has neither: NaN. Differences that are all
    the same leave no doubt: the interval is their value, and p is 0, or 1 where the value is 0.
    """
    d = np.asarray(differences, dtype=np.float64)
    if len(d) < 2:
        return Interval(float(d[0]) if len(d) else math.nan, math.nan, math.nan, math.nan)
    if np.ptp(d) == 0:
        same = float(d[0])
        return Interval(same, same, same, float(same == 0))
    freedom = len(d) - 1
    mean, error = float(d.mean()), float(d.std(ddof=1) / math.sqrt(len(d)))
    # scipy.special's functions are those of scipy.stats.t, without its slow import.
    reach = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * error
    p = 2 * float(stdtr(freedom, -abs(mean) / error))
    return Interval(mean, mean - reach, mean + reach, p)
