"""Many edges at once: what the number of them asks of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from transfer_study.analysis.uncertainty import ALPHA, Crossed
from transfer_study.data.streams import stream
from transfer_study.metrics.rows import Floats
from transfer_study.spec.correction import Correction


@dataclass(frozen=True, eq=False)
class Edge:
    """An effect with its replicates, [S, B], whose columns resample the examples of a test set.

    Edges of one test set share the resamples, edges of one seed its run: `seeds` are numbers of
    rows that are the same for all edges.
    """

    effect: Crossed
    seeds: tuple[int, ...]
    observed: Floats
    replicates: Floats


@dataclass(frozen=True, slots=True)
class Corrected:
    """The adjusted p of each edge of a family, and the level at which all its intervals stand."""

    p: Floats
    alpha: float


def corrected(method: Correction, edges: Sequence[Edge], alpha: float = ALPHA) -> Corrected:
    """Correct a family for its size; edges without a p are not of it, and stay NaN.

    A level goes with the decisions: an interval at confidence 1 - level excludes zero where the
    adjusted p is at most alpha.
    """
    p = np.array([edge.effect.interval().p for edge in edges], dtype=np.float64)
    known = ~np.isnan(p)
    adjusted = np.full(len(p), math.nan)
    if not known.any():
        return Corrected(adjusted, alpha)
    of_family = [edge for edge, is_known in zip(edges, known, strict=True) if is_known]
    adjusted[known], level = _METHODS[method](p[known], of_family, alpha)
    return Corrected(adjusted, level)


def _none(p: Floats, _: Sequence[Edge], alpha: float) -> tuple[Floats, float]:
    return p, alpha


def _bh(p: Floats, _: Sequence[Edge], alpha: float) -> tuple[Floats, float]:
    """Benjamini and Hochberg, 1995; the level is that of Benjamini and Yekutieli's 2005 FCR."""
    return _step_up(p, alpha, 1.0)


def _by(p: Floats, _: Sequence[Edge], alpha: float) -> tuple[Floats, float]:
    """Benjamini and Yekutieli, 2001: under any dependence."""
    return _step_up(p, alpha, float((1 / np.arange(1, len(p) + 1)).sum()))


def _step_up(p: Floats, alpha: float, factor: float) -> tuple[Floats, float]:
    order = np.argsort(p)
    ranks = np.arange(1, len(p) + 1)
    scaled = np.minimum.accumulate((p[order] * len(p) * factor / ranks)[::-1])[::-1]
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(scaled, 1)
    rejected = max(int((adjusted <= alpha).sum()), 1)
    return adjusted, alpha * rejected / (len(p) * factor)


def _holm(p: Floats, _: Sequence[Edge], alpha: float) -> tuple[Floats, float]:
    """Holm, 1979."""
    order = np.argsort(p)
    scaled = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(scaled, 1)
    rejected = int((adjusted <= alpha).sum())
    return adjusted, alpha / max(len(p) - rejected, 1)


def _max_t(p: Floats, edges: Sequence[Edge], alpha: float) -> tuple[Floats, float]:
    """Westfall and Young's single-step max-T, seeds and examples resampled jointly."""
    least = _least_p(edges)
    adjusted = np.array([(least <= value).mean() for value in p])
    return np.maximum(adjusted, p), min(float(np.quantile(least, alpha)), alpha)


def _least_p(edges: Sequence[Edge]) -> Floats:
    """The least p of all edges in each resample under no effect, [B]."""
    resamples = min(edge.replicates.shape[1] for edge in edges)
    seeds = sorted({seed for edge in edges for seed in edge.seeds})
    generator = stream("max-t", len(seeds))
    # Normal weights, the same for all edges: to draw few seeds with replacement leaves few means.
    weights = generator.standard_normal((resamples, len(seeds)))
    least = np.ones(resamples)
    for edge in edges:
        rows = [seeds.index(seed) for seed in edge.seeds]
        s = len(rows)
        between = weights[:, rows] @ (edge.observed - edge.observed.mean()) / math.sqrt(s * (s - 1))
        within = edge.replicates[:, :resamples].mean(axis=0)
        z = between + (within - within.mean())
        spread = float(z.std())
        if spread == 0:
            continue
        # Normal deviates become t's by the degrees of freedom of the edge's own error.
        freedom = edge.effect.freedom
        t = z / spread * np.sqrt(freedom / generator.chisquare(freedom, resamples))
        least = np.minimum(least, 2 * stdtr(freedom, -np.abs(t)))
    return least


_METHODS = {
    Correction.NONE: _none,
    Correction.BH: _bh,
    Correction.BY: _by,
    Correction.HOLM: _holm,
    Correction.MAX_T: _max_t,
}


def worst_level(method: Correction, edges: int, alpha: float = ALPHA) -> float:
    """The level of a family of so many edges where nothing else is rejected."""
    if method is Correction.NONE or not edges:
        return alpha
    factor = float((1 / np.arange(1, edges + 1)).sum()) if method is Correction.BY else 1.0
    return alpha / (edges * factor)
