"""How sure a sum over runs is, whose terms vary alike in blocks.

A difference of means over the same seeds is one block, of a difference a seed. Where one mean is
over further seeds, what these add is a block of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transfer_study.analysis.effects.uncertainty import Crossed, Variance, combined
from transfer_study.metrics.rows import Floats


@dataclass(frozen=True, eq=False)
class Block:
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


def summed(
    mean: float,
    blocks: Sequence[Block],
    resampled: Floats,
    units: float,
    n_seeds: int,
    *,
    doubted: bool = False,
) -> Crossed:
    """The uncertainty of a sum of independent blocks that is `mean`, and `resampled`, [B], again.

    The runs' variance and that over examples both hold an interaction of runs and examples: once
    is enough (as in `crossed`, which this is where there is one block). `seed_sd` is the runs' part
    of the error, times the root of `n_seeds`. Blocks are known by two values or more.

    Where the variance of few runs came out small by chance, Satterthwaite's freedom is too large:
    `doubted` reckons it as if the first block had a part, 1 of `n_seeds`, of what the others have.
    Without, two seeds whose baseline has six would make false edges in 6% of studies
    (benchmarks/power_baseline.py).
    """
    blocks = [block for block in blocks if block.terms]
    variances = [block.variance for block in blocks]
    whole = sum(variances)
    interaction = sum(block.interaction for block in blocks)
    examples = max(float(resampled.var()) - interaction, 0.0)
    if doubted:
        variances[0] += sum(variances[1:]) / n_seeds
    freedom = sum_freedom(variances, [len(block.values) - 1.0 for block in blocks], whole)
    return combined(mean, Variance(whole, freedom, examples, units, interaction), n_seeds)


def sum_freedom(
    variances: Sequence[float], freedoms: Sequence[float], whole: float | None = None
) -> float:
    """Satterthwaite's degrees of freedom of a sum of variances, which is `whole` where given."""
    shares = sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
    whole = sum(variances) if whole is None else whole
    return whole**2 / shares if shares else min(freedoms)
