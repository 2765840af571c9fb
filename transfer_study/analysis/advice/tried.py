"""Which of the recipes that were tried is best for all tasks, by what dev said of them.

A task counts by how far a recipe brings it from the best constant answer (0) to the best score
that any recipe reached on it (1), so that none counts for more than another, whatever its metric
and however hard it is. First come recipes by which most tasks learn at all, for a task that does
not costs all its edges; among these the mean over the tasks decides, and of equals the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transfer_study.metrics.constant import ROUNDING
from transfer_study.store.trials import Trial
from transfer_study.study.search import Values


@dataclass(frozen=True)
class Tried:
    """A recipe and its dev scores by target, the mean over seeds of those that ended.

    NaN where none has. `share` is the mean over the targets of what the module says; a recipe
    that is not `whole`, not tried on all targets with all seeds, has none and is not chosen.
    """

    recipe: int
    values: Values
    scores: tuple[float, ...]
    learned: int  # targets
    share: float
    whole: bool
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """All recipes, the best first; `constants` and `best` are dev scores by target."""

    tried: tuple[Tried, ...]
    constants: tuple[float, ...]
    best: tuple[float, ...]

    @property
    def chosen(self) -> Tried | None:
        """The best of the recipes that were tried on everything; None where none was."""
        return next((one for one in self.tried if one.whole), None)

    def learns(self, target: int, score: float) -> bool:
        """Whether a score on a target is above that of a constant answer."""
        return score > self.constants[target] + ROUNDING


def compare_recipes(
    trials: Sequence[Trial], constants: Sequence[float], n_seeds: int, *, last: bool = False
) -> Comparison:
    """Compare recipes; `constants` are by target, `last` takes the last epoch for the best.

    A trial that was stopped counts by what it had reached by then, one that failed as a constant.
    """
    n = len(constants)
    reached: dict[int, list[list[float]]] = {}
    for trial in trials:
        of_target = reached.setdefault(trial.recipe, [[] for _ in range(n)])
        if trial.ended:
            of_target[trial.target].append(_reached(trial, constants[trial.target], last))
    means = {
        recipe: tuple(float(np.mean(found)) if found else float("nan") for found in by_target)
        for recipe, by_target in reached.items()
    }
    best = tuple(
        max([constants[t], *(m[t] for m in means.values() if not np.isnan(m[t]))]) for t in range(n)
    )
    comparison = Comparison((), tuple(constants), best)
    tried = []
    for recipe, scores in means.items():
        own = [trial for trial in trials if trial.recipe == recipe]
        whole = all(len(found) == n_seeds for found in reached[recipe])
        shares = [
            _share(score, *pair) for score, *pair in zip(scores, constants, best, strict=True)
        ]
        tried.append(
            Tried(
                recipe,
                own[0].values,
                scores,
                sum(comparison.learns(t, score) for t, score in enumerate(scores)),
                float(np.mean(shares)) if whole else float("nan"),
                whole,
                sum(trial.seconds for trial in own),
            )
        )
    tried.sort(key=lambda one: (not one.whole, -one.learned, -np.nan_to_num(one.share), one.recipe))
    return Comparison(tuple(tried), tuple(constants), best)


def _reached(trial: Trial, constant: float, last: bool) -> float:
    if trial.state == "failed" or not trial.dev:
        return constant
    return trial.dev[-1] if last else max(trial.dev)


def _share(score: float, constant: float, best: float) -> float:
    """From 0 for a constant's score, or less, to 1 for the best; 0 where nothing was learned."""
    if best <= constant + ROUNDING:
        return 0.0
    return max(score - constant, 0.0) / (best - constant)
