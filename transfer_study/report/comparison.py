"""Two studies held against each other from what is stored: a table and graphs of differences."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from transfer_study.analysis.deltas import deltas
from transfer_study.analysis.difference import Side, differences, shared
from transfer_study.analysis.judgement import Judgement, Rejudged
from transfer_study.analysis.replicates import TestSet
from transfer_study.analysis.scores import comparison_table, score_systems, task_table
from transfer_study.errors import StudyError
from transfer_study.records.predictions import AnswerSource
from transfer_study.report.results import write_table
from transfer_study.spec.correction import Correction
from transfer_study.spec.plan import Plan


@dataclass(frozen=True)
class Evidence:
    """What there is of a study: its predictions by its plan, else only its table of deltas."""

    name: str
    evidence: tuple[Plan, AnswerSource] | pd.DataFrame
    failed: Collection[str] = ()
    notes: tuple[str, ...] = ()  # what a reader must know of it

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
    if first is not None and second is not None:
        own = {task.name: task.metric for task in first.study.tasks}
        other = {t.name: own[t.name] for t in second.study.tasks if own.get(t.name) != t.metric}
        other = {name: metric for name, metric in other.items() if name in own}
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
    if tasks:
        from transfer_study.figures.difference import draw_differences

        figures = draw_differences(
            table,
            pd.concat(tasks).drop_duplicates("name"),
            plots / folder.name,
            plots / a.name,
            names=(a.name, b.name),
            correction=correction_words(correction),
        )
    return Compared(a.name, b.name, table, correction, figures, tuple(notes))


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
    tested = [
        _test_sets(side, plan) if plan is not None else {}
        for side, plan in ((a, first), (b, second))
    ]
    if first is not None and second is not None:
        for task in _same_examples((a, first), (b, second), tested[0].keys() & tested[1].keys()):
            tested[0][task] = tested[1][task] = shared(tested[0][task], tested[1][task])
    made = []
    for side, plan, test_sets in zip((a, b), (first, second), tested, strict=True):
        if plan is None:
            assert isinstance(side.evidence, pd.DataFrame)
            made.append(Side(side.name, side.evidence))
            continue
        comparisons = comparison_table(plan)
        table = deltas(comparisons, test_sets, Judgement.of(plan.study), side.failed)
        made.append(Side(side.name, table, comparisons, test_sets))
    return made[0], made[1]


def _source(side: Evidence) -> AnswerSource:
    assert not isinstance(side.evidence, pd.DataFrame)
    return side.evidence[1]


def _test_sets(side: Evidence, plan: Plan) -> dict[str, TestSet]:
    return dict(score_systems(plan, _source(side)).test_sets)


def _same_examples(
    a: tuple[Evidence, Plan], b: tuple[Evidence, Plan], names: Collection[str]
) -> list[str]:
    """The tasks that both studies test on the same examples, documents and gold, read alike."""
    return [name for name in sorted(names) if _examples(*a, name) == _examples(*b, name)]


def _examples(side: Evidence, plan: Plan, name: str) -> tuple[object, ...]:
    task = next(task for task in plan.study.tasks if task.name == name)
    source = _source(side)
    stage = next(s.stage for s in plan.systems if s.target == name and source.has(s.stage))
    answers = source.answers(stage, task)
    examples = list(answers.ids), list(answers.documents), list(answers.gold)
    return task.identity(), *examples
