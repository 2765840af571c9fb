"""How sure the difference of two effects is, with runs and examples in common or without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transfer_study.analysis.corrections import Edge
from transfer_study.analysis.uncertainty import UNKNOWN, Crossed, combined
from transfer_study.metrics.rows import Floats


def independent(a: Crossed, b: Crossed) -> Crossed:
    """The difference b - a of two effects that share neither runs nor examples.

    Of both, and of the result, `seed_sd` is the runs' part of the standard error. Where the two
    do share some of them the interval is too wide rather than too narrow, for what is shared goes
    into both effects alike. Where of one nothing is known but its mean, so it is of the difference.
    """
    if not (a.known and b.known):
        return Crossed(b.mean - a.mean)
    of_runs = [max(one.error**2 - one.example_error**2, 0.0) for one in (a, b)]
    freedom = _freedom(of_runs, [a.seed_freedom, b.seed_freedom])
    of_examples = [one.example_error**2 for one in (a, b)]
    units = 1 + _freedom(of_examples, [a.example_freedom, b.example_freedom])
    resampled = sum(of_examples) * (1 - 1 / units)  # they are of fresh test sets already
    runs = sum(of_runs)
    return combined(b.mean - a.mean, runs, freedom, resampled, units, 1)


def _freedom(variances: Sequence[float], freedoms: Sequence[float]) -> float:
    """Satterthwaite's degrees of freedom of a sum of variances."""
    shares = sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
    return sum(variances) ** 2 / shares if shares else min(freedoms)


@dataclass(frozen=True, eq=False)
class _Block:
    """Terms of a sum that vary alike: so many of them, known by values, [S], of such terms."""

    terms: int
    values: Floats
    replicates: Floats  # [S, B]

    @property
    def variance(self) -> float:
        """The variance of the terms' sum over runs."""
        # Of equal values a variance may have no rounding.
        alike = np.ptp(self.values) == 0
        return 0.0 if alike else self.terms * float(self.values.var(ddof=1))

    @property
    def interaction(self) -> float:
        """The part of it that runs and examples make together."""
        around = self.replicates - self.replicates.mean(axis=0)
        return self.terms * float(around.var(axis=1).sum()) / (len(self.values) - 1)


def joint(a: Edge, b: Edge, units: int) -> Crossed:
    """The difference b - a of two effects on one test set, examples resampled for both alike.

    Runs of one seed in both studies are paired, all others independent. The difference of means is
    then a sum of independent blocks: the common seeds' contributions b/S_b - a/S_a, and each
    study's further ones. Each has a variance over runs, and an interaction of runs and examples
    that this variance holds as well as the variance over examples does: once is enough (see
    `crossed`, which this is where all seeds are common). `seed_sd` is the runs' part of the
    standard error, the sum's and not one run's. A study of one seed, or one whose runs all answer
    alike, leaves all but the mean NaN.
    """
    s_a, s_b = len(a.observed), len(b.observed)
    if not s_a or not s_b:
        return UNKNOWN
    mean = float(b.observed.mean() - a.observed.mean())
    if min(s_a, s_b) < 2 or not (a.effect.known and b.effect.known):
        return Crossed(mean)
    common = sorted({*a.seeds} & {*b.seeds})
    common = common if len(common) > 1 else []  # one pair does not tell how pairs vary
    in_a, in_b = ([edge.seeds.index(seed) for seed in common] for edge in (a, b))
    candidates = [
        _Block(
            len(common),
            b.observed[in_b] / s_b - a.observed[in_a] / s_a,
            b.replicates[in_b] / s_b - a.replicates[in_a] / s_a,
        ),
        _Block(s_a - len(common), -a.observed / s_a, -a.replicates / s_a),
        _Block(s_b - len(common), b.observed / s_b, b.replicates / s_b),
    ]
    blocks = [block for block in candidates if block.terms]
    runs = sum(block.variance for block in blocks)
    resampled = b.replicates.mean(axis=0) - a.replicates.mean(axis=0)
    interaction = sum(block.interaction for block in blocks)
    examples = max(float(resampled.var()) - interaction, 0.0)
    freedom = _freedom([b.variance for b in blocks], [len(b.values) - 1.0 for b in blocks])
    return combined(mean, runs, freedom, examples, units, 1, interaction)
