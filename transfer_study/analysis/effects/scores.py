"""Scores of stages, computed from their saved test predictions and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from transfer_study.analysis.edges import SIZE, VARIANT
from transfer_study.analysis.effects.axes import with_axes
from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.metrics import Statistics, from_sums, reported, statistics
from transfer_study.metrics.constant import best_constant
from transfer_study.metrics.measurable import absent_classes
from transfer_study.store.predictions import AnswerSource
from transfer_study.study.arms import SINGLE
from transfer_study.study.looks import Edge
from transfer_study.study.plan import Plan
from transfer_study.study.system import System

SCORE_COLUMNS = ["encoder", "reading", "arm", "source", "task", "seed", "split"]
SCORE_COLUMNS += ["metric", "value", "n", "stage"]
_COMPARISONS = ["encoder", "reading", "arm", "source", "target", "metric", "over", "seed"]
_COMPARISONS += ["stage", "baseline", "control", "control_baseline"]


@dataclass(frozen=True)
class Scored:
    """The scores of a study, and the test sets that they and their uncertainty come from."""

    table: pd.DataFrame
    test_sets: Mapping[str, TestSet]  # by task, of its metric
    absent: Mapping[str, tuple[str, ...]]  # by task, the classes that its test set lacks

    @property
    def alone(self) -> pd.DataFrame:
        """The runs of tasks by themselves, in their own metric, as `predict.unmeasured` has them.

        One row a run, with the `constant` answer's score of its target.
        """
        runs = self.table[self.table["arm"] == SINGLE.label].rename(columns={"task": "target"})
        metrics = {name: str(one.metric) for name, one in self.test_sets.items()}
        runs = runs[runs["metric"] == runs["target"].map(metrics)]
        constants = {name: one.constant for name, one in self.test_sets.items()}
        return runs.assign(constant=runs["target"].map(constants))


def score_systems(plan: Plan, source: AnswerSource) -> Scored:
    """Score all systems on test.

    The table has one row a system and metric, the task's own metric first; `n` counts test
    examples. Systems whose stage is not complete have no rows. A study with variants has their
    column, one of several training sizes a column `size`, empty for a target of one size.
    """
    scored: dict[tuple[str, str], list[tuple[str, float, int]]] = {}
    constants: dict[str, float] = {}
    judged: dict[str, dict[str, Statistics]] = {}
    absent: dict[str, tuple[str, ...]] = {}
    rows = []
    tasks = {task.name: task for task in plan.study.tasks}
    for system in plan.systems:
        key = (system.stage.id, system.target)
        if key not in scored:
            if not source.has(system.stage):
                continue
            task = tasks[system.target]
            answers = source.answers(system.stage, system.task)
            said = task, answers.gold, answers.predicted, answers.documents
            measured = {metric: statistics(metric, *said) for metric in reported(task)}
            if task.name not in constants:
                constants[task.name] = best_constant(task, answers.gold, answers.documents)
            judged.setdefault(task.name, {})[system.stage.id] = measured[task.metric]
            if task.name not in absent:
                absent[task.name] = absent_classes(task, answers.gold)
            scored[key] = [
                (str(metric), float(from_sums(metric, s.values.sum(axis=0))), len(answers.gold))
                for metric, s in measured.items()
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
                system.size,
            )
            for metric, value, n in scored[key]
        ]
    table = with_axes(plan, pd.DataFrame(rows, columns=[*SCORE_COLUMNS, VARIANT, SIZE]), "task")
    n = {name: count for (_, name), ((_, _, count), *_) in scored.items()}
    test_sets = {
        name: TestSet.of(name, tasks[name].metric, n[name], constants[name], models)
        for name, models in judged.items()
    }
    return Scored(table, test_sets, {name: names for name, names in absent.items() if names})


def comparison_table(plan: Plan, seeds: Collection[int] | None = None) -> pd.DataFrame:
    """One row an edge and seed: a system's stage and the stage that it is held against.

    An edge over a control has rows of its own, with the control's stage and that one's baseline.
    Runs of a shared baseline whose seed the edge does not have follow, without a stage. With
    `seeds`, edges have no others.
    """
    metric = {task.name: str(task.metric) for task in plan.study.tasks}

    def row(system: System, control: System | None, seed: int, *stages: str) -> tuple[object, ...]:
        ends = system.source, system.target, metric[system.target], control.arm if control else ""
        about = system.encoder, str(system.reading), system.arm, *ends
        return *about, seed, *stages, system.variant, system.size

    rows = []
    held: dict[tuple[Edge, str], list[System]] = {}
    further = plan.shared_baselines()
    for system, baseline, control in plan.comparisons():
        if seeds is None or system.seed in seeds:
            of_control = (control, control.baseline) if control else (None, None)
            stages = (one.stage.id if one else "" for one in (system, baseline, *of_control))
            rows.append(row(system, control, system.seed, *stages))
            if further:
                over = control.arm if control else ""
                held.setdefault((system.edge, over), []).append(system)
    for (_, over), systems in held.items():
        system = systems[0]
        assert system.baseline is not None
        control = next((c for c in system.controls if c.arm == over), None)
        own = {one.seed for one in systems}
        rows += [
            row(system, control, run.seed, "", run.stage.id, "", "")
            for run in further.get(system.baseline.edge, ())
            if run.seed not in own
        ]
    return with_axes(plan, pd.DataFrame(rows, columns=[*_COMPARISONS, VARIANT, SIZE]), "target")


def task_table(plan: Plan) -> pd.DataFrame:
    """One row a task: name, kind, domain, metric."""
    return pd.DataFrame(
        [(t.name, str(t.kind), t.domain, str(t.metric)) for t in plan.study.tasks],
        columns=["name", "kind", "domain", "metric"],
    )
