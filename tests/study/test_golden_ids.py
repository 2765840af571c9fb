"""The stages of every study in `experiments/`: moving code, or adding to it, changes none of them.

The fingerprints are made up, so that no data are needed. Where an id is meant to change (a study
was changed, or `RECIPE_VERSION` was raised), `python -m tests.study.test_golden_ids` writes anew.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.study.conftest import made_up_fingerprints
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import plan

STUDIES = Path(__file__).parents[2] / "experiments"
GOLDEN = Path(__file__).with_name("golden_ids.json")


def _stages(name: str) -> dict[str, object]:
    study = read_study(STUDIES / f"{name}.yaml", [], data=Path("/nowhere"))
    ids = sorted(stage.id for stage in plan(study, made_up_fingerprints(study)))
    return {"stages": len(ids), "sha256": sha256("\n".join(ids).encode()).hexdigest()}


def _names() -> list[str]:
    return sorted(file.stem for file in STUDIES.glob("*.yaml"))


@pytest.mark.parametrize("name", _names())
def test_the_stages_of_a_study_are_those_that_they_were(name: str) -> None:
    assert _stages(name) == json.loads(GOLDEN.read_text())[name]


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({name: _stages(name) for name in _names()}, indent=1) + "\n")
