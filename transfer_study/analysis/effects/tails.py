"""Tests and intervals far in the tails, where a variance of few runs is itself uncertain."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import newton
from scipy.special import chdtri, ndtr, ndtri

from transfer_study.metrics.rows import Floats

# From so many documents on, a t is as good as normal: its 99.9% point is within 2%.
_MANY_DOCUMENTS = 200
_NORMAL = 1e6  # degrees of freedom without end
_TAIL, _VALUES = 1e-10, 200  # of the values that a true variance may have


def strict_p(
    size: ArrayLike,
    seeds: ArrayLike,
    seed_freedom: ArrayLike,
    examples: ArrayLike,
    example_freedom: ArrayLike = math.inf,
    least: ArrayLike = 0.0,
) -> Floats:
    """The p of effects of these sizes, by the two parts of their variance (`Crossed.strict`).

    The seeds' true part is at least `least`.
    """
    variances, weights = _variances(seeds, seed_freedom, examples, example_freedom, least)
    return _tails(np.asarray(size, dtype=np.float64), variances, weights)


def strict_reach(
    seeds: float,
    seed_freedom: float,
    examples: float,
    example_freedom: float,
    least: float = 0.0,
    *,
    alpha: float,
) -> float:
    """Half the width of such an interval at confidence 1 - alpha."""
    if not max(seeds, least) + examples > 0:
        return 0.0
    parts = _variances(seeds, seed_freedom, examples, example_freedom, least)
    wanted = -float(ndtri(alpha / 2))

    def excess(size: float) -> float:
        # As a normal deviate, which is nearly a straight line.
        tail = max(float(_tails(np.asarray(size), *parts)), 1e-300)
        return wanted + float(ndtri(tail / 2))

    error = math.sqrt(max(seeds, least) + examples)
    near = wanted * error
    return float(newton(excess, near, x1=1.1 * near, tol=1e-300, rtol=1e-13, maxiter=100))


def _tails(size: Floats, variances: Floats, weights: Floats) -> Floats:
    return np.asarray(2 * (weights * ndtr(-size[..., None] / np.sqrt(variances))).sum(axis=-1))


def _variances(
    seeds: ArrayLike,
    seed_freedom: ArrayLike,
    examples: ArrayLike,
    example_freedom: ArrayLike,
    least: ArrayLike,
) -> tuple[Floats, Floats]:
    """What the variance of a mean may be, given its parts; [..., values] and their weights."""
    of_seeds, weights = _true_variance(seeds, seed_freedom)
    of_seeds = np.maximum(of_seeds, np.asarray(least)[..., None])
    documents = np.asarray(example_freedom, dtype=np.float64)
    of_examples = np.asarray(examples, dtype=np.float64)
    if not ((documents < _MANY_DOCUMENTS) & (of_examples > 0)).any():
        return of_seeds + of_examples[..., None], weights
    of_documents, document_weights = _true_variance(examples, documents)
    both = of_seeds[..., :, None] + of_documents[..., None, :]
    product = weights[..., :, None] * document_weights[..., None, :]
    return both.reshape(*both.shape[:-2], -1), product.reshape(*product.shape[:-2], -1)


def _true_variance(estimate: ArrayLike, freedom: ArrayLike) -> tuple[Floats, Floats]:
    """Values of a variance of which so much was found, evenly spread in their logarithm; weights.

    The found one over the true one is a chi-square over its freedom.
    """
    found, f = np.broadcast_arrays(
        np.asarray(estimate, dtype=np.float64),
        np.minimum(np.asarray(freedom, dtype=np.float64), _NORMAL),
    )
    least, most = (np.log(chdtri(f, tail) / f) for tail in (1 - _TAIL, _TAIL))
    log = least[..., None] + (most - least)[..., None] * np.linspace(0, 1, _VALUES)
    density = np.exp(f[..., None] / 2 * (log - np.exp(log) + 1))
    return found[..., None] * np.exp(-log), density / density.sum(axis=-1, keepdims=True)
