"""Data sets through tasksource, on local copies in the form that their authors give them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest
from pydantic import ValidationError

from tests.hub import running
from tests.test_prefetch import call
from transfer_study.data.files.readers import read_split
from transfer_study.data.splits import load
from transfer_study.errors import DataError
from transfer_study.study.tasks.source import SPLITS
from transfer_study.study.tasks.task import Task

RTE: dict[str, Any] = {
    "name": "rte",
    "kind": "classification",
    "metric": "accuracy",
    "labels": ["entailment", "not_entailment"],
}
COLUMNS = {"text": "sentence1", "text2": "sentence2", "label": "labels"}


def rte(n: int) -> datasets.Dataset:
    """As GLUE has it: a class by its number, and a column that is no part of the task."""
    names = datasets.ClassLabel(names=RTE["labels"])
    text = datasets.Value("string")
    features = {
        "sentence1": text,
        "sentence2": text,
        "label": names,
        "idx": datasets.Value("int32"),
    }
    columns = {
        "sentence1": [f"premise {i}" for i in range(n)],
        "sentence2": [f"hypothesis {i}" for i in range(n)],
        "label": [i // 2 % 2 for i in range(n)],
        "idx": list(range(n)),
    }
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def test_a_local_copy_becomes_what_tasksource_makes_of_it(tmp_path: Path) -> None:
    splits = {"train": rte(40), "validation": rte(8), "test": rte(12)}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "rte")
    before = sorted(path for path in tmp_path.rglob("*"))
    where = {"format": "datasets", "tasksource": "glue/rte", "name": str(tmp_path / "rte")}
    task = Task(**RTE, source={**where, "columns": COLUMNS})
    data = load(task)
    assert [len(data.split(name)) for name in SPLITS] == [40, 8, 12]
    assert [(e.text, e.label) for e in data.train[1:3]] == [
        (("premise 1", "hypothesis 1"), "entailment"),
        (("premise 2", "hypothesis 2"), "not_entailment"),
    ]
    assert sorted(path for path in tmp_path.rglob("*")) == before
    assert datasets.is_caching_enabled()


def test_what_tasksource_does_not_know() -> None:
    where = {"format": "datasets", "tasksource": "glue/rtee", "columns": COLUMNS}
    with pytest.raises(DataError, match=r"no such task; did you mean 'glue/rte'\?"):
        read_split(Task(**RTE, source=where), "train")
    with pytest.raises(ValidationError, match="tasksource chooses itself"):
        Task(**RTE, source={**where, "config": "rte"})


def test_tasksource_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tasksource.access", None)
    where = {"format": "datasets", "tasksource": "glue/rte", "columns": COLUMNS}
    with pytest.raises(DataError, match=r"pip install .transfer-study\[tasksource\]"):
        read_split(Task(**RTE, source=where), "train")


def test_its_one_name_is_enough_where_there_is_a_hub(tmp_path: Path) -> None:
    """Fetched once from a hub on loopback, then read offline."""
    glue = tmp_path / "repository"
    (glue / "rte").mkdir(parents=True)
    configs = "configs:\n- config_name: rte\n  data_files:\n"
    for split in ("train", "validation", "test"):
        rte(8).to_parquet(glue / "rte" / f"{split}.parquet")
        configs += f"  - {{split: {split}, path: rte/{split}.parquet}}\n"
    (glue / "README.md").write_text(f"---\n{configs}---\n")
    source = {"format": "datasets", "tasksource": "glue/rte", "columns": COLUMNS}
    study = {
        "name": "s",
        "encoder": "tiny",
        "arms": ["single"],
        "tasks": [{**RTE, "source": source}],
    }
    (tmp_path / "s.yaml").write_text(json.dumps(study))
    with running({"datasets/nyu-mll/glue": glue}) as hub:
        done = call(tmp_path, "prefetch", "s.yaml", HF_ENDPOINT=hub.endpoint)
    assert done.returncode == 0, done.stderr
    assert "data set glue/rte: ready" in done.stdout
    tasks = call(tmp_path, "tasks", "s.yaml", "--json", HF_HUB_OFFLINE="1")
    assert tasks.returncode == 0, tasks.stderr
    (task,) = json.loads(tasks.stdout)["tasks"]
    assert [split["examples"] for split in task["splits"]] == [8, 8, 8]
