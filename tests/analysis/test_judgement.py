"""Judging a study otherwise changes its verdicts and no stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from transfer_study.analysis.effects.judgement import Judgement, Rejudged
from transfer_study.errors import StudyError
from transfer_study.store.recorded import recorded_plan
from transfer_study.study.correction import Correction
from transfer_study.study.file.study_file import read_study
from transfer_study.study.margin import Margin
from transfer_study.study.plan import Plan

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def plan() -> Plan:
    study = read_study(ROOT / "experiments" / "public_biomedical.yaml")
    found = recorded_plan(study, ROOT / "results" / "public_biomedical")
    assert found is not None
    return found


def test_stages_stay_and_what_judges_changes(plan: Plan) -> None:
    other = Rejudged(Margin(absolute=0.03), Correction.HOLM, {"chemprot": "macro_f1"}).of(plan)
    assert [stage.id for stage in other] == [stage.id for stage in plan]
    assert other.systems == plan.systems
    assert Judgement.of(other.study) == Judgement(Margin(absolute=0.03), Correction.HOLM)
    metrics = {task.name: str(task.metric) for task in other.study.tasks}
    before = {task.name: str(task.metric) for task in plan.study.tasks}
    assert metrics == before | {"chemprot": "macro_f1"}


def test_the_folder_says_what_is_different() -> None:
    assert not Rejudged()
    assert Rejudged(metrics={"b": "accuracy", "a": "macro_f1"}).label == "a=macro_f1+b=accuracy"
    assert Rejudged(Margin(relative=0.05), Correction.MAX_T).label == (
        "relative-margin=0.05+correction=max_t"
    )


def test_what_does_not_fit_is_told_all_at_once(plan: Plan) -> None:
    with pytest.raises(StudyError) as caught:
        Rejudged(metrics={"chemprto": "accuracy", "chemprot": "pearson"}).of(plan)
    first, second = map(str, caught.value.problems)
    assert "'chemprto'" in first
    assert "did you mean 'chemprot'" in first
    assert "'pearson' for chemprot, a classification task" in second
    assert "micro_f1" in second
