"""The seeds' variance of effects on one target, from all its runs together.

Partners' runs on a target scatter much alike, and all its effects share one baseline. So the
variance of a model's runs is moderated by the other models of the target (as limma does by genes:
Smyth, 2004), and that of a difference is put together from its two models' and from how runs of one
seed go together. Three seeds then say about as much of their spread as five do by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from transfer_study.analysis.effects.uncertainty import Crossed
from transfer_study.metrics.rows import Floats

# What the variances of a target's models tell of each other, in degrees of freedom at the most, by
# how they differ in real studies; a baseline stands apart from its partners' models, so less.
_LIKE_PARTNERS, _LIKE_BASELINE = 4.0, 1.0
_FROM, _BASELINE_FROM = 3, 5  # seeds: of two that both failed, a loss would be too sure
_UNLIKE = 10.0  # times the median variance: by chance in 1 of 1,000 models of three seeds
_MOST_CORRELATION = 0.95


@dataclass(frozen=True, eq=False)
class Models:
    """A model and its baseline as they stand in one edge.

    `stages` are the model's runs by seed, `held_to` names what shares its baseline, and is empty
    for what goes by itself; `scores` are the columns `stage` and `baseline` by seed, the former NaN
    where the baseline alone has a run.
    """

    effect: Crossed
    stages: tuple[str, ...]
    held_to: str
    scores: pd.DataFrame

    @property
    def n_seeds(self) -> int:
        """How many runs of the model there are."""
        return int(self.scores["stage"].notna().sum())


def with_variances_per_target(edges: Sequence[Models]) -> list[Crossed]:
    """The effects of edges, the seeds' variance of those that share a baseline known from them all.

    An effect alone on its baseline, of two seeds or of unknown error stays as it was measured.
    """
    sharing: dict[str, dict[tuple[str, ...], list[int]]] = {}
    for number, models in enumerate(edges):
        if models.held_to and models.effect.known and models.n_seeds >= _FROM:
            # A model under two names is one.
            sharing.setdefault(models.held_to, {}).setdefault(models.stages, []).append(number)
    effects = [models.effect for models in edges]
    for same in sharing.values():
        if len(same) < 2:
            continue
        of_model = [edges[numbers[0]].scores for numbers in same.values()]
        baseline = pd.concat([scores["baseline"] for scores in of_model])
        baseline = baseline[~baseline.index.duplicated()]
        scores = pd.concat([baseline, *(scores["stage"] for scores in of_model)], axis=1)
        first = [edges[numbers[0]] for numbers in same.values()]
        share = np.array([models.n_seeds / len(models.scores) for models in first])
        table = scores.to_numpy().T
        of_scores = of_models(table)[0][1:]
        found = zip(*variances_per_target(table, share), of_scores, strict=True)
        for numbers, known in zip(same.values(), found, strict=True):
            variance, freedom, of_score = map(float, known)
            for number in numbers:
                n_seeds = edges[number].n_seeds
                effects[number] = effects[number].with_seeds(variance, freedom, n_seeds, of_score)
    return effects


def variances_per_target(scores: Floats, share: ArrayLike = 1.0) -> tuple[Floats, Floats]:
    """The variance over seeds of each model's mean less its baseline's, and its freedom.

    `scores` are [..., 1 + E, S], the baseline's first, E at least 2, NaN where a model lacks a
    seed; `share`, [..., E], is how many seeds the model has for one of its baseline, which has all
    of the model's. Variances are times the model's number of seeds, so that where both have the
    same they are those of one difference. Both results are [..., E]. Degrees of freedom are
    Satterthwaite's.
    """
    variances, freedoms, together = of_models(scores)
    partner, base = variances[..., 1:], variances[..., :1]
    paired = partner + base - 2 * together * np.sqrt(partner * base)
    share = np.asarray(share, dtype=np.float64)
    base = base * share
    shares = partner**2 / freedoms[..., 1:] + base**2 / freedoms[..., :1]
    some = shares > 0
    satterthwaite = (partner + base) ** 2 / np.where(some, shares, 1)
    freedom = np.where(some, satterthwaite, freedoms[..., 1:])
    return paired * share + partner * (1 - share), freedom


def of_models(scores: Floats) -> tuple[Floats, Floats, Floats]:
    """The variance of each model's runs and its freedom, [..., 1 + E]; their correlation, [..., 1].

    The correlation is that of two models' runs of one seed; `scores` are as above.
    """
    there = np.isfinite(scores)
    n = there.sum(axis=-1)
    means = np.where(there, scores, 0).sum(axis=-1) / n
    deviations = np.where(there, scores - means[..., None], 0)
    squares, freedom = (deviations**2).sum(axis=-1), n - 1.0
    # A model with a run that failed varies by itself, and tells nothing of the others.
    own = squares / freedom
    median = np.median(own[..., 1:], axis=-1, keepdims=True)
    usual = own <= _UNLIKE * median
    pool_squares, pool_freedom = (np.where(usual, x, 0)[..., 1:] for x in (squares, freedom))
    total, f_total = pool_squares.sum(axis=-1, keepdims=True), pool_freedom.sum(-1, keepdims=True)
    others = np.concatenate([total, total - pool_squares], axis=-1)
    f_others = np.concatenate([f_total, f_total - pool_freedom], axis=-1)
    few = n[..., :1] < _BASELINE_FROM
    most = np.full(own.shape, _LIKE_PARTNERS)
    most[..., :1] = np.where(few, 0, _LIKE_BASELINE)
    variance, f = _moderated(squares, freedom, others, f_others, np.where(usual, most, 0))
    return variance, f, _correlation(deviations, there)[..., None]


def _moderated(
    squares: Floats, freedom: Floats, others: Floats, of_others: Floats, most: Floats
) -> tuple[Floats, Floats]:
    """Variances drawn to that of others, which counts for at most so many degrees of freedom."""
    some = (most > 0) & (of_others > 0)
    weight = np.where(some, 1 / (1 / np.where(some, most, 1) + 1 / np.where(some, of_others, 1)), 0)
    total = freedom + weight
    return (squares + weight * others / np.where(some, of_others, 1)) / total, total


def _correlation(deviations: Floats, there: Floats) -> Floats:
    """How runs of one seed go together, over all pairs of models."""
    squares = (deviations**2).sum(axis=-2)
    products = (deviations.sum(axis=-2) ** 2 - squares).sum(axis=-1)
    most = ((there.sum(axis=-2) - 1) * squares).sum(axis=-1)
    some = most > 0
    return np.clip(np.where(some, products / np.where(some, most, 1), 0), 0, _MOST_CORRELATION)
