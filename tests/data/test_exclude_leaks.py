"""What a test set has is not trained on where the study says so; all else stays as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from transfer_study.data.fingerprints import load_tasks
from transfer_study.data.leaks.find import find_leaks
from transfer_study.data.leaks.findings import LeakKind
from transfer_study.data.splits import TaskData, fingerprint, load
from transfer_study.errors import DataError
from transfer_study.study.study import Study

Rows = list[tuple[str, str]]  # document and text


def row(n: int, document: str = "") -> tuple[str, str]:
    return document or f"doc{n}", " ".join(f"word{n}x{i}" for i in range(12))


def task(folder: Path, name: str, train: Rows, test: Rows, dev: Rows | None = None) -> Any:
    (folder / name).mkdir(exist_ok=True)
    # Only a test set of two classes measures anything.
    other = row(901)
    for split, rows in (("train", train), ("dev", dev or [row(900)]), ("test", [*test, other])):
        lines = [
            json.dumps({"id": f"{split}{n}", "doc": one[0], "text": one[1], "label": label})
            for n, one in enumerate(rows)
            for label in ("no" if one is other else "yes",)
        ]
        (folder / name / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    source = {
        "format": "jsonl",
        "folder": folder / name,
        "columns": {"id": "id", "document": "doc"},
    }
    return {"name": name, "kind": "classification", "labels": ["yes", "no"], "source": source}


def study(*tasks: Any, exclude: bool = True, **fields: Any) -> Study:
    common = {"name": "s", "encoder": "tiny", "arms": ["single"], "exclude_leaks": exclude}
    return Study.model_validate({**common, "tasks": tasks, **fields})


def ids(data: TaskData, split: str = "train") -> list[str]:
    return [example.id for example in data.split(split)]


def test_rows_of_any_tasks_test_are_dropped_by_text_and_by_document(tmp_path: Path) -> None:
    heading = ("h", "Methods")
    a = task(tmp_path, "a", [row(1), row(2), heading, row(3, "d")], [row(2), row(4, "d")])
    b = task(tmp_path, "b", [row(5), row(1), row(6)], [row(7), ("x", "METHODS:"), row(5)])
    data = load_tasks(study(a, b))
    assert ids(data["a"]) == ["train0"]
    assert ids(data["b"]) == ["train1", "train2"]
    assert data["a"].left_out == {"train": (1, 2, 3)}
    untouched = load_tasks(study(a, b, exclude=False))
    for name in "ab":
        assert data[name].test == untouched[name].test == load(untouched[name].task).test
        assert data[name].dev == untouched[name].dev
    assert [len(d.train) for d in untouched.values()] == [4, 3]


def test_nothing_of_test_is_found_in_train_afterwards(tmp_path: Path) -> None:
    a = task(tmp_path, "a", [row(1), row(2), row(3)], [row(2), row(3, "d")])
    told = {}
    for exclude in (False, True):
        made = study(a, exclude=exclude)
        told[exclude] = find_leaks(made, load_tasks(made)).of(LeakKind.TEXT)
    assert [leak.texts for leak in told[False]] == [2]
    assert told[True] == ()


def test_dev_is_dropped_from_only_where_it_is_learned(tmp_path: Path) -> None:
    a = task(tmp_path, "a", [row(1), row(2)], [row(3)], dev=[row(3), row(4)])
    assert ids(load_tasks(study(a))["a"], "dev") == ["dev0", "dev1"]
    learned = load_tasks(study(a, refine={"train_on": "train_and_dev"}))["a"]
    assert ids(learned, "dev") == ["dev1"]
    assert ids(load_tasks(study(a, protocol="both"))["a"], "dev") == ["dev1"]


def test_rows_are_dropped_before_the_limit_so_that_the_size_holds(tmp_path: Path) -> None:
    rows = [row(n) for n in range(40)]
    a = task(tmp_path, "a", rows, rows[:10])
    data = load_tasks(study(a, limits={"max_train": [20, 30]}))
    assert [len(d.train) for d in data.values()] == [20, 30]
    assert not {e.text for d in data.values() for e in d.train} & {
        e.text for e in data["a@20"].test
    }
    assert set(data["a@20"].train) < set(data["a@30"].train)


def test_a_stage_reads_what_was_planned_without_the_other_tasks(tmp_path: Path) -> None:
    a = task(tmp_path, "a", [row(1), row(2)], [row(3)])
    b = task(tmp_path, "b", [row(4)], [row(2)])
    data = load_tasks(study(a, b))["a"]
    planned = fingerprint(data)
    assert planned.train.left_out == (1,)
    for file in (tmp_path / "b").iterdir():
        file.unlink()
    assert load(data.task, planned) == data
    assert fingerprint(load(data.task, planned)) == planned


def test_without_leaks_the_fingerprints_are_those_of_a_study_that_keeps_all(
    tmp_path: Path,
) -> None:
    a = task(tmp_path, "a", [row(1), row(2)], [row(3)])
    kept, excluded = (load_tasks(study(a, exclude=exclude))["a"] for exclude in (False, True))
    assert fingerprint(kept) == fingerprint(excluded)


def test_a_train_that_is_all_in_test_is_told(tmp_path: Path) -> None:
    a = task(tmp_path, "a", [row(1), row(2)], [row(1), row(2)])
    with pytest.raises(DataError) as caught:
        load_tasks(study(a))
    (problem,) = caught.value.problems
    assert problem.where == "a"
    assert "every row of train" in str(problem) and "`exclude_leaks: false`" in str(problem)
