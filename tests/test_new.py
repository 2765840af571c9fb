"""`transfer-study new`: what it writes is a study whose data are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from transfer_study.cli import app
from transfer_study.data.files.guess import guess_tasks
from transfer_study.errors import DataError, InvalidStudy
from transfer_study.study.file.study_file import read_study
from transfer_study.study.tasks import kinds
from transfer_study.study.tasks.task import Task
from transfer_study.terminal.data.new_study import write_new_study

WORDS = ("aspirin", "fever", "naloxone", "clonidine", "rats")


def rows(n: int, labels: tuple[str, ...]) -> list[list[str]]:
    return [
        [f"d{i // 2}.{i}", f"the {WORDS[i % 5]} of row {i}", labels[i % len(labels)]]
        for i in range(n)
    ]


def write_splits(folder: Path, suffix: str, text: str, names: tuple[str, ...] = ()) -> None:
    folder.mkdir(parents=True)
    for name in names or ("train", "dev", "test"):
        (folder / f"{name}{suffix}").write_text(text, encoding="utf-8")


def corpus(root: Path) -> None:
    """One folder a format and kind."""
    table = [["id", "sentence", "label"], *rows(40, ("yes", "no", "maybe"))]
    write_splits(root / "headed", ".tsv", "\n".join("\t".join(row) for row in table) + "\n")
    bare = "\n".join(",".join(row[1:]) for row in rows(40, ("pos", "neg"))) + "\n"
    write_splits(root / "bare", ".csv", bare, ("train", "devel", "test"))
    pairs = [
        json.dumps({"premise": row[1], "hypothesis": "so", "score": i / 10})
        for i, row in enumerate(rows(40, ("",)))
    ]
    write_splits(root / "pairs", ".jsonl", "\n".join(pairs), ("train", "test"))
    several = [
        json.dumps({"text": r[1], "labels": r[2].split()}) for r in rows(9, ("a b", "", "b"))
    ]
    write_splits(root / "several", ".jsonl", "\n".join(several))
    words = "1\tthe\tO\n2\taspirin\tI-Drug\n\n1\tno\tO\n2\tfever\tB-Sign\n\n"
    write_splits(root / "words", ".conll", words)
    semi = "\n".join(["question;passage;label", *(f"q {i};p;{'-yn'[i % 3]}" for i in range(30))])
    write_splits(root / "semi", ".csv", semi)
    nested = [{"doc": {"body": r[1]}, "gold": {"label": r[2]}} for r in rows(20, ("x", "y"))]
    write_splits(root / "nested", ".jsonl", "\n".join(map(json.dumps, nested)))
    folds = ("train", "dev", "test")
    folded = ["text,label,fold", *(f"t {i},{'ab'[i % 2]},{folds[i % 3]}" for i in range(30))]
    (root / "folded.csv").write_text("\n".join(folded))
    last = "# sent_id = 1\na\tS-Drug\nb\tB-Sign\nc\tE-Sign\n\n"
    write_splits(root / "last", ".conll", last + last.replace("= 1", "= 2"))
    mentions = "1|t|aspirin is safe\n1|a|So\n1\t0\t7\taspirin\tDrug\tD1\n"
    write_splits(root / "mentions", ".txt", mentions)
    write_splits(root / "no-test", ".tsv", "text\tlabel\n", ("train", "dev"))
    write_splits(root / "no-labels", ".csv", "text\nonly\n")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])}
    )
    half = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]}, features=features)
    datasets.DatasetDict({"train": half, "validation": half, "test": half}).save_to_disk(
        root / "saved"
    )


def test_every_format_and_kind_is_guessed(tmp_path: Path) -> None:
    corpus(tmp_path)
    guesses = {guess.name: guess for guess in guess_tasks(tmp_path)}
    tasks: dict[str, Any] = {name: guess.task for name, guess in guesses.items() if not guess.fault}
    assert {name: task["kind"] for name, task in tasks.items()} == {
        "headed": "classification",
        "bare": "classification",
        "pairs": "regression",
        "several": "multilabel",
        "words": "tagging",
        "saved": "classification",
        "semi": "classification",
        "nested": "classification",
        "folded": "classification",
        "last": "tagging",
        "mentions": "tagging",
    }
    assert tasks["headed"]["labels"] == ["yes", "no", "maybe"]
    assert tasks["headed"]["source"] == {
        "format": "tsv",
        "folder": "headed",
        "columns": {"text": "sentence", "label": "label", "id": "id"},
        "document_pattern": r"^([^\.]+)[\.]",
    }
    assert tasks["bare"]["source"]["header"] == ["column1", "column2"]
    assert tasks["bare"]["source"]["columns"] == {"text": "column1", "label": "column2"}
    assert tasks["pairs"]["source"]["columns"] == {
        "text": "premise",
        "text2": "hypothesis",
        "label": "score",
    }
    assert tasks["several"]["labels"] == ["a", "b"]
    assert tasks["words"]["labels"] == ["Drug", "Sign"]
    assert tasks["words"]["source"]["columns"] == {"text": 1, "label": 2}
    assert tasks["words"]["source"]["scheme"] == "iob1"
    assert tasks["semi"]["source"]["delimiter"] == ";"
    assert tasks["semi"]["source"]["leave_out"] == {"label": ["-"]}
    assert tasks["nested"]["source"]["columns"] == {"text": "doc.body", "label": "gold.label"}
    assert tasks["folded"]["source"]["file"] == "folded.csv"
    assert tasks["folded"]["source"]["split"] == {
        "column": "fold",
        "train": ["train"],
        "dev": ["dev"],
        "test": ["test"],
    }
    assert tasks["last"]["source"]["scheme"] == "bioes"
    assert tasks["mentions"]["labels"] == ["Drug"]
    assert tasks["saved"]["labels"] == ["no", "yes"]
    assert all(f"source.{key}" in guesses["bare"].why for key in ("format", "header", "columns"))
    assert "test" in (guesses["no-test"].fault or "")
    assert "labels" in (guesses["no-labels"].fault or "")


def test_the_study_of_a_folder_passes_tasks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus(tmp_path / "data")
    study = tmp_path / "mine.yaml"
    app(["new", str(study), "--from", str(tmp_path / "data")], standalone_mode=False)
    told = capsys.readouterr()
    assert "no-test is left out" in " ".join(told.err.split())
    text = study.read_text(encoding="utf-8")
    assert "# left out: no-test" in text
    assert "# the first line is no header" in text
    app(["tasks", str(study), "--json"], standalone_mode=False)
    names = [task["name"] for task in json.loads(capsys.readouterr().out)["tasks"]]
    assert len(names) == text.count("- name: ") == 11


def test_the_study_without_a_folder_passes_tasks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "first try.yaml"
    app(["new", str(study)], standalone_mode=False)
    capsys.readouterr()
    app(["tasks", str(study), "--json"], standalone_mode=False)
    assert len(json.loads(capsys.readouterr().out)["tasks"]) == 2
    assert read_study(study).name == "first-try"


def test_one_task_is_learned_alone_and_labels_stay_text(tmp_path: Path) -> None:
    table = "".join(f"{row[1]}\t{row[2]}\n" for row in rows(30, ("true", "no", "1.0")))
    write_splits(tmp_path / "one" / "ünï cödé", ".tsv", f"text\tlabel\n{table}")
    write_new_study(tmp_path / "s.yaml", tmp_path / "one")
    study = read_study(tmp_path / "s.yaml")
    assert [str(arm) for arm in study.arms] == ["single"]
    (task,) = study.tasks
    assert isinstance(task, Task)
    assert (task.name, task.labels) == ("ünï-cödé", ("1.0", "no", "true"))


def test_nothing_is_overwritten_and_nothing_written_of_nothing(tmp_path: Path) -> None:
    there = tmp_path / "there.yaml"
    there.write_text("mine")
    with pytest.raises(InvalidStudy, match="never overwritten"):
        write_new_study(there, None)
    assert there.read_text() == "mine"
    (tmp_path / "empty").mkdir()
    for folder, fault in (("empty", "no folder in it"), ("nowhere", "no such folder")):
        with pytest.raises(DataError, match=fault):
            write_new_study(tmp_path / "new.yaml", tmp_path / folder)
    # One column; and two of which each row has values of its own.
    write_splits(tmp_path / "bad", ".csv", "text\nonly\n")
    (tmp_path / "unlike").mkdir()
    for split in ("train", "dev", "test"):
        unlike = "".join(f"{split} {number},note of {split} {number}\n" for number in range(20))
        (tmp_path / "unlike" / f"{split}.csv").write_text(f"number,note\n{unlike}")
    for name in ("bad", "unlike"):
        with pytest.raises(DataError, match="no column seems to hold labels"):
            write_new_study(tmp_path / "new.yaml", tmp_path / name)
    assert not (tmp_path / "new.yaml").exists()


@pytest.mark.parametrize(
    ("name", "columns", "label", "key"),
    [
        ("medmcqa", ["opa", "opb", "opc", "opd"], "cop", "from_1"),
        ("swag", ["ending0", "ending1", "ending2"], "label", "from_0"),
        ("letters", ["A", "B", "C"], "answerKey", "letter"),
        ("options", ["options.A", "options.B", "options.C"], "answer_idx", "letter"),
        ("list", "choices", "answer", "text"),
    ],
)
def test_questions_with_candidates_are_guessed(
    tmp_path: Path, name: str, columns: Any, label: str, key: str
) -> None:
    def row(i: int) -> dict[str, Any]:
        right = i % 3
        texts = [f"{WORDS[n]} {i}" for n in range(4 if "opd" in columns else 3)]
        said = {
            "letter": "ABC"[right],
            "text": texts[right],
            "from_0": right,
            "from_1": right + 1 if i else 4,
        }[key]
        if columns == "choices":
            held: dict[str, Any] = {"choices": texts}
        elif name == "options":
            held = {"options": dict(zip("ABC", texts, strict=True))}
        else:
            held = dict(zip(columns, texts, strict=True))
        return {"id": f"q{i}", "question": f"which of row {i}", **held, label: said}

    for split in ("train", "dev", "test"):
        (tmp_path / name).mkdir(exist_ok=True)
        lines = "\n".join(json.dumps(row(i)) for i in range(12))
        (tmp_path / name / f"{split}.jsonl").write_text(lines)
    (guess,) = guess_tasks(tmp_path)
    assert guess.fault is None
    assert (guess.task["kind"], guess.task["source"]["answer_key"]) == ("multiple_choice", key)
    assert guess.task["source"]["columns"]["candidates"] == columns
    assert guess.task["source"]["columns"]["label"] == label
    study = tmp_path / "study.yaml"
    write_new_study(study, tmp_path)
    (task,) = read_study(study).tasks
    assert task.kind is kinds.MULTIPLE_CHOICE


def test_numbers_that_may_count_from_0_or_from_1_are_not_guessed(tmp_path: Path) -> None:
    lines = ["question,A,B,C,label", *(f"q {i},a{i},b{i},c{i},{1 + i % 2}" for i in range(12))]
    write_splits(tmp_path / "unclear", ".csv", "\n".join(lines))
    (guess,) = guess_tasks(tmp_path)
    assert guess.task["kind"] is not None
    assert guess.task["kind"] != "multiple_choice"
