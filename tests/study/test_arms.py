"""Arms beyond pairs and the full mix: their stages, what they share, and their baselines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from transfer_study.study.arms import FULL
from transfer_study.study.fingerprint import Fingerprints
from transfer_study.study.pairs import Pairing, count_left_out, left_out_sentence
from transfer_study.study.plan import Plan, plan
from transfer_study.study.stage import Stage
from transfer_study.study.study import Study
from transfer_study.study.system import System

BOTH = ["refine", "finetune"]

MakePlan = Callable[..., Plan]


@pytest.fixture
def make_plan(
    make_study: Callable[..., Study], take_fingerprints: Callable[..., Fingerprints]
) -> MakePlan:
    """Plans a study of tasks by name and one seed, with changes of the study."""

    def make(*tasks: Any, **changes: Any) -> Plan:
        study = make_study(*tasks, **{"seeds": 1, **changes})
        return plan(study, take_fingerprints(study))

    return make


def ids(plan_: Plan) -> set[str]:
    return {stage.id for stage in plan_}


def added(plan_: Plan, before: Plan) -> list[str]:
    """The families of the stages that are in a plan and not in another, which it holds whole."""
    assert ids(before) < ids(plan_)
    return sorted(stage.family for stage in plan_ if stage.id not in ids(before))


def families(systems: tuple[System, System]) -> tuple[str, str]:
    system, baseline = systems
    return system.stage.family, baseline.stage.family


def compared(plan_: Plan, arm: str, reading: str) -> dict[tuple[str, str], tuple[str, str]]:
    """The families of a system's stage and its baseline's, by source and target."""
    return {
        (s.source, s.target): families((s, b))
        for s, b, _ in plan_.comparisons()
        if (s.arm, s.reading) == (arm, reading)
    }


# --- sequential


def test_sequential_is_fine_tuning_after_fine_tuning_against_fine_tuning_alone(
    make_plan: MakePlan,
) -> None:
    made = make_plan("a", "b", "c", readings=["finetune"], arms=["single", "sequential"])
    found = compared(made, "sequential", "finetune")
    assert found == {
        (source, target): (
            f"finetune-{target}-from-finetune-{source}-s0",
            f"finetune-{target}-s0",
        )
        for source in "abc"
        for target in "abc"
        if source != target
    }
    # The first half of a sequence is the other task's own baseline.
    before = make_plan("a", "b", "c", readings=["finetune"], arms=["single"])
    assert len(added(made, before)) == 6


def test_sequential_has_no_part_in_the_refine_reading(make_plan: MakePlan) -> None:
    made = make_plan("a", "b", readings=BOTH, arms=["single", "sequential"])
    assert not compared(made, "sequential", "refine")
    assert len(compared(made, "sequential", "finetune")) == 2


def test_sequences_are_formed_as_pairs_are(
    make_plan: MakePlan, make_task: Callable[..., dict[str, Any]]
) -> None:
    tasks = [make_task(n, domain=d) for n, d in (("a", "x"), ("b", "y"), ("c", "x"))]
    study = {"readings": ["finetune"], "arms": ["single", "sequential"]}
    within = make_plan(*tasks, **study, pairs="within_domain")
    assert set(compared(within, "sequential", "finetune")) == {
        ("a", "c"),
        ("c", "a"),
    }
    everything = make_plan(*tasks, **study)
    assert len(compared(everything, "sequential", "finetune")) == 6


# --- leave-one-out


def test_leave_one_out_adds_exactly_its_own_stages(make_plan: MakePlan) -> None:
    before = make_plan(*"abcd", arms=["single", "full"])
    assert added(make_plan(*"abcd", arms=["single", "full", "leave-one-out"]), before) == [
        "refine-a+b+c-s0",
        "refine-a+b+d-s0",
        "refine-a+c+d-s0",
        "refine-b+c+d-s0",
    ]
    # Fine-tuning: each of the four mixes of three serves three targets.
    tuned = make_plan(*"abcd", arms=["single", "full"], readings=BOTH)
    more = make_plan(*"abcd", arms=["single", "full", "leave-one-out"], readings=BOTH)
    assert len(added(more, tuned)) == 4 + 4 * 3
    # By itself it needs no single task: the full mix and the four mixes without one.
    assert len(make_plan(*"abcd", arms=["leave-one-out"])) == 5
    # The mixes of two out of three are the pairs.
    three = make_plan(*"abc", arms=["single", "pairs", "full"])
    assert ids(make_plan(*"abc", arms=["single", "pairs", "full", "leave-one-out"])) == ids(three)


def test_leave_one_out_compares_the_full_mix_with_the_mix_without_the_source(
    make_plan: MakePlan,
) -> None:
    made = make_plan(*"abcd", arms=["leave-one-out"], readings=BOTH)
    refined, tuned = (compared(made, "leave-one-out", reading) for reading in BOTH)
    assert len(refined) == len(tuned) == 12
    for source, target in refined:
        rest = "+".join(name for name in "abcd" if name != source)
        assert refined[source, target] == ("refine-a+b+c+d-s0", f"refine-{rest}-s0")
        assert tuned[source, target] == (
            f"finetune-{target}-from-refine-a+b+c+d-s0",
            f"finetune-{target}-from-refine-{rest}-s0",
        )


# --- groups


def test_groups_learn_their_members_together_against_each_alone(make_plan: MakePlan) -> None:
    study = {"groups": {"ner": ["a", "b"], "relations": ["e", "c", "d"]}, "readings": BOTH}
    made = make_plan(*"abcde", **study, arms=["single", "groups"])
    assert compared(made, "group:ner", "refine") == {
        ("a", "b"): ("refine-a+b-s0", "refine-b-s0"),
        ("b", "a"): ("refine-a+b-s0", "refine-a-s0"),
    }
    assert compared(made, "group:relations", "finetune") == {
        ("d+e", "c"): ("finetune-c-from-refine-c+d+e-s0", "finetune-c-s0"),
        ("c+e", "d"): ("finetune-d-from-refine-c+d+e-s0", "finetune-d-s0"),
        ("c+d", "e"): ("finetune-e-from-refine-c+d+e-s0", "finetune-e-s0"),
    }
    before = make_plan(*"abcde", arms=["single"], readings=BOTH)
    assert len(added(made, before)) == 2 + 5
    # A group of two is their pair.
    paired = make_plan(*"abcde", arms=["single", "pairs"], readings=BOTH)
    both = make_plan(*"abcde", **study, arms=["single", "pairs", "groups"])
    assert len(added(both, paired)) == 1 + 3


def test_the_order_of_a_groups_members_means_nothing(make_plan: MakePlan) -> None:
    one, other = (
        make_plan(*"abc", arms=["single", "groups"], groups={"g": members})
        for members in (["a", "b", "c"], ["c", "a", "b"])
    )
    assert one.stages == other.stages
    assert [(s.source, s.target) for s in one.systems] == [
        (s.source, s.target) for s in other.systems
    ]


# --- all of them


def test_every_baseline_keeps_encoder_reading_target_and_seed_and_is_planned(
    make_plan: MakePlan,
) -> None:
    made = make_plan(
        *"abc",
        encoder=["tiny", "other"],
        seeds=2,
        readings=BOTH,
        arms=["single", "pairs", "full", "groups", "sequential", "leave-one-out"],
        groups={"g": ["a", "c"]},
    )
    count = {}
    for system, baseline, _ in made.comparisons():
        about = ("encoder", "reading", "target", "seed")
        assert all(getattr(system, key) == getattr(baseline, key) for key in about)
        assert baseline.stage.id in ids(made)
        assert baseline in made.systems  # its score is in the tables
        assert baseline.arm == ("without" if system.arm == "leave-one-out" else "single")
        count[system.arm] = count.get(system.arm, 0) + 1
    runs = 2 * 2  # encoders and seeds
    assert count == {
        "pair": 2 * 6 * runs,
        "full": 2 * 3 * runs,
        "group:g": 2 * 2 * runs,
        "sequential": 6 * runs,
        "leave-one-out": 2 * 6 * runs,
    }
    assert {s.arm for s in made.systems if s.baseline is None} == {"single", "control", "without"}
    order: set[str] = set()
    for stage in made:
        assert {parent.id for parent in stage.parents} <= order
        order.add(stage.id)


def test_the_new_arms_change_no_stage_of_the_old(make_plan: MakePlan) -> None:
    def old(plan_: Plan) -> list[tuple[str, str, str, Stage]]:
        arms = ("single", "control", "pair", "full")
        return [(s.arm, s.source, s.target, s.stage) for s in plan_.systems if s.arm in arms]

    arms = ["single", "pairs", "full"]
    before = make_plan(*"abc", readings=BOTH, arms=arms)
    after = make_plan(
        *"abc",
        readings=BOTH,
        arms=[*arms, "groups", "sequential", "leave-one-out"],
        groups={"g": ["a", "c"]},
    )
    assert old(after) == old(before)


@pytest.mark.parametrize(
    ("tasks", "changes", "said"),
    [
        ("ab", {"arms": ["single", "sequential"]}, "add 'finetune' to `readings`"),
        (
            "ab",
            {"arms": ["sequential"], "readings": ["finetune"]},
            "'sequential' is compared with 'single': add it",
        ),
        ("ab", {"arms": ["leave-one-out"]}, "found 2 tasks, but the arm 'leave-one-out' needs thr"),
        ("a", {"arms": ["single", "leave-one-out"]}, "found 1 task, .*set `arms: \\[single\\]`"),
        ("ab", {"arms": ["single", "groups"]}, "the study names none; add such as `groups: {"),
        ("ab", {"groups": {"g": ["a", "b"]}}, "no arm asks for them; add 'groups' to `arms`"),
        ("ab", {"groups": {"g": ["a"]}}, "found \\[a\\], but a group is two tasks or more"),
        ("ab", {"groups": {"g": ["a", "a"]}}, "found 'a' a second time; list each task once"),
        ("ab", {"groups": {"g": ["a", "ab"]}}, "found 'ab', which is not a task of this study"),
        ("ab", {"groups": {"g h": ["a", "b"]}}, "a name consists of letters"),
        (
            "ab",
            {"arms": ["groups"], "groups": {"g": ["a", "b"]}},
            "'groups' is compared with 'single': add it",
        ),
    ],
)
def test_arms_that_make_no_sense(
    make_study: Callable[..., Study], tasks: str, changes: dict[str, Any], said: str
) -> None:
    if "groups" in changes and "arms" not in changes and "no arm" not in said:
        changes = {**changes, "arms": ["single", "groups"]}
    with pytest.raises(ValidationError, match=said):
        make_study(*tasks, **changes)


def test_pairs_that_are_left_out_are_counted(make_study: Callable[..., Study]) -> None:
    study = make_study("a", "b", "c", "d")
    assert count_left_out(study) == (0, 6)
    domains = {"a": "sea", "b": "sea"}
    tasks = tuple(t.model_copy(update={"domain": domains.get(t.name, t.name)}) for t in study.tasks)
    within = study.model_copy(update={"tasks": tasks, "pairs": Pairing.WITHIN})
    assert count_left_out(within) == (5, 6)
    said = left_out_sentence(within)
    assert said is not None
    assert "leaves out 5 of 6 pairs" in said
    assert count_left_out(within.model_copy(update={"arms": (FULL,)})) == (0, 0)
