"""Controls of pairs: their stages, what those share, and what a pair's effect is held against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from transfer_study.study.fingerprint import Fingerprints
from transfer_study.study.plan import Plan, plan
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.study import Study
from transfer_study.study.system import System
from transfer_study.study.tasks.task import Change, Task

ALL = ["placebo", "self", "matched"]
BOTH = ["refine", "finetune"]

MakePlan = Callable[..., Plan]


@pytest.fixture
def make_plan(
    make_study: Callable[..., Study], take_fingerprints: Callable[..., Fingerprints]
) -> MakePlan:
    """Plans a study of tasks by name, of 10 examples each, with changes of the study."""

    def make(*tasks: Any, **changes: Any) -> Plan:
        study = make_study(*tasks, **{"seeds": 1, "arms": ["single", "pairs"], **changes})
        return plan(study, take_fingerprints(study))

    return make


def families(plan_: Plan, arm: str, reading: str) -> dict[tuple[str, str], tuple[str, str]]:
    """The families of the stages of an arm's systems and of their baselines', by edge."""
    return {
        (s.source, s.target): (s.stage.family, b.stage.family)
        for s, b, control in plan_.comparisons()
        if (s.arm, s.reading, control) == (arm, reading, None)
    }


def test_the_stages_of_each_control(make_plan: MakePlan) -> None:
    made = make_plan("a", "b", controls=ALL, readings=BOTH, refine={"batch_size": 4})
    assert families(made, "placebo", "refine") == {
        ("a", "b"): ("refine-a~shuffled+b-s0", "refine-b-s0"),
        ("b", "a"): ("refine-a+b~shuffled-s0", "refine-a-s0"),
    }
    assert families(made, "self", "refine")["b", "b"] == (
        "refine-b~half1+b~half2-s0",
        "refine-b~half1-s0",
    )
    # Two tasks of three batches each.
    assert families(made, "matched", "refine")["a", "b"] == (
        "refine-b-6-updates-s0",
        "refine-b-s0",
    )
    assert families(made, "placebo", "finetune")["a", "b"] == (
        "finetune-b-from-refine-a~shuffled+b-s0",
        "finetune-b-s0",
    )
    assert families(made, "self", "finetune")["b", "b"] == (
        "finetune-b~half1-from-refine-b~half1+b~half2-s0",
        "finetune-b~half1-s0",
    )
    assert families(made, "matched", "finetune")["a", "b"] == (
        "finetune-b-from-refine-b-6-updates-s0",
        "finetune-b-s0",
    )


def test_controls_leave_every_other_stage_as_it_is(make_plan: MakePlan) -> None:
    arms = ["single", "pairs", "full"]
    before = make_plan("a", "b", "c", arms=arms, readings=BOTH, seeds=2)
    after = make_plan("a", "b", "c", arms=arms, readings=BOTH, seeds=2, controls=ALL)
    ids = {stage.id for stage in before}
    assert [stage for stage in after if stage.id in ids] == list(before)

    def stages(plan_: Plan) -> list[tuple[str, str, str, str]]:
        return [(s.arm, s.source, s.target, s.stage.id) for s in plan_.systems if s.arm not in ALL]

    assert stages(after) == stages(before)


def test_controls_that_are_the_same_are_one_stage(make_plan: MakePlan) -> None:
    made = make_plan("a", "b", "c", controls=["self", "matched"])
    plain = make_plan("a", "b", "c")
    # Of each task: one half, two halves; and as all have as many rows, one longer training.
    assert len(made) - len(plain) == 3 * 2 + 3
    selves = [s for s in made.systems if s.arm == "self"]
    assert sorted((s.source, s.target) for s in selves) == [
        *(("", name) for name in "abc"),
        *((name, name) for name in "abc"),
    ]


def test_a_pair_is_held_against_each_of_its_controls(make_plan: MakePlan) -> None:
    made = make_plan("a", "b", controls=["matched", "placebo", "self"])
    held: dict[tuple[str, str], list[System | None]] = {}
    for system, baseline, control in made.comparisons():
        assert baseline is system.baseline
        if system.arm == "pair":
            held.setdefault((system.source, system.target), []).append(control)
        else:
            assert control is None
    for (source, target), controls in held.items():
        assert controls[0] is None  # the raw effect
        assert [(c.arm, c.source, c.target) for c in controls[1:] if c] == [
            ("matched", source, target),
            ("placebo", source, target),
            ("self", target, target),
        ]
        for control in controls[1:]:
            assert control in made.systems
            assert control is not None and control.baseline in made.systems


def test_every_system_answers_by_a_task_of_its_target(make_plan: MakePlan) -> None:
    made = make_plan("a", "b", controls=ALL, readings=BOTH)
    for system in made.systems:
        half = "~half1" if system.arm == "self" else ""
        assert system.task.name == system.target + half
        assert system.task in [member.task for member in system.stage.tasks]


def test_seeds_shuffle_and_halve_anew(make_plan: MakePlan) -> None:
    made = make_plan("a", "b", controls=["placebo"], seeds=[3, 8])
    seeds = {
        (stage.seed, member.task.transform.seed)
        for stage in made
        for member in stage.tasks
        if member.task.transform
    }
    assert seeds == {(3, 3), (8, 8)}


def test_a_derived_task_is_its_content(make_study: Callable[..., Study]) -> None:
    (task,) = make_study("a", arms=["single"]).tasks
    assert "transform" not in task.identity()
    one = task.derived(Change.SHUFFLED, 1)
    assert one.identity()["transform"] == {"change": "shuffled", "seed": 1}
    assert one.identity() != task.derived(Change.SHUFFLED, 2).identity()
    assert Task.model_validate_json(one.model_dump_json()) == one
    assert one.underived() == task
    assert (one.name, one.origin, task.origin) == ("a~shuffled", "a", "a")
    with pytest.raises(ValidationError, match="is for tasks that are derived"):
        Task(**{**task.model_dump(), "name": "a~shuffled"})
    assert "epoch_updates" not in Recipe().identity()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arms": ["single", "full"]}, "found \\[placebo\\], which are controls of pairs; add 'pa"),
        ({"controls": ["placebo", "placebo"]}, "found 'placebo' a second time; list each control"),
        ({"controls": ["sham"]}, "'placebo', 'self' or 'matched'"),
        ({"variants": {"x": {"epochs": 1}}}, "in a study of `variants`, which compares recipes"),
        ({"protocol": "both"}, "set `protocol: clean`, or remove the controls"),
        ({"refine": {"train_on": "train_and_dev"}}, "found train_and_dev, with which halves would"),
        ({"refine": {"long_rows": "drop"}}, "set `long_rows: keep`, or remove `controls`"),
        ({"refine": {"epoch_updates": 3}}, "found 3, but an epoch takes every row once"),
        ({"finetune": {"tasks": {"a": {"epoch_updates": 3}}}}, "ask for `controls: \\[matched\\]`"),
    ],
)
def test_controls_that_make_no_sense(
    make_study: Callable[..., Study], changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        make_study("a", "b", **{"controls": ["placebo"], **changes})


def test_a_transform_cannot_be_written(
    make_study: Callable[..., Study], make_task: Callable[..., dict[str, Any]]
) -> None:
    written = make_task("a~shuffled", transform={"change": "shuffled", "seed": 0})
    with pytest.raises(ValidationError, match="found a transform, which only controls have"):
        make_study(written, "b")
