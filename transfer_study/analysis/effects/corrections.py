"""Many edges at once: what the number of them asks of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from transfer_study.analysis.effects.blocks import Block
from transfer_study.analysis.effects.sequential import ONCE, Sequential
from transfer_study.analysis.effects.tails import strict_p
from transfer_study.analysis.effects.uncertainty import ALPHA, Crossed, Interval
from transfer_study.data.streams import stream
from transfer_study.metrics.rows import Floats
from transfer_study.study.correction import Correction


@dataclass(frozen=True, eq=False)
class MeasuredEdge:
    """An effect with its replicates, [S, B], whose columns resample the examples of a test set.

    Edges of one test set share the resamples, edges of one seed its run: `seeds` are numbers of
    rows that are the same for all edges. What the baseline's `further_seeds` add to the effect are
    the last of the values of `further`, which are of all its runs.
    """

    effect: Crossed
    seeds: tuple[int, ...]
    observed: Floats
    replicates: Floats
    further: Block | None = None
    further_seeds: tuple[int, ...] = ()

    def of_family(self, *, resampled: bool) -> MeasuredEdge:
        """The edge without each seed's replicates; how it comes out on resamples where asked."""
        whole, further = self.resampled if resampled else np.zeros(1), self.further
        if further is not None:
            further = replace(further, replicates=np.zeros((len(further.values), 1)))
        return replace(self, replicates=whole[None], further=further)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The independent parts of the effect's mean."""
        s = len(self.seeds)
        own = Block(s, self.observed / s, self.replicates / s)
        return (own,) if self.further is None else (own, self.further)

    @property
    def resampled(self) -> Floats:
        """The effect's mean on resampled examples, [B]."""
        mean: Floats = self.replicates.mean(axis=0)
        if self.further is not None:
            mean = mean + self.further.replicates[-self.further.terms :].sum(axis=0)
        return mean


@dataclass(frozen=True, eq=False)
class Corrected:
    """The adjusted p of each edge of a family, and the level at which its interval stands."""

    p: Floats
    levels: Floats


def corrected(
    method: Correction,
    edges: Sequence[MeasuredEdge],
    alpha: float = ALPHA,
    margins: ArrayLike = 0.0,
    looks: Sequential = ONCE,
    unmeasured: int = 0,
) -> Corrected:
    """Correct a family for its size; edges without a p are not of it, and stay NaN.

    Beside `edges` there are `unmeasured` others, which count as if their p were 1; max-T has none.

    An edge is tested for an effect where it was measured beyond its margin, and for equivalence
    where within. Each test counts all edges, and among its rejections none of the other's: an edge
    within its margin has p 1, however precise. Were it counted and then not reported, a family of
    many precise small effects would pay for the false gains of the rest. Where edges are judged at
    several looks, `alpha` is that of them all.

    Levels go with the decisions: beyond the margin an interval at confidence 1 - level excludes
    zero where the adjusted p is at most alpha; within it, it is inside the margin where the edge
    is equivalent.
    """
    effects = [edge.effect for edge in edges]
    size = np.abs([effect.mean for effect in effects])
    within = size <= np.asarray(margins)
    p = np.array([_p(method, effect, abs(effect.mean)) for effect in effects], dtype=np.float64)
    known = ~np.isnan(p)
    adjusted, levels = np.full(len(p), math.nan), np.full(len(p), alpha)
    if not known.any():
        return Corrected(adjusted, levels)
    # How far the effect is inside its margin, tested as another is for being off zero: the nearer
    # end of two one-sided tests (Schuirmann, 1987), each at half the level.
    depth = np.where(within, margins - size, 0)
    equivalent = np.array(
        [_p(method, effect, inside) for effect, inside in zip(effects, depth, strict=True)],
        dtype=np.float64,
    )
    seeds = [len(edge.seeds) for edge, is_known in zip(edges, known, strict=True) if is_known]
    if method is Correction.MAX_T:
        of_family = [edge for edge, is_known in zip(edges, known, strict=True) if is_known]
        least = _least_p(of_family)
        of_resamples = np.maximum([(least <= value).mean() for value in p[known]], p[known])
        adjusted[known] = np.where(within[known], 1, looks.p(of_resamples, seeds))
        nominal = [looks.level(alpha, n) for n in seeds]
        levels[known] = [min(float(np.quantile(least, level)), level) for level in nominal]
        return Corrected(adjusted, levels)
    for tested, one in ((p, ~within), (equivalent, within)):
        worth = looks.p(np.where(one, tested, 1)[known], seeds)
        found, level = _METHODS[method](np.append(worth, np.ones(unmeasured)), alpha)
        found = found[: len(worth)]
        adjusted[known] = np.where(one[known], found, adjusted[known])
        levels[known & one] = [
            looks.level(level, n) for n, is_one in zip(seeds, one[known], strict=True) if is_one
        ]
    adjusted[known & within] = 1
    return Corrected(adjusted, levels)


def _p(method: Correction, effect: Crossed, size: float) -> float:
    """The p of `judged`, of an effect of this size."""
    if method is Correction.NONE or not effect.known:
        return replace(effect, mean=size).interval().p
    return float(strict_p(size, *effect.parts))


def judged(method: Correction, effect: Crossed, alpha: float) -> Interval:
    """The interval and p of an effect at the level of its family."""
    return effect.interval(alpha) if method is Correction.NONE else effect.strict(alpha)


def _none(p: Floats, alpha: float) -> tuple[Floats, float]:
    return p, alpha


def _bh(p: Floats, alpha: float) -> tuple[Floats, float]:
    """Benjamini and Hochberg, 1995; the level is that of Benjamini and Yekutieli's 2005 FCR."""
    return step_up(p, alpha)


def _by(p: Floats, alpha: float) -> tuple[Floats, float]:
    """Benjamini and Yekutieli, 2001: under any dependence."""
    return step_up(p, alpha, float((1 / np.arange(1, len(p) + 1)).sum()))


def step_up(p: Floats, alpha: float, factor: float = 1.0) -> tuple[Floats, float]:
    """Adjusted p and the level of their rejections, from the largest p up."""
    order = np.argsort(p)
    ranks = np.arange(1, len(p) + 1)
    scaled = np.minimum.accumulate((p[order] * len(p) * factor / ranks)[::-1])[::-1]
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(scaled, 1)
    rejected = max(int((adjusted <= alpha).sum()), 1)
    return adjusted, alpha * rejected / (len(p) * factor)


def _holm(p: Floats, alpha: float) -> tuple[Floats, float]:
    """Holm, 1979."""
    order = np.argsort(p)
    scaled = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(scaled, 1)
    rejected = int((adjusted <= alpha).sum())
    return adjusted, alpha / max(len(p) - rejected, 1)


def _least_p(edges: Sequence[MeasuredEdge]) -> Floats:
    """The least p of all edges in each resample under no effect, [B].

    Westfall and Young's single-step max-T, 1993, seeds and examples resampled jointly.
    """
    resamples = min(edge.replicates.shape[1] for edge in edges)
    seeds = sorted({seed for edge in edges for seed in edge.seeds + edge.further_seeds})
    generator = stream("max-t", len(seeds))
    # Normal weights, the same for all edges: to draw few seeds with replacement leaves few means.
    weights = generator.standard_normal((resamples, len(seeds)))
    least = np.ones(resamples)
    for edge in edges:
        rows = [seeds.index(seed) for seed in edge.seeds]
        s = len(rows)
        between = weights[:, rows] @ (edge.observed - edge.observed.mean()) / math.sqrt(s * (s - 1))
        if edge.further is not None:
            rows = [seeds.index(seed) for seed in edge.further_seeds]
            values = edge.further.values
            known = len(values) / (len(values) - 1)
            between += weights[:, rows] @ (values[-len(rows) :] - values.mean()) * known**0.5
        within = edge.resampled[:resamples]
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
}


def worst_level(method: Correction, edges: int, alpha: float = ALPHA, decided: int = 0) -> float:
    """The level of one more edge of so many, where so many others and nothing else are rejected."""
    if method is Correction.NONE or not edges:
        return alpha
    if method in (Correction.HOLM, Correction.MAX_T):
        return alpha / max(edges - decided, 1)
    factor = float((1 / np.arange(1, edges + 1)).sum()) if method is Correction.BY else 1.0
    return alpha * min(decided + 1, edges) / (edges * factor)
