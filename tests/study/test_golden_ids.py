"""The stages of every study in `experiments/`: moving code, or adding to it, changes none of them.

The fingerprints are made up, so that no data are needed. Where an id is meant to change (a study
was changed, or `RECIPE_VERSION` was raised), `python -m tests.study.test_golden_ids` writes anew.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from transfer_study.study.file.study_file import read_study
from transfer_study.study.fingerprint import DataFingerprint, SplitFingerprint
from transfer_study.study.plan import Fingerprints, plan
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.sizes import data_sets

STUDIES = Path(__file__).parents[2] / "experiments"
GOLDEN = Path(__file__).with_name("golden_ids.json")


def _stages(name: str) -> dict[str, object]:
    study = read_study(STUDIES / f"{name}.yaml", [], data=Path("/nowhere"))

    def content(said: str) -> str:
        return sha256(said.encode()).hexdigest()

    made_up = Fingerprints(
        data={
            n: DataFingerprint(
                key=content(n),
                **{
                    split: SplitFingerprint(n=10, sha256=content(n), gold="0")
                    for split in ("train", "dev", "test")
                },
            )
            for n in data_sets(study)
        },
        encoders={e.name: content(e.name) for e in study.encoders},
        precision=Precision.FLOAT32,
    )
    ids = sorted(stage.id for stage in plan(study, made_up))
    return {"stages": len(ids), "sha256": sha256("\n".join(ids).encode()).hexdigest()}


def _names() -> list[str]:
    return sorted(file.stem for file in STUDIES.glob("*.yaml"))


@pytest.mark.parametrize("name", _names())
def test_the_stages_of_a_study_are_those_that_they_were(name: str) -> None:
    assert _stages(name) == json.loads(GOLDEN.read_text())[name]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({name: _stages(name) for name in _names()}, indent=1) + "\n")
