"""Two studies held against each other from what is stored: a table and graphs of differences."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from transfer_study.analysis.compare.difference import Side, differences, shared
from transfer_study.analysis.edges import asked_edges
from transfer_study.analysis.effects.judgement import Rejudged
from transfer_study.analysis.effects.looks import judged_deltas
from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.analysis.effects.scores import comparison_table, task_table
from transfer_study.errors import StudyError
from transfer_study.metrics import Statistics, statistics
from transfer_study.metrics.constant import best_constant
from transfer_study.report.tables.edge_files import write_table
from transfer_study.store.outputs import LOG_FILE, Outputs
from transfer_study.store.predictions import Answers, AnswerSource
from transfer_study.study.correction import Correction
from transfer_study.study.plan import Plan
from transfer_study.study.tasks.task import Task


@dataclass(frozen=True)
class Evidence:
    """What there is of a study: its predictions by its plan, else only its table of deltas."""

    name: str
    evidence: tuple[Plan, AnswerSource] | pd.DataFrame
    failed: Collection[str] = ()
    notes: tuple[str, ...] = ()  # what a reader must know of it

    @property
    def source(self) -> AnswerSource:
        """Where its predictions are."""
        assert not isinstance(self.evidence, pd.DataFrame)
        return self.evidence[1]

    @property
    def table(self) -> pd.DataFrame:
        """Its table of deltas, where there is nothing else."""
        assert isinstance(self.evidence, pd.DataFrame)
        return self.evidence

    @property
    def plan(self) -> Plan | None:
        """The plan of the protocol that is compared, the first of several."""
        if isinstance(self.evidence, pd.DataFrame):
            return None
        plan, _ = self.evidence
        return plan.under(plan.protocols[0])


@dataclass(frozen=True)
class Compared:
    """Two studies' differences, one row an edge (see `analysis.difference`)."""

    a: str
    b: str
    differences: pd.DataFrame
    correction: Correction
    figures: list[Path]
    notes: tuple[str, ...]
    unwritten: tuple[str, ...] = ()  # a sentence an output that could not be written

    @property
    def name(self) -> str:
        """What its folders are called."""
        return f"compare-{self.a}-{self.b}"


def compare(a: Evidence, b: Evidence, results: Path, plots: Path) -> Compared:
    """Compare two studies, by the first one's metrics and correction; write the table and graphs.

    Raises StudyError where no edge is in both.
    """
    first, second = a.plan, b.plan
    notes = [*a.notes, *b.notes]
    plans = [plan for plan in (first, second) if plan is not None]
    notes += [plan.study.preview.caution for plan in plans if plan.study.preview is not None]
    if first is not None and second is not None:
        own = {task.name: task.metric for task in first.study.tasks}
        other = {
            task.name: own[task.name]
            for task in second.study.tasks
            if own.get(task.name, task.metric) != task.metric
        }
        if other:
            said = ", ".join(f"{name} ({metric})" for name, metric in other.items())
            notes.append(f"{b.name} is judged by the metrics of {a.name}: {said}.")
            second = Rejudged(metrics=other).of(second)
    sides = _sides(a, first, b, second)
    plan = first or second
    correction = plan.study.correction if plan is not None else Correction.BH
    table = differences(*sides, correction)
    if not len(table) or table["difference"].isna().all():
        raise StudyError(
            f"{a.name} and {b.name} have no measured edge in common; an edge is the same where "
            "source, target, arm, reading and encoder are"
        )
    folder = results / f"compare-{a.name}-{b.name}"
    folder.mkdir(parents=True, exist_ok=True)
    write_table(table, folder / "differences")
    tasks = [task_table(plan) for plan in (first, second) if plan is not None]
    figures = []
    outputs = Outputs(folder / LOG_FILE)
    if tasks:
        from transfer_study.figures.difference import draw_differences

        figures = draw_differences(
            table,
            pd.concat(tasks).drop_duplicates("name"),
            plots / folder.name,
            plots / a.name,
            names=(a.name, b.name),
            correction=correction_words(correction),
            write=outputs.write,
        )
    return Compared(a.name, b.name, table, correction, figures, tuple(notes), outputs.told)


def correction_words(correction: Correction) -> str:
    """How the intervals of differences are adjusted."""
    return {
        Correction.BH: "adjusted by Benjamini and Hochberg over all common edges",
        Correction.BY: "adjusted by Benjamini and Yekutieli over all common edges",
        Correction.HOLM: "adjusted by Holm over all common edges",
        Correction.MAX_T: "adjusted by Holm over all common edges",
        Correction.NONE: "not adjusted for the number of edges",
    }[correction]


def _sides(a: Evidence, first: Plan | None, b: Evidence, second: Plan | None) -> tuple[Side, Side]:
    counted: _Counted = {}
    sides = [
        _Read(side, plan, counted) if plan is not None else None
        for side, plan in ((a, first), (b, second))
    ]
    of_a, of_b = sides
    if of_a is not None and of_b is not None:
        for task in of_a.test_sets.keys() & of_b.test_sets.keys():
            if of_a.examples(task) == of_b.examples(task):
                both = shared(of_a.test_sets[task], of_b.test_sets[task])
                of_a.test_sets[task] = of_b.test_sets[task] = both
    made = [
        read.judged() if read is not None else Side(side.name, side.table)
        for side, read in zip((a, b), sides, strict=True)
    ]
    return made[0], made[1]


# Statistics and number of examples by stage, task and metric: a stage of both studies counts once.
_Counted = dict[tuple[str, str, str], tuple[Statistics, int]]


class _Read:
    """What is compared of one study, with the answers that it takes; no other is read."""

    def __init__(self, side: Evidence, plan: Plan, counted: _Counted) -> None:
        self._side, self._plan = side, plan
        self._comparisons = asked_edges(comparison_table(plan))
        self._tasks = {task.name: task for task in plan.study.tasks}
        self._stages = {stage.id: stage for stage in plan}
        self.test_sets = {
            str(name): made
            for name, rows in self._comparisons.groupby("target")
            if (made := self._test_set(str(name), rows, counted)) is not None
        }

    def judged(self) -> Side:
        """The study's edges with their verdicts."""
        table = judged_deltas(self._plan, self.test_sets, self._side.failed, raw=True)
        return Side(self._side.name, table, self._comparisons, self.test_sets)

    def examples(self, name: str) -> tuple[object, ...]:
        """What makes test examples the same: the task, and their ids, documents and gold."""
        answers = self._answers(self._tasks[name], self.test_sets[name].stages[0])
        return self._tasks[name].identity(), answers.ids, answers.documents, answers.gold

    def _test_set(self, name: str, rows: pd.DataFrame, counted: _Counted) -> TestSet | None:
        task, source = self._tasks[name], self._side.source
        models, n = {}, 0
        # A baseline's further seeds have no stage beside them.
        for identity in dict.fromkeys([*filter(None, rows["stage"]), *rows["baseline"]]):
            if not source.has(self._stages[identity]):
                continue
            key = (identity, name, str(task.metric))
            if key not in counted:
                answers = self._answers(task, identity)
                said = answers.gold, answers.predicted, answers.documents
                counted[key] = statistics(task.metric, task, *said), len(answers.gold)
            models[identity], n = counted[key]
        if not models:
            return None
        answers = self._answers(task, next(iter(models)))
        constant = best_constant(task, answers.gold, answers.documents)
        return TestSet.of(name, task.metric, n, constant, models)

    def _answers(self, task: Task, identity: str) -> Answers:
        return self._side.source.answers(self._stages[identity], task)
