"""What each of the original study's choices adds to the gain that it would have reported.

The gain of the full multi-task model over the single-task one, measured five more times, each with
one more of the paper's choices. Training, selection and the choice of the epoch change both sides.
Metric variant and lenient scoring change the multi-task side alone, as in the paper, whose
baselines were taken from a benchmark with strict scoring and other metrics.

Intervals are Student's t over seeds, paired by seed: of the later steps the scores of every epoch
are kept, not the answers, so that test examples count as given.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from transfer_study.analysis.edges import SIZE, VARIANT
from transfer_study.analysis.effects.axes import with_axes
from transfer_study.analysis.effects.uncertainty import paired_t
from transfer_study.metrics import score_span
from transfer_study.metrics.rows import Floats
from transfer_study.study.arms import FULL, SINGLE
from transfer_study.study.looks import Edge
from transfer_study.study.plan import Plan
from transfer_study.study.recipes.protocol import PAPER_RECIPE, Protocol, paper_metric
from transfer_study.study.system import System
from transfer_study.study.tasks.task import MetricName, Task

STEPS = (
    "clean protocol",
    "optimiser, batches, windows",
    "train + dev",
    "epoch chosen on test",
    "metric variant",
    "lenient scoring",
)
COLUMNS = (
    *("encoder", "reading", "task", SIZE, "step", "baseline_metric", "metric"),
    *("baseline", "score", "gain", "gain_low", "gain_high"),
    *("change", "change_low", "change_high", "n_seeds", VARIANT),
)
EPOCH_COLUMNS = ("stage", "task", "epoch", "metric", "value")


def choices(plan: Plan, scores: dict[str, pd.DataFrame], epochs: pd.DataFrame) -> pd.DataFrame:
    """One row a task and step, averaged over seeds; `change` is what the step adds to the gain.

    A task of several training sizes has rows for each, told by a column `size`. `gain` and `change`
    have the ends of their 95% intervals, NaN where one seed or equal seeds give none. `scores`
    holds the score table of each protocol, `epochs` the test score of every epoch of the paper's
    stages (EPOCH_COLUMNS). Tasks for which a seed or side is missing have no rows.
    """
    chosen = {name: _by_stage(table) for name, table in scores.items()}
    by_epoch = {
        key: rows.sort_values("epoch")["value"].tolist()
        for key, rows in epochs.groupby(["stage", "task", "metric"])
    }
    rows = []
    for asked, sides in _sides(plan).items():
        task = next(t for t in plan.study.tasks if t.name == asked.target)
        values = [
            _values(task, single, full, chosen, by_epoch)
            for single, full in sides
            if single.keys() == full.keys() == {Protocol.CLEAN, PAPER_RECIPE, Protocol.PAPER}
        ]
        if not values or None in values:
            continue
        before = None
        for step, metrics in zip(STEPS, _metrics(task), strict=True):
            pairs = np.array([seed[step] for seed in values if seed is not None])
            baseline, score = pairs.mean(axis=0)
            gains = pairs[:, 1] - pairs[:, 0]
            changes = np.zeros_like(gains) if before is None else gains - before
            before = gains
            about = (asked.encoder, asked.reading, asked.target, asked.size, step, *metrics)
            span = score_span(task.metric)
            differences = (*_reach(gains, span), *_reach(changes, 2 * span))
            rows.append((*about, baseline, score, *differences, len(pairs), asked.variant))
    return with_axes(plan, pd.DataFrame(rows, columns=list(COLUMNS)), "task")


def _reach(differences: Floats, most: float) -> tuple[float, float, float]:
    """The mean of differences over seeds, at most this large, and the ends of its interval."""
    interval = paired_t(differences).within(-most, most)
    return interval.mean, interval.low, interval.high


_Protocols = dict[str, System]


def _sides(plan: Plan) -> dict[Edge, list[tuple[_Protocols, _Protocols]]]:
    """What is asked, whatever the protocol and arm: for each seed the single and full systems."""
    found: dict[Edge, dict[int, tuple[_Protocols, _Protocols]]] = {}
    for system in plan.systems:
        if system.arm in (SINGLE.label, FULL.label):
            key = system.edge.model_copy(update={"protocol": "", "arm": "", "source": ""})
            seed = found.setdefault(key, {}).setdefault(system.seed, ({}, {}))
            seed[system.arm == FULL.label][system.protocol] = system
    return {key: list(seeds.values()) for key, seeds in found.items()}


def _metrics(task: Task) -> Iterator[tuple[str, str]]:
    """The metric of the baseline and of the multi-task model at each step."""
    strict, paper = task.metric, paper_metric(task.name, task.metric)
    lenient = paper is MetricName.LENIENT_ENTITY_F1
    for step in STEPS:
        changed = step == "lenient scoring" or (step == "metric variant" and not lenient)
        yield str(strict), str(paper if changed else strict)


_Pair = tuple[float, float]


def _values(
    task: Task,
    single: _Protocols,
    full: _Protocols,
    chosen: dict[str, pd.Series],
    by_epoch: dict[Any, list[float]],
) -> dict[str, _Pair] | None:
    """Baseline and score of one seed at every step; None where a stage is missing."""

    def selected(protocol: str, system: System) -> float:
        return float(chosen[protocol][system.stage.id, task.name, str(task.metric)])

    def every_epoch(system: System, metric: str) -> list[float]:
        return by_epoch[system.stage.id, task.name, metric]

    values: dict[str, _Pair] = {}
    try:
        for step, (baseline_metric, metric) in zip(STEPS, _metrics(task), strict=True):
            if step in STEPS[:2]:
                name = Protocol.CLEAN if step == STEPS[0] else PAPER_RECIPE
                values[step] = selected(name, single[name]), selected(name, full[name])
                continue
            sides = (
                every_epoch(single[Protocol.PAPER], baseline_metric),
                every_epoch(full[Protocol.PAPER], metric),
            )
            last = step == "train + dev"
            baseline, score = (s[-1] if last else max(s) for s in sides)
            values[step] = baseline, score
    except KeyError:
        return None
    return values


def _by_stage(table: pd.DataFrame) -> pd.Series:
    series: pd.Series = table.drop_duplicates(["stage", "task", "metric"]).set_index(
        ["stage", "task", "metric"]
    )["value"]
    return series


def epoch_metrics(task: Task) -> tuple[MetricName, ...]:
    """The metrics by which every epoch of a task is scored."""
    return tuple(dict.fromkeys((task.metric, paper_metric(task.name, task.metric))))
