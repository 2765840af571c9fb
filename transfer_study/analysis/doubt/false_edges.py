"""How often a model would differ from itself: A/A comparisons.

The seeds of one and the same model are divided into two disjoint halves, and one half is compared
with the other as an edge with its baseline: the same test set and resamples, the same interval. Any
effect that is found is false. This tries how the noise of runs is reckoned with, on the study's own
data and models, at half its seeds; two models of one kind do not differ by example as a partner's
does from its baseline, so that it is no rate of the study's false edges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from transfer_study.analysis.edges import SIZE, VARIANT, Verdict
from transfer_study.analysis.effects.axes import with_axes
from transfer_study.analysis.effects.deltas import verdict_of
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.learned import has_learned
from transfer_study.analysis.effects.scores_on_test import ScoresOnTest
from transfer_study.analysis.effects.uncertainty import crossed
from transfer_study.data.streams import stream
from transfer_study.study.looks import Edge
from transfer_study.study.plan import Plan

COLUMNS = ["encoder", "reading", "arm", "source", "target", "n_seeds", "comparisons"]
COLUMNS += ["rejected", "verdicts", VARIANT, SIZE]
_LEAST_SEEDS = 4  # halves of two, the fewest that have an interval
_SPLITS = 20


@dataclass(frozen=True, slots=True)
class FalseEdges:
    """What A/A comparisons of `systems` models found, of `comparisons` in all.

    `rate` is the share with p below `alpha`, `verdict_rate` that called gain or loss by the
    interval of an edge alone; `low` to `high` is the 95% interval of `rate` (Wilson, 1927), as if
    each model were one trial: the comparisons of one model share its runs, and are not independent.
    Models of one test set share its examples, which the interval leaves out. NaN without a model.
    """

    systems: int
    comparisons: int
    alpha: float
    rate: float
    low: float
    high: float
    verdict_rate: float


def compare_with_itself(
    plan: Plan, test_sets: Mapping[str, ScoresOnTest], judgement: Judgement, splits: int = _SPLITS
) -> pd.DataFrame:
    """The models of a plan, each held against itself, as `with_themselves` has them.

    There are columns of variants and sizes where the study has such.
    """
    runs: dict[Edge, list[str]] = {}
    for system in plan.systems:
        runs.setdefault(system.edge, []).append(system.stage.id)
    return with_axes(plan, with_themselves(runs, test_sets, judgement, splits), "target")


def with_themselves(
    runs: Mapping[Edge, Sequence[str]],
    test_sets: Mapping[str, ScoresOnTest],
    judgement: Judgement,
    splits: int = _SPLITS,
) -> pd.DataFrame:
    """One row a model of four seeds or more: of its `comparisons`, how many show an effect.

    A model that never learned answers alike whatever its seed, and says nothing of the method; nor
    does a comparison without a p, as of halves that answer alike or of a single test document.

    `rejected` have p below the judgement's level, `verdicts` are called gain or loss. What several
    systems share is there once, under the first's name. `runs` are their stages.
    """
    scored: dict[Edge, list[str]] = {}
    for edge, of_system in runs.items():
        scores = test_sets[edge.target].scores() if edge.target in test_sets else {}
        # One system may answer in several comparisons.
        scored[edge] = [stage for stage in dict.fromkeys(of_system) if stage in scores]
    rows: dict[tuple[str, ...], tuple[object, ...] | None] = {
        (edge.target, *stages): None for edge, stages in scored.items()
    }
    # Target by target, as the replicates of all may have no room (replicates.py).
    for system, stages in sorted(scored.items(), key=lambda run: run[0].target):
        model = (system.target, *stages)
        if len(stages) < _LEAST_SEEDS or rows[model] is not None:
            continue
        test_set = test_sets[system.target]
        if _learned(test_set, stages):
            found = _found(test_set, stages, judgement, splits)
            if found[0]:
                about = (system.encoder, system.reading, system.arm, system.source, system.target)
                rows[model] = (*about, len(stages), *found, system.variant, system.size)
    told = [row for row in rows.values() if row is not None]
    return pd.DataFrame(told, columns=COLUMNS)


def _learned(test_set: ScoresOnTest, stages: list[str]) -> bool:
    scores = test_set.scores()
    return has_learned([scores[stage] for stage in stages], test_set.constant)


def _found(
    test_set: ScoresOnTest, stages: list[str], judgement: Judgement, splits: int
) -> tuple[int, int, int]:
    """How many comparisons of halves of these runs have a p, reject, and get a verdict."""
    by_stage = test_set.scores()
    scores = np.array([by_stage[stage] for stage in stages])
    replicates = test_set.replicates(stages)
    random = stream(test_set.task, *stages, "false edges")
    half = len(stages) // 2
    known = rejected = called = 0
    for _ in range(splits):
        order = random.permutation(len(stages))
        one, other = order[:half], order[half : 2 * half]
        effect = crossed(
            scores[one] - scores[other], replicates[one] - replicates[other], test_set.units
        )
        interval = effect.interval(judgement.alpha)
        verdict = verdict_of(interval, judgement.margin.of(float(scores[other].mean())))
        known += not math.isnan(interval.p)
        rejected += interval.p < judgement.alpha
        called += verdict in (Verdict.GAIN, Verdict.LOSS)
    return known, rejected, called


def false_edges(compared: pd.DataFrame, alpha: float) -> FalseEdges:
    """The rate over all models of `compare_with_itself`."""
    systems, comparisons = len(compared), int(compared["comparisons"].sum())
    if not systems:
        return FalseEdges(0, 0, alpha, *[math.nan] * 4)
    rate, verdicts = (
        float(compared[name].sum()) / comparisons for name in ("rejected", "verdicts")
    )
    return FalseEdges(systems, comparisons, alpha, rate, *_wilson(rate, systems), verdicts)


def _wilson(rate: float, n: int) -> tuple[float, float]:
    z = float(ndtri(0.975))
    centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return centre - reach, centre + reach
