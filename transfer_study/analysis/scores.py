"""Scores of stages, computed from their saved test predictions and nothing else."""

from __future__ import annotations

import pandas as pd

from transfer_study.analysis.deltas import VARIANT
from transfer_study.metrics import reported, score
from transfer_study.records.predictions import AnswerSource
from transfer_study.spec.plan import Plan

SCORE_COLUMNS = (
    "encoder",
    "reading",
    "arm",
    "source",
    "task",
    "seed",
    "split",
    "metric",
    "value",
    "n",
    "stage",
)


def score_table(plan: Plan, source: AnswerSource) -> pd.DataFrame:
    """One row a system and metric, the task's own metric first; `n` counts test examples.

    Systems whose stage is not complete have no rows. A study with variants has their column.
    """
    scored: dict[tuple[str, str], list[tuple[str, float, int]]] = {}
    rows = []
    tasks = {task.name: task for task in plan.study.tasks}
    for system in plan.systems:
        key = (system.stage.id, system.target)
        if key not in scored:
            if not source.has(system.stage):
                continue
            task = tasks[system.target]
            answers = source.answers(system.stage, task)
            scored[key] = [
                (
                    str(metric),
                    score(metric, task, answers.gold, answers.predicted, answers.documents),
                    len(answers.gold),
                )
                for metric in reported(task)
            ]
        rows += [
            (
                system.encoder,
                str(system.reading),
                system.arm,
                system.source,
                system.target,
                system.seed,
                "test",
                metric,
                value,
                n,
                system.stage.id,
                system.variant,
            )
            for metric, value, n in scored[key]
        ]
    return _without_idle_variant(plan, pd.DataFrame(rows, columns=[*SCORE_COLUMNS, VARIANT]))


def _without_idle_variant(plan: Plan, table: pd.DataFrame) -> pd.DataFrame:
    return table if plan.study.variants else table.drop(columns=VARIANT)


def comparison_table(plan: Plan) -> pd.DataFrame:
    """One row an edge and seed: the joint stage and the single-task stage it is held against."""
    metric = {task.name: str(task.metric) for task in plan.study.tasks}
    table = pd.DataFrame(
        [
            (
                system.encoder,
                str(system.reading),
                system.arm,
                system.source,
                system.target,
                metric[system.target],
                system.seed,
                system.stage.id,
                baseline.stage.id,
                system.variant,
            )
            for system, baseline in plan.comparisons()
        ],
        columns=[
            "encoder",
            "reading",
            "arm",
            "source",
            "target",
            "metric",
            "seed",
            "stage",
            "baseline",
            VARIANT,
        ],
    )
    return _without_idle_variant(plan, table)


def task_table(plan: Plan) -> pd.DataFrame:
    """One row a task: name, kind, domain, metric."""
    return pd.DataFrame(
        [(t.name, str(t.kind), t.domain, str(t.metric)) for t in plan.study.tasks],
        columns=["name", "kind", "domain", "metric"],
    )
