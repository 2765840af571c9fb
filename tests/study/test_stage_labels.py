"""A stage's label tells it from every other stage of the plan."""

from __future__ import annotations

from tests.analysis.made_up import made_up, planned
from transfer_study.study.plan import Plan
from transfer_study.study.stage_labels import stage_labels

VARIANTS = {"plain": {}, "slow": {"learning_rate": 1e-6}}


def labels(plan: Plan) -> set[str]:
    found = stage_labels(plan)
    assert {*found} == {stage.id for stage in plan}
    assert len({*found.values()}) == len(plan)
    return {*found.values()}


def test_a_plain_study_has_the_names_of_its_stages() -> None:
    plan = planned(["a", "b"], seeds=2)
    assert labels(plan) == {stage.family for stage in plan}


def test_variants_and_sizes_are_told_and_the_stages_that_they_share_are_not() -> None:
    plan = planned(
        ["a", "b"],
        seeds=1,
        arms=["single", "pairs"],
        readings=["finetune"],
        variants=VARIANTS,
        limits={"max_train": [100, 300]},
    )
    found = labels(plan)
    assert "finetune-a-from-refine-a+b-s0 (slow, 100 examples)" in found
    assert "refine-a+b-s0 (300 examples)" in found  # both variants start from it


def test_a_task_of_its_own_sizes_is_named_where_sizes_differ() -> None:
    sized = [
        made_up("a", limits={"max_train": [100, 300]}),
        made_up("b", limits={"max_train": [50, 300]}),
    ]
    found = labels(planned(sized, seeds=1))
    assert {"refine-a-s0 (100 examples)", "refine-a+b-s0 (300 examples)"} <= found
    assert {"refine-a+b-s0 (100 of a, 300 of b)", "refine-a+b-s0 (300 of a, 50 of b)"} <= found


def test_encoders_and_protocols_are_told() -> None:
    found = labels(planned(["a", "b"], seeds=1, encoder=["one", "two"], protocol="both"))
    assert {f"refine-a+b-s0 (two, {p})" for p in ("clean", "recipe", "paper")} <= found


def test_stages_that_only_an_id_tells_apart_have_its_first_digits() -> None:
    """Of many long names a stage's name has their number alone."""
    names = [f"a-task-with-a-very-long-name-indeed-{n}" for n in range(4)]
    plan = planned(names, seeds=1, arms=["single", "leave-one-out"])
    without = {s.stage.id for s in plan.systems if s.arm == "without"}
    found = stage_labels(plan)
    assert {found[id_] for id_ in without} == {f"refine-3-tasks-s0 ({id_[:6]})" for id_ in without}
    labels(plan)
