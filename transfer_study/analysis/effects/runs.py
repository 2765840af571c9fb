"""An effect from its runs: models less their baseline, which may have been run more often."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from transfer_study.analysis.effects.blocks import Block, summed
from transfer_study.analysis.effects.corrections import MeasuredEdge
from transfer_study.analysis.effects.scores_on_test import ScoresOnTest
from transfer_study.analysis.effects.uncertainty import Crossed, crossed
from transfer_study.metrics.rows import Floats

Columns = Mapping[str, Sequence[Any]]


def edge_of(
    runs: Columns, further: Columns, signs: Mapping[str, int], test_set: ScoresOnTest
) -> MeasuredEdge:
    """The sum of the models' means by these signs, from the columns of seeds and stages in `runs`.

    `further` are the baseline's seeds and stages beside them: its mean is over all its runs. Every
    stage is in the test set. `score_sd` is of what is not the baseline's.
    """
    scores = test_set.scores()
    seeds, further_seeds = (tuple(map(int, part["seed"])) for part in (runs, further))
    n, more = len(seeds), len(further_seeds)
    weights = {name: float(sign) for name, sign in signs.items()}
    if more:
        # As the mean over the common seeds has it, so that their sum is the baseline's mean.
        weights["baseline"] *= n / (n + more)
    values = np.array([[scores[stage] for stage in runs[name]] for name in weights]).T
    observed = values @ np.array(list(weights.values()))
    replicates: Floats = np.zeros((n, test_set.resamples))
    for name, weight in weights.items():
        replicates += weight * test_set.replicates(list(runs[name]))
    if more:
        stages = [*runs["baseline"], *further["baseline"]]
        weight = signs["baseline"] / len(stages)
        of_all = np.array([weight * scores[stage] for stage in stages])
        block = Block(more, of_all, np.multiply(weight, test_set.replicates(stages)))
        mean = float(observed.mean() + block.values[-more:].sum())
        edge = MeasuredEdge(Crossed(mean), seeds, observed, replicates, block, further_seeds)
        if n > 1:
            of_sum = mean, edge.blocks, edge.resampled, test_set.units, n
            effect = summed(*of_sum, doubted=True)
            edge = replace(edge, effect=effect)
    else:
        edge = MeasuredEdge(
            crossed(observed, replicates, test_set.units), seeds, observed, replicates
        )
    # Where no baseline is left, more of its runs would change nothing.
    own = values @ np.array([sign * (name != "baseline") for name, sign in signs.items()])
    score_sd = edge.effect.seed_sd
    if "baseline" in signs:
        score_sd = float(own.std(ddof=1)) if n > 1 else math.nan
    return replace(edge, effect=replace(edge.effect, score_sd=score_sd))
