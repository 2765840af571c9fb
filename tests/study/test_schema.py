"""The schema that editors check study files by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from transfer_study.study.file.schema import study_schema

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
GOOD = {"name": "x", "encoder": "tiny", "tasks": ["chemprot", "hoc"]}
TASK = {
    "name": "mine",
    "kind": "tagging",
    "labels": ["a", True, 1.0],
    "source": {"format": "conll", "folder": "mine", "columns": {"text": 0, "label": "3"}},
}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = study_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_published_schema_is_that_of_the_types() -> None:
    """Otherwise: python -m transfer_study.study.file.schema > experiments/study.schema.json."""
    assert json.loads((EXPERIMENTS / "study.schema.json").read_bytes()) == study_schema()


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_experiment_is_valid(validator: Draft202012Validator, path: Path) -> None:
    validator.validate(yaml.safe_load(path.read_bytes()))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"encoder": ["tiny", {"name": "b", "source": "owner/model"}]},
        {"encoder": {"name": "tiny", "tiny": {"layers": 1}}},
        {"seeds": 3},
        {"seeds": [1, 2]},
        {"margin": 0.1},
        {"margin": {"relative": 0.1}},
        {"tasks": [TASK, {"name": "hoc", "limits": {"max_train": 3}, "source": {"folder": "x"}}]},
        {"finetune": {"epochs": 3, "tasks": {"hoc": {"learning_rate": 0.1}}}},
        {"limits": {"max_train": 100}},
        {"limits": {"max_train": [100, 300]}},
        {"arms": ["single", "groups"], "groups": {"ner": ["chemprot", "hoc"]}},
    ],
)
def test_what_users_write_is_valid(
    validator: Draft202012Validator, changes: dict[str, Any]
) -> None:
    validator.validate({**GOOD, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"typo": 1},
        {"name": "a/b"},
        {"encoder": []},
        {"encoder": {"source": "tiny"}},
        {"tasks": "chemprot"},
        {"tasks": []},
        {"tasks": ["chemprt"]},
        {"tasks": [{**TASK, "metric": "f1"}]},
        {"tasks": [{**TASK, "source": {"format": "conll"}}]},
        {"tasks": [{"name": "mine"}]},
        {"arms": ["singel"]},
        {"arms": "single"},
        {"readings": ["refine", "refine"]},
        {"seeds": 0},
        {"seeds": []},
        {"seeds": [-1]},
        {"margin": -0.1},
        {"margin": {"absolute": 0.1, "relative": 0.1}},
        {"refine": {"epochs": 0}},
        {"refine": {"epoch": 3}},
        {"refine": {"tasks": {"hoc": {"epochs": 3}}}},
        {"finetune": {"tasks": {"hoc": {"epoch": 3}}}},
        {"limits": {"max_train": 0}},
        {"limits": {"max_train": [100, 100]}},
        {"limits": {"max_dev": [100, 200]}},
        {"groups": {"ner": ["chemprot"]}},
        {"groups": {"n r": ["chemprot", "hoc"]}},
    ],
)
def test_what_is_wrong_is_not(validator: Draft202012Validator, changes: dict[str, Any]) -> None:
    assert not validator.is_valid({**GOOD, **changes})
