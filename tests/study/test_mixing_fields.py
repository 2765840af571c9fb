"""How joint stages mix their tasks is a matter of theirs alone, and of content, not of names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from transfer_study.study.fingerprint import Fingerprints
from transfer_study.study.plan import Plan, plan
from transfer_study.study.recipes.recipe import Recipe, weights_of
from transfer_study.study.study import Study

Make = Callable[..., Study]
Take = Callable[..., Fingerprints]
Planned = Callable[..., Plan]

CHANGES: list[dict[str, Any]] = [
    {"mixing": "sqrt"},
    {"mixing": "temperature", "temperature": 3},
    {"updates": "every_task"},
    {"updates": "every_task", "aggregation": "pcgrad"},
    {"updates": "every_task", "aggregation": "upgrad"},
    {"loss_weights": "by_size"},
    {"loss_weights": "uncertainty"},
    {"loss_weights": {"a": 2}},
    {"updates": "every_task", "loss_weights": {"a": 2, "c": 5}},
]


@pytest.fixture
def planned(make_study: Make, take_fingerprints: Take) -> Planned:
    def planned(*tasks: Any, **changes: Any) -> Plan:
        study = make_study(*tasks, **{"seeds": 1, **changes})
        return plan(study, take_fingerprints(study))

    return planned


def ids(made: Plan, several: bool) -> set[str]:
    """Those of stages of several tasks, or of one."""
    return {stage.id for stage in made if (len(stage.tasks) > 1) is several}


@pytest.mark.parametrize("refine", CHANGES)
def test_a_recipe_of_mixing_changes_every_joint_stage_and_no_other(
    planned: Planned, refine: dict[str, Any]
) -> None:
    without, with_ = planned(*"abc"), planned(*"abc", refine=refine)
    assert ids(with_, several=False) == ids(without, several=False)
    joint = ids(with_, several=True) & ids(without, several=True)
    if "a" in refine.get("loss_weights", ()) and "c" not in refine["loss_weights"]:
        # Without the one task that is weighed, the others weigh alike.
        (same,) = joint
        assert [s.task_names for s in with_ if s.id == same] == [("b", "c")]
    else:
        assert not joint


def test_variants_of_mixing_share_their_baselines(planned: Planned) -> None:
    named = {f"v{n}": changes for n, changes in enumerate(CHANGES)}
    made = planned(*"abc", arms=["single", "full"], variants={"plain": {}, **named})
    assert len(ids(made, several=False)) == 3
    assert len(ids(made, several=True)) == 1 + len(CHANGES)
    of_a = {s.stage.id for s in made.systems if s.arm == "single" and s.target == "a"}
    assert len(of_a) == 1
    assert len(made.systems) == (1 + len(CHANGES)) * 6


def test_fine_tuning_from_a_joint_stage_shares_what_starts_from_the_bare_encoder(
    planned: Planned,
) -> None:
    readings = ["refine", "finetune"]
    without = planned("a", "b", readings=readings)
    with_ = planned("a", "b", readings=readings, refine={"loss_weights": {"b": 3}})
    shared = {s.family for s in with_} - {s.family for s in with_ if s.id not in ids_of(without)}
    assert shared == {
        "refine-a-s0",
        "refine-b-s0",
        "finetune-a-s0",
        "finetune-b-s0",
        "finetune-a-from-refine-a-s0",
        "finetune-b-from-refine-b-s0",
    }


def ids_of(made: Plan) -> set[str]:
    return {stage.id for stage in made}


def test_soft_sharing_has_an_optimiser_a_task_that_weights_do_not_reach(planned: Planned) -> None:
    arms = ["single", "full", "soft"]
    without = planned("a", "b", arms=arms)
    for refine in ({"loss_weights": "uncertainty"}, {"updates": "every_task"}):
        with_ = planned("a", "b", arms=arms, refine=refine)
        kinds = {stage.kind for stage in with_ if stage.id not in ids_of(without)}
        assert kinds == {"refine"}
    mixed = planned("a", "b", arms=arms, refine={"mixing": "uniform"})
    assert {s.kind for s in mixed if s.id not in ids_of(without)} == {"refine", "soft"}


def test_weights_by_name_are_kept_by_content(make_study: Make, take_fingerprints: Take) -> None:
    def joint(names: str, weights: dict[str, float], **contents: str) -> str:
        study = make_study(*names, seeds=1, refine={"loss_weights": weights})
        made = plan(study, take_fingerprints(study, **contents))
        (stage,) = (stage for stage in made if len(stage.tasks) == 2)
        assert isinstance(stage.recipe.loss_weights, dict)
        assert stage.recipe.loss_weights.keys() == set(stage.task_names)
        return stage.id

    before = joint("ab", {"a": 1, "b": 3})
    assert joint("ba", {"b": 3, "a": 1}) == before
    assert joint("zc", {"z": 1, "c": 3}, z="a", c="b") == before
    assert joint("cz", {"c": 1, "z": 3}, c="a", z="b") == before
    # Names that change places take their weights along, or are another stage.
    assert joint("ab", {"b": 1, "a": 3}, b="a", a="b") == before
    assert joint("ab", {"a": 1, "b": 3}, b="a", a="b") != before
    # What Adam forgets is forgotten.
    assert joint("ab", {"a": 0.2, "b": 0.6}) == before
    assert joint("ab", {"b": 3}) == before
    assert joint("ab", {"b": 3.1}) != before


def test_equal_weights_by_name_are_no_weights(planned: Planned) -> None:
    assert ids_of(planned("a", "b", refine={"loss_weights": {"a": 7, "b": 7}})) == ids_of(
        planned("a", "b")
    )


def test_a_shuffled_partner_weighs_as_the_partner_does(planned: Planned) -> None:
    made = planned(
        "a",
        "b",
        arms=["single", "pairs"],
        controls=["placebo", "self"],
        refine={"loss_weights": {"b": 3}},
    )
    weights = {
        (*stage.task_names,): stage.recipe.loss_weights for stage in made if len(stage.tasks) == 2
    }
    assert weights["a", "b~shuffled"] == {"a": 0.5, "b~shuffled": 1.5}
    assert weights["a~shuffled", "b"] == {"a~shuffled": 0.5, "b": 1.5}
    assert weights["b~half1", "b~half2"] == "equal"


def test_the_matched_control_makes_as_many_updates_as_the_pair(planned: Planned) -> None:
    for updates, count in (("one_task", 6), ("every_task", 3)):
        made = planned(
            "a",
            "b",
            arms=["single", "pairs"],
            controls=["matched"],
            refine={"updates": updates, "batch_size": 4},
        )
        (alone,) = {
            stage.recipe.epoch_updates for stage in made if stage.recipe.epoch_updates is not None
        }
        assert alone == count


def test_what_has_equally_many_batches_weighs_alike_by_size(planned: Planned) -> None:
    variants = {"plain": {}, "uniform": {"mixing": "uniform"}, "every": {"updates": "every_task"}}
    weighed = planned("a", "b", refine={"loss_weights": "by_size"}, variants=variants)
    unweighed = planned("a", "b", variants=variants)
    of = {
        (made, s.variant): s.stage.id
        for made in (0, 1)
        for s in (weighed, unweighed)[made].systems
        if s.arm == "full"
    }
    assert of[0, "plain"] != of[1, "plain"]
    assert of[0, "uniform"] == of[1, "uniform"]
    assert of[0, "every"] == of[1, "every"]


def test_weights_have_a_mean_of_one() -> None:
    assert weights_of({"a": 2, "c": 9}, ["a", "b"]) == {
        "a": pytest.approx(4 / 3),
        "b": pytest.approx(2 / 3),
    }
    assert weights_of({}, ["a"]) == {"a": 1.0}


def test_weights_read_back_as_they_were_written(make_study: Make) -> None:
    study = make_study(
        "a",
        "b",
        refine={"loss_weights": {"a": 2}},
        variants={"x": {}, "y": {"loss_weights": {"b": 0.5}}},
    )
    values = study.model_dump(mode="json", by_alias=True)
    assert values["variants"]["y"] == {"loss_weights": {"b": 0.5}}
    assert Study.model_validate(values) == study


def test_defaults_are_no_part_of_an_identity() -> None:
    assert {"updates", "aggregation", "loss_weights"}.isdisjoint(Recipe().identity())


NOT_A_TASK = "found 'ab', which is not a task of this study; did you mean"
ALONE: dict[str, Any] = {"arms": ["single"]}
FINETUNE: dict[str, Any] = {"readings": ["finetune"]}
BY_SIZE = {"loss_weights": "by_size"}
EVERY = {"updates": "every_task"}


def variant(**changes: Any) -> dict[str, Any]:
    return {"variants": {"plain": {}, "other": changes}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"refine": {"loss_weights": {"ab": 2}}}, NOT_A_TASK),
        (variant(loss_weights={"ab": 2}), NOT_A_TASK),
        ({"refine": {"loss_weights": {"a": 0}}}, "greater than 0"),
        ({"refine": {"loss_weights": {}}}, "at least 1 item"),
        ({"refine": {"loss_weights": "size"}}, "'equal', 'by_size' or 'uncertainty'"),
        ({"refine": {"aggregation": "pcgrad"}}, "found pcgrad, which does nothing with `updates"),
        (variant(aggregation="upgrad"), "found upgrad, which does nothing with `updates: one"),
        ({"refine": {**EVERY, "mixing": "sqrt"}}, "found sqrt, but with `updates: every_task` all"),
        ({"refine": EVERY, **variant(mixing="sqrt")}, "found sqrt, but with `updates: every_task`"),
        ({"refine": {**EVERY, **BY_SIZE}}, "found by_size, but with `updates: every_task` tasks"),
        ({"refine": {**BY_SIZE, "mixing": "uniform"}}, "by_size, but with `mixing: uniform` tasks"),
        (variant(temperature=2), "found 2.0, which does nothing with `mixing: proportional`"),
        ({"finetune": EVERY}, "found every_task, but fine-tuning has one task and nothing to mix"),
        ({"finetune": {"tasks": {"a": BY_SIZE}}}, "found by_size, but fine-tuning has one task"),
        ({"heads": {"loss_weights": {"a": 2}}}, "found {a: 2.0}, but a head has one task"),
        ({**ALONE, "refine": EVERY}, "found every_task, which does nothing where no encoder"),
        ({**ALONE, **variant(mixing="sqrt")}, "found sqrt, which does nothing where no encoder"),
        ({"arms": ["single", "soft"], "refine": BY_SIZE}, "by_size, which does nothing where no"),
        ({"arms": ["single", "heads-only"], **variant(**EVERY)}, "which does nothing where no"),
        ({**FINETUNE, **variant(**EVERY)}, "share their joint stages; add 'refine' to `readings`"),
    ],
)
def test_what_would_do_nothing_or_means_no_task(
    make_study: Make, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        make_study("a", "b", **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"refine": {"mixing": "sqrt"}, **variant(**EVERY)},
        {"arms": ["single", "soft"], "refine": {"mixing": "sqrt"}},
        {"arms": ["single", "heads-only"], "refine": {"loss_weights": {"a": 2}}},
        {**FINETUNE, "refine": EVERY},
        {"finetune": {"mixing": "proportional", "loss_weights": "equal"}},
    ],
)
def test_what_may_stand(make_study: Make, changes: dict[str, Any]) -> None:
    make_study("a", "b", **changes)
