"""Studies and fingerprints made up by hand: plans need no data."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from transfer_study.study.fingerprint import DataFingerprint, Fingerprints, SplitFingerprint
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.sizes import data_sets
from transfer_study.study.study import Study

MakeStudy = Callable[..., Study]
TakeFingerprints = Callable[..., Fingerprints]


def task(name: str, **changes: Any) -> dict[str, Any]:
    """A made-up classification task as one would write it."""
    return {
        "name": name,
        "kind": "classification",
        "labels": ["yes", "no"],
        "source": {"format": "tsv", "folder": name},
        **changes,
    }


@pytest.fixture
def make_study() -> MakeStudy:
    """Makes a study of tasks by name (or as written), with changes."""

    def make(*tasks: str | dict[str, Any], **changes: Any) -> Study:
        written = [task(t) if isinstance(t, str) else t for t in tasks]
        return Study(**{"name": "made", "encoder": "tiny", "tasks": written, **changes})

    return make


@pytest.fixture
def make_task() -> Callable[..., dict[str, Any]]:
    """Makes a task as one would write it."""
    return task


def made_up_fingerprints(
    study: Study, precision: Precision = Precision.FLOAT32, **contents: str
) -> Fingerprints:
    """The fingerprints of a study: each content is named by a text, by default its name."""

    def content(name: str) -> str:
        return sha256(contents.get(name, name).encode()).hexdigest()

    return Fingerprints(
        data={
            name: DataFingerprint(
                key=content(name),
                **{
                    split: SplitFingerprint(n=10, sha256=content(name), gold="0")
                    for split in ("train", "dev", "test")
                },
            )
            for name in data_sets(study)
        },
        encoders={e.name: content(e.name) for e in study.encoders},
        precision=precision,
    )


@pytest.fixture
def take_fingerprints() -> TakeFingerprints:
    """Makes the fingerprints of a study."""
    return made_up_fingerprints
