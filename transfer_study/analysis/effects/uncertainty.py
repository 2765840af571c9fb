"""How sure a mean difference is, where runs and test examples both vary."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from transfer_study.analysis.effects.tails import strict_p, strict_reach
from transfer_study.metrics.rows import Floats

ALPHA = 0.05
ROUNDING = 1e-12  # an error up to it is that of arithmetic
# How much of the interaction of seeds and examples has the degrees of freedom of examples, by the
# share of it in the seeds' variance. With all of it, 95% intervals of three seeds on 1,000 examples
# cover 92% of the time; with none, of three seeds on 100, more than 99% (benchmarks/coverage.py).
KNOWN_INTERACTION = 2 / 3


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
    The first part is at least `interaction`, which seeds and examples make together. `freedom` are
    the degrees of freedom of the error, `seed_freedom` and `example_freedom` those of its parts.
    `score_sd` is what the model's own runs vary by, which is another part of that where a baseline
    has more of them. NaN is what one seed, or one document, does not tell.
    """

    mean: float
    seed_sd: float = math.nan
    example_error: float = math.nan
    error: float = math.nan
    freedom: float = math.nan
    seed_freedom: float = math.nan
    example_freedom: float = math.nan
    interaction: float = 0.0
    found: float = math.nan  # the seeds' variance of the mean, which may have come out less
    score_sd: float = math.nan

    @property
    def known(self) -> bool:
        """Whether there is an error to judge by.

        Runs that all score alike have none: how often others would differ is not known, and an
        interval of no width would be certainty from nothing.
        """
        return self.error > ROUNDING

    def with_seeds(
        self, variance: float, freedom: float, n_seeds: int, of_scores: float = math.nan
    ) -> Crossed:
        """The same mean, where more is known of its variance over seeds, times their number.

        And of the variance of one run's score.

        With its further degrees of freedom it is held to be no less than the interaction; were the
        true one alone, as where less is known, a noisy baseline would make false edges in 6% of
        studies (benchmarks/power_forms.py).
        """
        seeds = max(variance / n_seeds, self.interaction)
        examples = self.example_error**2
        total = float(satterthwaite(seeds, freedom, examples, self.example_freedom + 1))
        return replace(
            self,
            seed_sd=math.sqrt(seeds * n_seeds),
            error=math.sqrt(seeds + examples),
            freedom=total,
            seed_freedom=freedom,
            interaction=0.0,
            found=math.nan,
            score_sd=math.sqrt(of_scores),
        )

    def interval(self, alpha: float = ALPHA) -> Interval:
        """The t interval at confidence 1 - alpha, and the p that inverts it."""
        if not self.known:
            return Interval(self.mean, math.nan, math.nan, math.nan)
        # scipy.special's functions are those of scipy.stats.t, without its slow import.
        reach = float(stdtrit(self.freedom, 1 - alpha / 2)) * self.error
        p = 2 * float(stdtr(self.freedom, -abs(self.mean) / self.error))
        return Interval(self.mean, self.mean - reach, self.mean + reach, p)

    @property
    def parts(self) -> tuple[float, float, float, float, float]:
        """The variance over seeds, its freedom, that over examples, its own; the former's least."""
        seeds = max(self.error**2 - self.example_error**2, 0.0)
        seeds = seeds if math.isnan(self.found) else self.found
        examples = self.example_error**2
        return seeds, self.seed_freedom, examples, self.example_freedom, self.interaction

    def strict(self, alpha: float) -> Interval:
        """The interval and p for levels far below 5%, as of one edge among many.

        Satterthwaite's freedom is itself an estimate: where few seeds happen to agree, it is far
        too large, and in the tails that is what false edges are made of. Here the seeds' variance
        is as uncertain as so few make it (Behrens and Fisher), which errs on the safe side, and so
        is the examples' where these are of few documents. The seeds' true one is never below their
        interaction with examples, which resamples tell.
        """
        if not self.known:
            return self.interval(alpha)
        reach = strict_reach(*self.parts, alpha=alpha)
        p = float(strict_p(abs(self.mean), *self.parts))
        return Interval(self.mean, self.mean - reach, self.mean + reach, p)


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
    return combined(mean, Variance(seeds, len(d) - 1.0, examples, units, interaction), len(d))


@dataclass(frozen=True, slots=True)
class Variance:
    """The two parts of a mean's variance: over seeds, and over examples resampled by `units`.

    `interaction` is what both would hold, and is left to the seeds'.
    """

    seeds: float
    seed_freedom: float
    examples: float
    units: float = math.inf
    interaction: float = 0.0


def combined(mean: float, variance: Variance, n_seeds: float = math.nan) -> Crossed:
    """An effect with the two parts of its mean's variance.

    Of few seeds that agree by chance the variance comes out below the interaction, which it cannot
    truly be; since examples tell of it, most of it has their degrees of freedom. Of a mean over
    `n_seeds` runs it is known what one varies by.
    """
    seeds, units = variance.seeds, variance.units
    if units < 2:
        return Crossed(mean, math.sqrt(seeds * n_seeds))
    # A resample varies by 1 - 1/units of what a fresh test set does.
    fresh = 1.0 if math.isinf(units) else units / (units - 1)
    examples, interaction = variance.examples * fresh, variance.interaction * fresh
    whole = max(seeds, interaction)
    of_examples = KNOWN_INTERACTION * interaction**2 / whole if whole > 0 else 0.0
    own, known = whole - of_examples, examples + of_examples
    return Crossed(
        mean,
        seed_sd=math.sqrt(whole * n_seeds),
        example_error=math.sqrt(examples),
        error=math.sqrt(whole + examples),
        freedom=float(satterthwaite(own, variance.seed_freedom, known, units)),
        seed_freedom=variance.seed_freedom,
        example_freedom=units - 1.0,
        interaction=interaction,
        found=seeds,
    )


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
