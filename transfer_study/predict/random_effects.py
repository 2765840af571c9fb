"""Edges from effects of their source, of their target, of the two, and of earlier studies.

A measured delta, in units of its target's usual effect, is a sum of normal effects: one of all
edges, one of the source, one of the target, one of the edge itself, and noise of a known size, of
which the part of a shared baseline is the same in all edges of the target. The effects' variances
are those under which what was measured is likeliest; an edge that was not measured has the
expectation that they give it (best linear prediction: Henderson, 1975).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from transfer_study.metrics.rows import Floats
from transfer_study.predict.known import EstimatedEdges, Ints, KnownEdges
from transfer_study.predict.scale import scale_freedom, target_scales

Ends = tuple[Ints, Ints]  # the numbers of sources and of targets, an entry an edge
_PRIOR = 0.2  # what a variance is taken for where few edges tell, in squared units of a target
_CAREFUL = 0.02  # how much that counts, against the logarithm of the likelihood
_JITTER = 1e-9


@dataclass(frozen=True, eq=False)
class _Fit:
    """What was measured, and how much any two edges have in common under the fitted variances."""

    ends: Ends
    delta: Floats
    features: Sequence[Floats]
    variances: Floats
    factor: tuple[Floats, bool]  # of the covariances of what was measured
    common: Callable[[Ends, Ends], Floats]


@dataclass(frozen=True)
class RandomEffects:
    """Effects of sources and targets; without `sources` those of targets alone.

    With `earlier`, what other encoders or studies measured of the same tasks counts as far as it
    goes with what is measured here.
    """

    sources: bool = True
    earlier: bool = False

    def estimate(self, known: KnownEdges) -> EstimatedEdges:
        """As `EdgeEstimator` says."""
        scales, shape = target_scales(known), (len(known.sources), len(known.targets))
        sources, targets = np.indices(shape)
        every = sources.ravel(), targets.ravel()
        fit = self._fit(known, scales)
        across = fit.common(every, fit.ends)
        mean = across @ cho_solve(fit.factor, fit.delta)
        own = np.tensordot(fit.variances, self._own(every, fit.features), 1)
        left = own - (across * cho_solve(fit.factor, across.T).T).sum(axis=1)
        return EstimatedEdges(
            known.sources,
            known.targets,
            mean.reshape(shape) * scales,
            np.sqrt(np.maximum(left, _JITTER)).reshape(shape) * scales,
            scale_freedom(known),
        )

    def joint(self, known: KnownEdges, edges: Ends) -> Floats:
        """How some edges vary together around their estimates: covariances, [edges, edges]."""
        scales = target_scales(known)
        fit = self._fit(known, scales)
        across = fit.common(edges, fit.ends)
        left = fit.common(edges, edges) - across @ cho_solve(fit.factor, across.T)
        size = scales[edges[1]]
        left[np.diag_indices_from(left)] = np.maximum(left.diagonal(), _JITTER)
        return np.asarray(left * np.multiply.outer(size, size))

    def _fit(self, known: KnownEdges, scales: Floats) -> _Fit:
        ends = known.ends
        delta = known.measured["delta"].to_numpy(dtype=np.float64) / scales[ends[1]]
        noise = self._noise(known, scales)
        features = list(_features(known)) if self.earlier else []
        of_measured = self._kernels(ends, ends, features)
        variances = _fitted(delta, noise, of_measured)
        factor = cho_factor(np.tensordot(variances, of_measured, 1) + noise)

        def common(a: Ends, b: Ends) -> Floats:
            return np.asarray(np.tensordot(variances, self._kernels(a, b, features), 1))

        return _Fit(ends, delta, features, variances, factor, common)

    def _noise(self, known: KnownEdges, scales: Floats) -> Floats:
        """What errors of the measured deltas have in common, [edges, edges]."""
        _, target = known.ends
        error = known.measured["error"].to_numpy(dtype=np.float64) / scales[target]
        shared = known.measured["shared"].to_numpy(dtype=np.float64) / scales[target]
        common = np.multiply.outer(shared, shared) * np.equal.outer(target, target)
        own = np.maximum(error**2 - shared**2, 0.0) + _JITTER
        return np.asarray(common + np.diag(own))

    def _kernels(self, a: Ends, b: Ends, features: Sequence[Floats]) -> Floats:
        """What each part gives two edges in common, [parts, a, b]."""
        source, target = (
            np.equal.outer(x, y).astype(np.float64) for x, y in zip(a, b, strict=True)
        )
        parts = [np.ones_like(target), target, source * target]
        parts += [source] if self.sources else []
        parts += [np.multiply.outer(feature[a], feature[b]) for feature in features]
        return np.stack(parts)

    def _own(self, edges: Ends, features: Sequence[Floats]) -> Floats:
        """What each part gives an edge and itself, [parts, edges]."""
        ones = [np.ones(len(edges[0]))] * (4 if self.sources else 3)
        return np.stack([*ones, *(feature[edges] ** 2 for feature in features)])


def _features(known: KnownEdges) -> Iterator[Floats]:
    """Of what was measured earlier, the part of the source, of the target, and of the edge."""
    if not known.earlier:
        return
    tables = np.stack([_scaled(known, table) for table in known.earlier])
    there = np.isfinite(tables)
    n = there.sum(axis=0)
    mean = np.where(there, tables, 0.0).sum(axis=0) / np.maximum(n, 1)
    of_source = mean.sum(axis=1) / np.maximum((n > 0).sum(axis=1), 1)
    of_target = mean.sum(axis=0) / np.maximum((n > 0).sum(axis=0), 1)
    of_all = mean.sum() / max(int((n > 0).sum()), 1)
    yield np.broadcast_to(of_source[:, None], mean.shape)
    yield np.broadcast_to(of_target, mean.shape)
    yield np.where(n > 0, mean - of_target - of_source[:, None] + of_all, 0.0)


def _scaled(known: KnownEdges, table: pd.DataFrame) -> Floats:
    """A table as a matrix of these tasks in units of its targets' usual effects, NaN for none."""
    source, target = known.places(table)
    ours = (source >= 0) & (target >= 0)
    matrix = np.full((len(known.sources), len(known.targets)), np.nan)
    matrix[source[ours], target[ours]] = table["delta"].to_numpy(dtype=np.float64)[ours]
    there = np.isfinite(matrix)
    squares = np.where(there, matrix, 0.0) ** 2
    size = np.sqrt(squares.sum(axis=0) / np.maximum(there.sum(axis=0), 1))
    return np.asarray(matrix / np.where(size > 0, size, 1.0))


def _fitted(delta: Floats, noise: Floats, kernels: Floats) -> Floats:
    """The variances under which the deltas are likeliest, each drawn to what is usual."""
    usual = np.full(len(kernels), np.log(_PRIOR))
    identity = np.eye(len(delta))

    def cost(logs: Floats) -> tuple[float, Floats]:
        parts = np.exp(logs)[:, None, None] * kernels
        factor = cho_factor(parts.sum(axis=0) + noise)
        solved = cho_solve(factor, delta)
        inverse = cho_solve(factor, identity)
        away = logs - usual
        value = 0.5 * delta @ solved + np.log(np.diag(factor[0])).sum()
        slope = 0.5 * ((inverse - np.outer(solved, solved)) * parts).sum(axis=(1, 2))
        return float(value + _CAREFUL * away @ away), slope + 2 * _CAREFUL * away

    found = minimize(cost, usual, jac=True, method="L-BFGS-B", bounds=[(-12.0, 4.0)] * len(usual))
    return np.asarray(np.exp(found.x))
