"""How sure a mean difference is, where runs and test examples both vary."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import chdtri, ndtr, ndtri, stdtr, stdtrit

from transfer_study.metrics.rows import Floats

ALPHA = 0.05
ROUNDING = 1e-12  # an error up to it is that of arithmetic


# From so many documents on, a t is as good as normal: its 99.9% point is within 2%.
_MANY_DOCUMENTS = 200


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean difference, its interval, and the p of the two-sided test that it is 0."""

    mean: float
    low: float
    high: float
    p: float

    def within(self, least: float, most: float) -> Interval:
        """The interval as far as values are possible, without ends where it holds all that are.

        Such an interval rules nothing out. The test's p stays.
        """
        if math.isnan(self.low) or (self.low <= least and self.high >= most):
            return Interval(self.mean, math.nan, math.nan, self.p)
        return Interval(self.mean, max(self.low, least), min(self.high, most), self.p)


@dataclass(frozen=True, slots=True)
class Crossed:
    """A mean difference over seeds and examples, and what makes it uncertain.

    `seed_sd` is the standard deviation of the differences over seeds, `example_error` the part of
    the standard error that more seeds do not take away: error² = seed_sd² / S + example_error².
    `freedom` are the degrees of freedom of the error, `seed_freedom` and `example_freedom` those
    of its parts. NaN is what one seed, or one document, does not tell.
    """

    mean: float
    seed_sd: float = math.nan
    example_error: float = math.nan
    error: float = math.nan
    freedom: float = math.nan
    seed_freedom: float = math.nan
    example_freedom: float = math.nan

    @property
    def known(self) -> bool:
        """Whether there is an error to judge by.

        Runs that all score alike have none: how often others would differ is not known, and an
        interval of no width would be certainty from nothing.
        """
        return self.error > ROUNDING

    def interval(self, alpha: float = ALPHA) -> Interval:
        """The t interval at confidence 1 - alpha, and the p that inverts it."""
        if not self.known:
            return Interval(self.mean, math.nan, math.nan, math.nan)
        # scipy.special's functions are those of scipy.stats.t, without its slow import.
        reach = float(stdtrit(self.freedom, 1 - alpha / 2)) * self.error
        p = 2 * float(stdtr(self.freedom, -abs(self.mean) / self.error))
        return Interval(self.mean, self.mean - reach, self.mean + reach, p)

    def strict(self, alpha: float) -> Interval:
        """The interval and p for levels far below 5%, as of one edge among many.

        Satterthwaite's freedom is itself an estimate: where few seeds happen to agree, it is far
        too large, and in the tails that is what false edges are made of. Here the seeds' variance
        is as uncertain as so few make it (Behrens and Fisher), which errs on the safe side, and so
        is the examples' where these are of few documents.
        """
        if not self.known:
            return self.interval(alpha)
        seeds = max(self.error**2 - self.example_error**2, 0.0)
        parts = seeds, self.seed_freedom, self.example_error**2, self.example_freedom
        reach = strict_reach(*parts, alpha)
        p = strict_p(abs(self.mean), *parts)
        return Interval(self.mean, self.mean - reach, self.mean + reach, p)


def strict_p(
    size: float, seeds: float, seed_freedom: float, examples: float, example_freedom: float
) -> float:
    """The p of an effect of this size, by the two parts of its variance (`Crossed.strict`)."""
    of_seeds, seed_weights = _scales(seed_freedom)
    of_examples, example_weights = _scales(_few(example_freedom))
    variance = (seeds / of_seeds)[:, None] + examples / of_examples
    return 2 * float(seed_weights @ ndtr(-size / np.sqrt(variance)) @ example_weights)


def strict_reach(
    seeds: float, seed_freedom: float, examples: float, example_freedom: float, alpha: float
) -> float:
    """Half the width of such an interval at confidence 1 - alpha."""
    if not seeds + examples > 0:
        return 0.0
    # The sum of both parts' own quantiles is certainly too far.
    most = float(stdtrit(seed_freedom, 1 - alpha / 2)) * math.sqrt(seeds)
    documents = _few(example_freedom)
    quantile = ndtri(1 - alpha / 2) if math.isinf(documents) else stdtrit(documents, 1 - alpha / 2)
    most += float(quantile) * math.sqrt(examples)

    def excess(size: float) -> float:
        p = strict_p(size, seeds, seed_freedom, examples, example_freedom)
        return math.log(max(p, 1e-300) / alpha)

    return float(brentq(excess, 0.0, 1.01 * most))


def _few(freedom: float) -> float:
    """The degrees of freedom where there are few of them, else without end."""
    return freedom if freedom < _MANY_DOCUMENTS else math.inf


@lru_cache
def _scales(freedom: float) -> tuple[Floats, Floats]:
    """Values of a chi-square over its freedom, evenly spread in their logarithm; weights."""
    if math.isinf(freedom):
        return np.ones(1), np.ones(1)
    least, most = chdtri(freedom, 1 - 1e-10) / freedom, chdtri(freedom, 1e-10) / freedom
    log = np.linspace(math.log(least), math.log(most), 200)
    density = np.exp(freedom / 2 * (log - np.exp(log)))
    return np.exp(log), density / density.sum()


UNKNOWN = Crossed(math.nan)
_NO_EXAMPLES = math.inf  # their part is zero, however many there are


def crossed(observed: ArrayLike, replicates: Floats, units: float) -> Crossed:
    """The uncertainty of the mean of differences, [S], over seeds and over test examples.

    `replicates` are the same differences on resampled examples, [S, B], of `units` documents each.
    One difference has a mean but no error; none has neither. A single document cannot be drawn
    again, and says nothing of how documents vary: no error either.
    """
    d = np.asarray(observed, dtype=np.float64)
    if len(d) < 2:
        return Crossed(float(d[0])) if len(d) else UNKNOWN
    # Of equal values neither mean nor variance may have a rounding.
    alike = bool(np.ptp(d) == 0)
    mean = float(d[0] if alike else d.mean())
    seeds = 0.0 if alike else float(d.var(ddof=1)) / len(d)
    averaged = replicates.mean(axis=0)
    # Seeds' and examples' variance both hold that of their interaction: once is enough.
    interaction = float((replicates - averaged).var(axis=1).sum()) / (len(d) - 1) / len(d)
    examples = max(float(averaged.var()) - interaction, 0.0)
    return combined(mean, seeds, len(d) - 1.0, examples, units, math.sqrt(seeds * len(d)))


def combined(
    mean: float,
    seeds: float,
    seed_freedom: float,
    examples: float,
    units: float = math.inf,
    seed_sd: float = math.nan,
) -> Crossed:
    """An effect with the two parts of its mean's variance, over seeds and over resampled units."""
    if units < 2:
        return Crossed(mean, seed_sd)
    # A resample varies by 1 - 1/units of what a fresh test set does.
    examples *= 1.0 if math.isinf(units) else units / (units - 1)
    error = math.sqrt(seeds + examples)
    freedom = float(satterthwaite(seeds, seed_freedom, examples, units))
    return Crossed(mean, seed_sd, math.sqrt(examples), error, freedom, seed_freedom, units - 1.0)


def satterthwaite(
    seeds: ArrayLike, seed_freedom: ArrayLike, examples: ArrayLike, units: ArrayLike
) -> Floats:
    """The degrees of freedom of the sum of both parts (Satterthwaite, 1946).

    Where the variance of few seeds came out small by chance, his freedom is far too large (3 seeds:
    95% would cover 92). It is reckoned as if seeds had a part, 1 of S, of what examples have; with
    many seeds, or seeds alone, that changes nothing.
    """
    seeds, examples = (np.asarray(part, dtype=np.float64) for part in (seeds, examples))
    of_seeds = np.asarray(seed_freedom, dtype=np.float64)
    doubtful = seeds + examples / (of_seeds + 1)
    shares = doubtful**2 / of_seeds + examples**2 / np.maximum(np.asarray(units) - 1, 1)
    # Without any error the freedom is of no consequence.
    some = shares > 0
    return np.where(some, (seeds + examples) ** 2 / np.where(some, shares, 1), of_seeds)


def paired_t(differences: ArrayLike) -> Interval:
    """Student's t over differences of paired runs, [S].

    One difference, or several that are all the same, have a mean but no interval, and none has
    neither: NaN.
    """
    d = np.asarray(differences, dtype=np.float64)
    return crossed(d, np.zeros((len(d), 1)), _NO_EXAMPLES).interval()
