"""The training-size axis: which sizes a task is learned at, and what they share."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from pydantic import ValidationError

from transfer_study.study.fingerprint import DataFingerprint, Fingerprints, SplitFingerprint
from transfer_study.study.plan import Plan, plan
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.sizes import data_sets, points
from transfer_study.study.stage import Stage
from transfer_study.study.study import Study

FULL = 500  # examples that every task has

MakePlan = Callable[..., Plan]
MakeStudy = Callable[..., Study]
MakeTask = Callable[..., dict[str, Any]]


@pytest.fixture
def make_plan(make_study: MakeStudy) -> MakePlan:
    """Plans a study of one seed whose tasks have FULL examples, cut as their limits say."""

    def make(*tasks: Any, **changes: Any) -> Plan:
        study = make_study(*tasks, **{"seeds": 1, **changes})
        data = {}
        for key, task in data_sets(study).items():
            n = min(FULL, task.limits.of("train") or FULL)
            rest = SplitFingerprint(n=9, sha256=task.name, gold="0")
            content = sha256(f"{task.name} {n}".encode()).hexdigest()
            train = SplitFingerprint(n=n, sha256=content, gold="0")
            data[key] = DataFingerprint(key=task.name, train=train, dev=rest, test=rest)
        encoders = {encoder.name: encoder.name for encoder in study.encoders}
        return plan(study, Fingerprints(data=data, encoders=encoders, precision=Precision.FLOAT32))

    return make


def ids(plan_: Plan) -> set[str]:
    return {stage.id for stage in plan_}


def sizes(stage: Stage) -> dict[str, int]:
    return {member.task.name: member.data.train.n for member in stage.tasks}


def compared(plan_: Plan) -> list[tuple[int | None, str, str, dict[str, int], dict[str, int]]]:
    return [
        (s.size, s.source, s.target, sizes(s.stage), sizes(b.stage))
        for s, b, _ in plan_.comparisons()
    ]


def test_a_list_for_the_study_is_the_study_at_each_size(make_plan: MakePlan) -> None:
    made = make_plan("a", "b", arms=["single", "pairs"], limits={"max_train": [300, 100]})
    single = [
        make_plan("a", "b", arms=["single", "pairs"], limits={"max_train": size})
        for size in (100, 300)
    ]
    assert ids(made) == ids(single[0]) | ids(single[1])
    assert len(made) == 2 * 3
    assert compared(made) == [
        (size, source, target, {"a": size, "b": size}, {target: size})
        for size in (100, 300)
        for source, target in (("b", "a"), ("a", "b"))
    ]


def test_a_list_of_a_task_is_the_sizes_at_which_it_is_a_target(
    make_plan: MakePlan, make_task: MakeTask
) -> None:
    a = make_task("a", limits={"max_train": [50, 200]})
    made = make_plan(a, "b", arms=["single", "pairs"])
    assert compared(made) == [
        (None, "a", "b", {"a": 200, "b": FULL}, {"b": FULL}),
        (50, "b", "a", {"a": 50, "b": FULL}, {"a": 50}),
        (200, "b", "a", {"a": 200, "b": FULL}, {"a": 200}),
    ]
    # b, a in two sizes, and the pair with either; the larger serves both directions.
    assert len(made) == 3 + 2


def test_lists_of_several_tasks_do_not_multiply(make_plan: MakePlan, make_task: MakeTask) -> None:
    tasks = [make_task(name, limits={"max_train": [50, 100, 200]}) for name in "ab"]
    made = make_plan(*tasks, arms=["single", "pairs"])
    pairs = [sizes(stage) for stage in made if len(stage.tasks) == 2]
    assert len(made) == 6 + 5
    assert all(max(pair.values()) == 200 for pair in pairs)
    assert {(s, t) for s, _, t, _, _ in compared(made)} == {
        (s, t) for s in (50, 100, 200) for t in "ab"
    }


def test_a_tasks_own_limit_goes_before_the_studys_sizes(
    make_plan: MakePlan, make_task: MakeTask
) -> None:
    c = make_task("c", limits={"max_train": 70})
    made = make_plan("a", c, arms=["single", "pairs"], limits={"max_train": [100, 300]})
    assert compared(made) == [
        (None, "a", "c", {"a": 300, "c": 70}, {"c": 70}),
        (100, "c", "a", {"a": 100, "c": 70}, {"a": 100}),
        (300, "c", "a", {"a": 300, "c": 70}, {"a": 300}),
    ]


def test_sizes_beyond_the_data_are_the_same_stages(make_plan: MakePlan) -> None:
    study = {"arms": ["single", "full"], "readings": ["refine", "finetune"]}
    made = make_plan("a", "b", **study, limits={"max_train": [100, FULL, 9999]})
    assert ids(made) == ids(make_plan("a", "b", **study, limits={"max_train": [100, 700]}))
    assert {s.size for s in made.systems} == {100, FULL, 9999}
    assert {s.id for s in make_plan("a", "b", **study)} <= ids(made)


@pytest.mark.parametrize("arms", [["pairs"], ["full"], ["groups"], ["sequential"]])
def test_every_arm_has_every_size(make_plan: MakePlan, arms: list[str]) -> None:
    made = make_plan(
        *"abc",
        arms=["single", *arms],
        readings=["finetune"],
        limits={"max_train": [10, 20, 30]},
        **({"groups": {"g": ["a", "b"]}} if arms == ["groups"] else {}),
    )
    found = [(s, source, target) for s, source, target, _, _ in compared(made)]
    assert len(found) == len(set(found))
    assert len(found) % 3 == 0
    for size in (10, 20, 30):
        same = {edge[1:] for edge in found if edge[0] == size}
        assert same == {edge[1:] for edge in found}


def test_a_study_without_sizes_is_one_point_of_itself(make_study: MakeStudy) -> None:
    study = make_study("a", "b", limits={"max_train": 10})
    (point,) = points(study)
    assert point.size is None
    assert point.study == study
    assert point.data == {"a": "a", "b": "b"}
    assert point.targets == {"a", "b"}
    assert data_sets(study) == {task.name: task for task in study.tasks}


def test_a_written_out_study_of_sizes_is_the_same_study(make_study: MakeStudy) -> None:
    study = make_study("a", "b", limits={"max_train": [30, 10]})
    assert study.limits.max_train == (10, 30)
    assert Study(**study.model_dump(mode="json", by_alias=True)) == study


@pytest.mark.parametrize(
    "bad", [0, -1, [], [0], [3, 3], [3, "3"], [[3]], 1.5, [1.5], "few", True, {"a": 1}]
)
def test_sizes_that_make_no_sense(make_study: MakeStudy, bad: Any) -> None:
    with pytest.raises(ValidationError, match="whole number of at least 1, or a list of different"):
        make_study("a", limits={"max_train": bad})
