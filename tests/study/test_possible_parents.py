"""Which stages another reading or arm of a study could start from."""

from __future__ import annotations

from typing import Any

import pytest

from tests.study.conftest import MakeStudy, TakeFingerprints
from transfer_study.study.arms import Arm
from transfer_study.study.plan import plan
from transfer_study.study.reading import Reading

STUDIES: dict[str, dict[str, Any]] = {
    "usual": {},
    "single": {"arms": ["single"]},
    "ways to share": {
        "arms": ["single", "soft", "distil", "heads-only", "sequential"],
        "readings": ["refine", "finetune"],
    },
    "finetuned": {"readings": ["finetune"]},
    "controls": {"controls": ["placebo", "self", "matched"]},
    "variants": {"variants": {"frozen": {"freeze_layers": 1}, "usual": {}}},
    "paper": {"protocol": "both", "arms": ["single", "full"]},
}


@pytest.mark.parametrize("changes", STUDIES.values(), ids=STUDIES)
def test_they_are_what_any_reading_and_arm_starts_from(
    changes: dict[str, Any], make_study: MakeStudy, take_fingerprints: TakeFingerprints
) -> None:
    study = make_study("a", "b", "c", seeds=2, **changes)
    first = plan(study, take_fingerprints(study))
    ids, possible = {stage.id for stage in first}, first.possible_parents()
    assert first.parents() <= possible
    for reading in Reading:
        for arm in Arm.known.values():
            update = {"readings": (*study.readings, reading), "arms": (*study.arms, arm)}
            other = plan(study.model_copy(update=update), first.fingerprints)
            assert other.parents() & ids <= possible, (reading, arm)
    refinements = {s.id for s in first if s.kind in ("refine", "soft", "distil")}
    if "controls" not in changes and "variants" not in changes:
        assert refinements <= possible
    # Nothing starts from a head, or from what is fine-tuned after something else.
    assert not possible & {s.id for s in first if s.kind == "heads"}
    assert not possible & {s.id for s in first if s.kind == "finetune" and s.parents}


def test_of_a_single_task(make_study: MakeStudy, take_fingerprints: TakeFingerprints) -> None:
    study = make_study("a", seeds=1, arms=["single"])
    (stage,) = made = plan(study, take_fingerprints(study))
    assert stage.id in made.possible_parents()
