"""A plan over made-up tasks of every kind: records need neither data nor encoders."""

from __future__ import annotations

from hashlib import sha256

import pytest

from transfer_study.spec.fingerprint import DataFingerprint, SplitFingerprint
from transfer_study.spec.plan import Fingerprints, Plan, plan
from transfer_study.spec.recipe import Precision
from transfer_study.spec.study import Study

KINDS = {
    "nli": {"kind": "classification", "labels": ["no", "yes"]},
    "ner": {"kind": "tagging", "labels": ["Gene"]},
    "hoc": {"kind": "multilabel", "labels": ["a", "b, c", 'd"e', "ü"]},
    "sts": {"kind": "regression"},
}


@pytest.fixture
def made_plan() -> Plan:
    """Single and joint stages of four tasks, and fine-tuning from them."""
    source = {"format": "jsonl", "folder": "nowhere"}  # whose labels may have commas
    study = Study.model_validate(
        {
            "name": "made",
            "encoder": "tiny",
            "tasks": [{"name": n, "source": source, **task} for n, task in KINDS.items()],
            "arms": ["single", "full"],
            "readings": ["refine", "finetune"],
            "seeds": [0],
        }
    )
    split = SplitFingerprint(n=9, sha256=sha256(b"data").hexdigest())
    data = DataFingerprint(train=split, dev=split, test=split)
    fingerprints = Fingerprints(
        data=dict.fromkeys(KINDS, data), encoders={"tiny": "0"}, precision=Precision.FLOAT32
    )
    return plan(study, fingerprints)
