"""Variants of a recipe: the stages that answer are planned once each, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from transfer_study.study.fingerprint import Fingerprints
from transfer_study.study.plan import Plan, plan
from transfer_study.study.recipes.recipe import Precision, Recipe
from transfer_study.study.study import Study

Make = Callable[..., Study]
Take = Callable[..., Fingerprints]

NEUTRAL = {
    "freeze_embeddings": False,
    "freeze_layers": 0,
    "layer_decay": 1.0,
    "reinit_layers": 0,
    "bias_correction": True,
}
OTHER = {
    "freeze_embeddings": True,
    "freeze_layers": 1,
    "layer_decay": 0.9,
    "reinit_layers": 1,
    "bias_correction": False,
}


@pytest.fixture
def planned(make_study: Make, take_fingerprints: Take) -> Callable[..., Plan]:
    def planned(*tasks: Any, **changes: Any) -> Plan:
        study = make_study(*tasks, **{"seeds": 1, **changes})
        return plan(study, take_fingerprints(study, Precision.BFLOAT16))

    return planned


def ids(made: Plan) -> list[str]:
    return [stage.id for stage in made]


@pytest.mark.parametrize("field", NEUTRAL)
def test_a_neutral_value_leaves_ids_alone_and_any_other_does_not(
    planned: Callable[..., Plan], field: str
) -> None:
    without = ids(planned("a", "b"))
    assert ids(planned("a", "b", refine={field: NEUTRAL[field]})) == without
    assert not set(ids(planned("a", "b", refine={field: OTHER[field]}))) & set(without)
    assert field not in Recipe().identity()


def test_every_system_is_planned_once_a_variant(planned: Callable[..., Plan]) -> None:
    plain = planned("a", "b")
    made = planned("a", "b", variants={"plain": {}, "frozen": {"freeze_layers": 1}})
    assert len(made) == 2 * len(plain)
    by = {name: [s for s in made.systems if s.variant == name] for name in ("plain", "frozen")}
    assert [s.stage.id for s in by["plain"]] == [s.stage.id for s in plain.systems]
    assert {s.stage.recipe.freeze_layers for s in by["frozen"]} == {1}
    assert {s.variant for s in plain.systems} == {""}


def test_a_variant_is_held_against_its_own_baseline(planned: Callable[..., Plan]) -> None:
    made = planned("a", "b", variants={"x": {"epochs": 3}, "y": {"epochs": 4}})
    pairs = list(made.comparisons())
    assert len(pairs) == 2 * (2 + 2)
    for system, baseline, _ in pairs:
        assert system.variant == baseline.variant
        assert system.stage.recipe == baseline.stage.recipe
        assert system.stage.recipe.epochs == {"x": 3, "y": 4}[system.variant]


def test_the_stages_that_fine_tuning_starts_from_are_shared(planned: Callable[..., Plan]) -> None:
    made = planned(
        "a",
        "b",
        readings=["finetune"],
        finetune={"tasks": {"a": {"epochs": 7, "batch_size": 5}}},
        variants={"plain": {}, "longer": {"epochs": 9}},
    )
    parents = {stage.id for stage in made if stage.kind == "refine"}
    assert len(parents) == 3  # a, b and {a, b}
    tuned = [stage for stage in made if stage.kind == "finetune"]
    assert len(tuned) == 2 * 6
    assert all({parent.id for parent in stage.parents} <= parents for stage in tuned)
    # A variant goes before the recipe of a single task, and changes nothing else of it.
    of_a = {(s.recipe.epochs, s.recipe.batch_size) for s in tuned if s.task_names == ("a",)}
    assert of_a == {(7, 5), (9, 5)}


def test_precision_is_resolved_in_a_variant_too(planned: Callable[..., Plan]) -> None:
    refine = {"precision": "float32"}
    made = planned("a", "b", refine=refine, variants={"x": {"precision": "auto"}, "y": {}})
    found = {s.variant: s.stage.recipe.precision for s in made.systems}
    assert found == {"x": Precision.BFLOAT16, "y": Precision.FLOAT32}


def test_a_study_with_variants_reads_back_as_it_was_written(make_study: Make) -> None:
    study = make_study("a", "b", variants={"plain": {}, "x": {"epochs": 3}})
    values = study.model_dump(mode="json", by_alias=True)
    assert values["variants"] == {"plain": {}, "x": {"epochs": 3}}
    assert Study.model_validate(values) == study


@pytest.mark.parametrize(
    ("variants", "said"),
    [
        ({"a/b": {}}, "letters, digits"),
        ({"x": {"epoch": 3}}, "epoch"),
        ({"x": {"layer_decay": 0}}, "greater than 0"),
        ({"x": {"layer_decay": 1.1}}, "less than or equal to 1"),
        ({"x": {"freeze_layers": -1}}, "greater than or equal to 0"),
        ({"x": {"epochs": 3}, "y": {"epochs": 3}}, "changes of the variant 'x' a second time"),
    ],
)
def test_variants_that_make_no_sense(make_study: Make, variants: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        make_study("a", "b", variants=variants)
