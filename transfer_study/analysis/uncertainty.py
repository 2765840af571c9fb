"""How sure a mean difference is, where runs and test examples both vary."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from transfer_study.metrics.rows import Floats

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean difference, its interval, and the p of the two-sided test that it is 0."""

    mean: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Crossed:
    """A mean difference over seeds and examples, and what makes it uncertain.

    `seed_sd` is the standard deviation of the differences over seeds, `example_error` the part of
    the standard error that more seeds do not take away: error² = seed_sd² / S + example_error².
    `freedom` are the degrees of freedom of the error. NaN is what one seed does not tell.
    """

    mean: float
    seed_sd: float
    example_error: float
    error: float
    freedom: float

    def interval(self, alpha: float = ALPHA) -> Interval:
        """The t interval at confidence 1 - alpha, and the p that inverts it."""
        if math.isnan(self.error):
            return Interval(self.mean, math.nan, math.nan, math.nan)
        if self.error == 0:
            return Interval(self.mean, self.mean, self.mean, float(self.mean == 0))
        # scipy.special's functions are those of scipy.stats.t, without its slow import.
        reach = float(stdtrit(self.freedom, 1 - alpha / 2)) * self.error
        p = 2 * float(stdtr(self.freedom, -abs(self.mean) / self.error))
        return Interval(self.mean, self.mean - reach, self.mean + reach, p)


UNKNOWN = Crossed(math.nan, math.nan, math.nan, math.nan, math.nan)


def crossed(observed: ArrayLike, replicates: Floats, units: int) -> Crossed:
    """The uncertainty of the mean of differences, [S], over seeds and over test examples.

    `replicates` are the same differences on resampled examples, [S, B], of `units` documents each.
    One difference has a mean but no error; none has neither. A single document cannot be drawn
    again: only seeds count.
    """
    d = np.asarray(observed, dtype=np.float64)
    if len(d) < 2:
        return Crossed(float(d[0]), *[math.nan] * 4) if len(d) else UNKNOWN
    # Of equal values neither mean nor variance may have a rounding.
    alike = bool(np.ptp(d) == 0)
    mean = float(d[0] if alike else d.mean())
    seeds = 0.0 if alike else float(d.var(ddof=1)) / len(d)
    averaged = replicates.mean(axis=0)
    # Seeds' and examples' variance both hold that of their interaction: once is enough.
    interaction = float((replicates - averaged).var(axis=1).sum()) / (len(d) - 1) / len(d)
    # A resample varies by 1 - 1/units of what a fresh test set does.
    fresh = units / max(units - 1, 1)
    examples = max(float(averaged.var()) - interaction, 0.0) * fresh
    error = math.sqrt(seeds + examples)
    # Satterthwaite, 1946. Where the variance of few seeds came out small by chance, his freedom is
    # far too large (3 seeds: 95% would cover 92). It is reckoned as if seeds had a part, 1 of S, of
    # what examples have; with many seeds, or seeds alone, that changes nothing.
    doubtful = seeds + examples / len(d)
    shares = doubtful**2 / (len(d) - 1) + examples**2 / max(units - 1, 1)
    freedom = error**4 / shares if shares else float(len(d) - 1)
    return Crossed(mean, math.sqrt(seeds * len(d)), math.sqrt(examples), error, freedom)


def paired_t(differences: ArrayLike) -> Interval:
    """Student's t over differences of paired runs, [S].

    One difference has a mean but no interval and none has neither: NaN. Differences that are all
    the same leave no doubt: the interval is their value, and p is 0, or 1 where the value is 0.
    """
    d = np.asarray(differences, dtype=np.float64)
    return crossed(d, np.zeros((len(d), 1)), 1).interval()
