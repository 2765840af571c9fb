"""What an effect's runs would vary by with other numbers of seeds, of model and of baseline."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from transfer_study.metrics.rows import Floats

# Of a paired difference for one run of the model, at the least: runs correlate by .95 at the most.
_LEAST = 1 - 0.95**2


def variance_at(
    seed_sd: ArrayLike,
    score_sd: ArrayLike,
    found: tuple[ArrayLike, ArrayLike],
    asked: tuple[ArrayLike, ArrayLike],
) -> Floats:
    """The variance over seeds of a mean delta with `asked` seeds, of model and baseline.

    `seed_sd` and `score_sd` are those of a table of deltas with `found` seeds. A baseline has all
    the seeds of the model: of its variance, and of what it has in common with the model's, the
    mean holds one part in the baseline's seeds.
    """
    whole, own = (np.square(np.asarray(sd, dtype=np.float64)) for sd in (seed_sd, score_sd))
    seeds = np.asarray(asked[0], dtype=np.float64)
    before, after = (np.asarray(n) / np.asarray(m) for n, m in (found, asked))
    paired = np.maximum(own + (whole - own) / before, _LEAST * own)
    return np.where(before == after, whole, own + (paired - own) * after) / seeds
