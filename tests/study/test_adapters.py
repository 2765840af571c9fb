"""What an adapter cannot go together with is told in a sentence; without one, no stage changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from transfer_study.execute.cost import _learner
from transfer_study.study.fingerprint import Fingerprints
from transfer_study.study.plan import plan
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.study import Study

Make = Callable[..., Study]

LORA = {"kind": "lora"}
WIDER = {"kind": "lora", "rank": 16}
NARROW = {"kind": "bottleneck"}


@pytest.mark.parametrize(
    ("changes", "key", "sentence"),
    [
        ({"heads": {"adapter": LORA}}, ("heads", "adapter"), "`heads` learns a head alone"),
        (
            {"arms": ["single", "soft"], "refine": {"adapter": LORA}},
            ("refine", "adapter"),
            "leave 'soft' out of `arms`",
        ),
        (
            {"arms": ["single", "soft"], "variants": {"whole": {}, "thin": {"adapter": LORA}}},
            ("variants", "thin", "adapter"),
            "leave 'soft' out of `arms`",
        ),
        (
            {"refine": {"adapter": NARROW, "reinit_layers": 1}},
            ("refine", "adapter"),
            "found {kind: bottleneck, size: 64} beside `reinit_layers: 1`",
        ),
        (
            {"refine": {"adapter": LORA}, "variants": {"new": {"reinit_layers": 1}}},
            ("variants", "new", "reinit_layers"),
            "found 1 beside `adapter`",
        ),
        (
            {
                "readings": ["finetune"],
                "refine": {"adapter": LORA},
                "finetune": {"adapter": WIDER},
            },
            ("finetune", "adapter"),
            "of `refine` is another than {kind: lora, rank: 16",
        ),
        (
            {
                "readings": ["finetune"],
                "refine": {"adapter": LORA},
                "finetune": {"adapter": LORA, "tasks": {"b": {"adapter": NARROW}}},
            },
            ("finetune", "tasks", "b", "adapter"),
            "a stage goes on with the adapter that it starts from",
        ),
        (
            {
                "readings": ["finetune"],
                "refine": {"adapter": LORA},
                "variants": {"whole": {}, "narrow": {"adapter": NARROW}},
            },
            ("variants", "narrow", "adapter"),
            "a stage goes on with the adapter that it starts from",
        ),
        (
            {
                "readings": ["finetune"],
                "arms": ["single", "sequential"],
                "finetune": {"tasks": {"a": {"adapter": LORA}, "b": {"adapter": WIDER}}},
            },
            ("finetune", "tasks", "a", "adapter"),
            "of `finetune.tasks.b` is another",
        ),
    ],
)
def test_what_does_not_go_together_is_one_sentence(
    make_study: Make, changes: dict[str, Any], key: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        make_study("a", "b", "c", **changes)
    faults = [fault for fault in refused.value.errors() if fault["loc"] == key]
    assert len(faults) == 1
    assert sentence in faults[0]["msg"]


@pytest.mark.parametrize(
    "changes",
    [
        {"refine": {"adapter": LORA, "freeze_layers": 1, "layer_decay": 0.9}},
        {"variants": {"whole": {}, "thin": {"adapter": LORA}, "narrow": {"adapter": NARROW}}},
        {"readings": ["finetune"], "refine": {"adapter": LORA}},
        {
            "readings": ["refine", "finetune"],
            "arms": ["single", "pairs", "sequential", "heads-only", "distil"],
            "refine": {"adapter": LORA},
            "finetune": {"adapter": {**LORA, "rank": 8}},  # the default, written
        },
        # No stage of joint learning is fine-tuned.
        {
            "readings": ["refine", "finetune"],
            "arms": ["single"],
            "refine": {"adapter": LORA},
            "finetune": {"adapter": NARROW},
        },
    ],
)
def test_what_goes_together_is_a_study(make_study: Make, changes: dict[str, Any]) -> None:
    make_study("a", "b", "c", **changes)


@pytest.mark.parametrize(
    ("adapter", "message"),
    [
        ({"kind": "prefix"}, "lora"),
        ({"rank": 8}, "kind"),
        ({"kind": "lora", "rank": 0}, "greater than 0"),
        ({"kind": "bottleneck", "rank": 8}, "not permitted"),
        ({"kind": "lora", "dropout": 1}, "less than 1"),
    ],
)
def test_what_is_no_adapter_is_refused(adapter: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Recipe.model_validate({"adapter": adapter})


def test_without_an_adapter_no_stage_is_another(
    make_study: Make, take_fingerprints: Callable[[Study], Fingerprints]
) -> None:
    def ids(**changes: Any) -> set[str]:
        study = make_study("a", "b", seeds=1, **changes)
        return {stage.id for stage in plan(study, take_fingerprints(study))}

    plain = ids()
    assert ids(refine={"adapter": None}) == plain
    assert ids(variants={"whole": {}}) == plain
    both = ids(variants={"whole": {}, "thin": {"adapter": LORA}})
    assert plain < both and len(both) == 2 * len(plain)
    thin = both - plain
    assert ids(refine={"adapter": {**LORA, "rank": 8, "alpha": 16}}) == thin
    assert not ids(refine={"adapter": WIDER}) & both


def test_what_an_adapter_takes_is_estimated_apart(
    make_study: Make, take_fingerprints: Callable[[Study], Fingerprints]
) -> None:
    study = make_study("a", seeds=1, arms=["single"], variants={"w": {}, "t": {"adapter": LORA}})
    whole, thin = (_learner(stage.pre_image) for stage in plan(study, take_fingerprints(study)))
    assert whole[:2] == thin[:2] and (whole[2], thin[2]) == ("", "lora")
