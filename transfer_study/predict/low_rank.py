"""Edges from a matrix of low rank: what few patterns of giving and taking make of the rest.

Singular values of the matrix, filled in by itself, are shrunk by turns until it is as it was
(Mazumder, Hastie and Tibshirani, 2010); how far is chosen by leaving measured edges out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transfer_study.data.streams import stream
from transfer_study.metrics.rows import Floats
from transfer_study.predict.known import EstimatedEdges, KnownEdges
from transfer_study.predict.scale import scale_freedom, target_scales

_SHRINKAGES = (0.25, 0.5, 1.0, 2.0, 4.0)
_FOLDS, _ROUNDS = 5, 200


@dataclass(frozen=True)
class LowRank:
    """Completion of the matrix of effects, in units of each target's usual effect."""

    def estimate(self, known: KnownEdges) -> EstimatedEdges:
        """As `EdgeEstimator` says; every effect is as uncertain as those left out came out."""
        scales = target_scales(known)
        source, target = known.ends
        delta = known.measured["delta"].to_numpy(dtype=np.float64) / scales[target]
        shape = len(known.sources), len(known.targets)
        fold = stream("low rank", len(delta)).permutation(len(delta)) % min(_FOLDS, len(delta))

        def completed(kept: Floats, shrinkage: float) -> Floats:
            matrix = np.full(shape, np.nan)
            matrix[source[kept], target[kept]] = delta[kept]
            return _completed(matrix, shrinkage)

        errors = {
            shrinkage: np.concatenate(
                [
                    delta[fold == f] - completed(fold != f, shrinkage)[source, target][fold == f]
                    for f in range(int(fold.max()) + 1)
                ]
            )
            for shrinkage in _SHRINKAGES
        }
        best = min(_SHRINKAGES, key=lambda shrinkage: float((errors[shrinkage] ** 2).mean()))
        noise = (known.measured["error"].to_numpy(dtype=np.float64) / scales[target]) ** 2
        left = max(float((errors[best] ** 2).mean() - noise.mean()), 1e-6)
        every = np.ones(len(delta), dtype=bool)
        mean = completed(every, best) * scales
        scale = np.broadcast_to(np.sqrt(left) * scales, shape).copy()
        freedom = scale_freedom(known)
        return EstimatedEdges(known.sources, known.targets, mean, scale, freedom)


def _completed(matrix: Floats, shrinkage: float) -> Floats:
    there = np.isfinite(matrix)
    filled = np.where(there, matrix, 0.0)
    whole = np.zeros_like(filled)
    for _ in range(_ROUNDS):
        left, values, right = np.linalg.svd(np.where(there, filled, whole), full_matrices=False)
        shrunk = (left * np.maximum(values - shrinkage, 0)) @ right
        if np.abs(shrunk - whole).max() < 1e-5:
            break
        whole = shrunk
    return whole
