"""Documents and the same texts, from the files that name them to what `tasks` and `plan` say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from transfer_study.cli import app

HEADER = "name: s\nencoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}\n"
FOOTER = "arms: [single]\nreadings: [refine]\nseeds: 1\n"


def told(verb: str, study: Path, *options: str) -> Any:
    """What a verb says of a study, as JSON."""
    return json.loads(text(verb, study, "--json", *options))


def text(verb: str, study: Path, *options: str) -> str:
    words = [verb, str(study), *options]
    if verb == "plan":
        words += ["--store", str(study.parent / "store")]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def drugs(folder: Path, documents: dict[str, list[str]], heading: str, columns: str = "") -> Path:
    """A tagging study whose documents, three sentences each, are named as `heading` says.

    Of a heading without a line of its own (`column`), the name stands at each first word.
    """
    for number, (split, names) in enumerate(documents.items()):
        lines = []
        for name in names:
            if heading != "column":
                lines += [heading.format(name), ""]
            for n in range(3):
                words = ["patient", f"n{name}x{n}y{number}", "took", "aspirin", "in", "summer"]
                tags = ["O", "O", "O", "B-Drug", "O", "O"]
                marks = [name, *"-----"] if heading == "column" else [""] * 6
                lines += [
                    "\t".join(filter(None, row)) for row in zip(words, marks, tags, strict=True)
                ]
                lines.append("")
        (folder / f"{split}.tsv").write_text("\n".join(lines), encoding="utf-8")
    source = f"{{format: conll, folder: {folder}{columns}}}"
    path = folder / "study.yaml"
    path.write_text(
        f"{HEADER}tasks:\n  - {{name: drugs, kind: tagging, labels: [Drug], source: {source}}}\n"
        + FOOTER
    )
    return path


SHARED = {"train": ["8701013", "8701014", "8701015"], "dev": ["8801013"], "test": []}
SHARED["test"] = SHARED["train"][:2]
NAMED = {
    "column": ", columns: {text: 0, document: 1, label: 2}",
    "###MEDLINE:{}": "",
    "-DOCSTART- ({})": "",
    "-DOCSTART-\t({})": "",
    "-DOCSTART- ({})\tO": "",
    "-DOCSTART- ({}) NNP O": "",
    "-DOCSTART- {}": "",
}


@pytest.mark.parametrize("heading", NAMED)
def test_documents_are_the_same_however_a_file_names_them(tmp_path: Path, heading: str) -> None:
    study = drugs(tmp_path, SHARED, heading, NAMED[heading])
    seen = told("tasks", study)
    (leak,) = seen["leaks"]["findings"]
    assert (leak["kind"], leak["severity"], leak["rows"]) == ("document", "high", 6)
    assert [split["documents"] for split in seen["tasks"][0]["splits"]] == [3, 1, 2]
    assert seen["left_out"] == []
    kept = told("tasks", study, "--set", "exclude_leaks=true")
    assert kept["tasks"][0]["splits"][0]["examples"] == 3
    assert kept["leaks"]["findings"] == []
    (dropped,) = kept["left_out"]
    assert (dropped["task"], dropped["split"], dropped["why"]) == ("drugs", "train", "document")
    assert (dropped["test"], dropped["rows"]) == ("drugs", 6)


@pytest.mark.parametrize("heading", ["-DOCSTART-", "-DOCSTART-\tO", "-DOCSTART- -X- O O", "###"])
def test_headings_without_a_name_set_documents_apart_but_are_never_shared(
    tmp_path: Path, heading: str
) -> None:
    seen = told("tasks", drugs(tmp_path, SHARED, heading))
    assert seen["leaks"]["findings"] == []
    # Dev has a single one: that says nothing of documents, and its three rows stand for themselves.
    assert [split["documents"] for split in seen["tasks"][0]["splits"]] == [3, 3, 2]


def relations(folder: Path, **splits: list[tuple[str, str]]) -> Path:
    """A study of one task with sentences and their labels."""
    for split, rows in splits.items():
        lines = [f"{split}{n}\t{sentence}\t{label}\n" for n, (sentence, label) in enumerate(rows)]
        (folder / f"{split}.tsv").write_text("id\ttext\tlabel\n" + "".join(lines), encoding="utf-8")
    source = f"{{format: tsv, folder: {folder}, columns: {{id: id}}}}"
    path = folder / "study.yaml"
    path.write_text(
        f"{HEADER}tasks:\n  - {{name: p, kind: classification, labels: [below, above], "
        f"source: {source}}}\n{FOOTER}exclude_leaks: true\n"
    )
    return path


EFFECT = "The effect of naloxone on clonidine in hypertensive rats was p {} 0.05"


@pytest.fixture
def signs(tmp_path: Path) -> Path:
    other = "Every rat of the control group had been given water p {} 0.01"
    return relations(
        tmp_path,
        train=[
            (EFFECT.format("<"), "below"),
            (EFFECT.format(">"), "above"),
            (other.format("="), "above"),
            ("Nothing else was seen", "above"),
        ],
        dev=[("What dev has is nowhere else", "below")],
        test=[(EFFECT.format("<"), "below"), (other.format(">"), "above")],
    )


def test_a_sign_that_carries_the_meaning_keeps_a_training_row(signs: Path) -> None:
    seen = told("tasks", signs)
    assert seen["tasks"][0]["splits"][0]["examples"] == 2
    assert [(part["why"], part["rows"], part["examples"]) for part in seen["left_out"]] == [
        ("text", 1, [["train0", "test0"]]),
        ("text but for signs", 1, [["train2", "test1"]]),
    ]
    # What stays is shown: nearly the same, with another label.
    (leak,) = seen["leaks"]["findings"]
    assert (leak["kind"], leak["examples"]) == ("near text", [["train1", "test0"]])


def test_tasks_and_plan_list_what_is_left_out_and_why(signs: Path) -> None:
    listed = told("plan", signs)["left_out"]
    assert listed == told("tasks", signs)["left_out"]
    for verb in ("tasks", "plan"):
        lines = [" ".join(line.split()) for line in text(verb, signs).splitlines()]
        assert "Left out by `exclude_leaks`: 2 rows that a test set has too" in lines
        assert "p train 1 text p train0 = test0" in lines
        assert "p train 1 text but for signs p train2 = test1" in lines
        assert "Left out" not in text(verb, signs, "--set", "exclude_leaks=false")
    assert told("plan", signs, "--set", "exclude_leaks=false")["left_out"] == []


def test_that_nothing_is_left_out_is_said(tmp_path: Path) -> None:
    test = [("five", "above"), ("six", "below")]
    rows = [("one two three four", "below")]
    study = relations(tmp_path, train=rows, dev=[("seven eight", "below")], test=test)
    for verb in ("tasks", "plan"):
        assert "leaves out nothing: no training row is in a test set" in text(verb, study)


def interactions(folder: Path, source: str = "") -> Path:
    """A study whose ids are AIMed's: corpus, document, sentence and pair."""
    for start, split in enumerate(("train", "dev", "test")):
        rows = [
            f"AIMed.d{document}.s{sentence}.p0\tn{document}x{sentence} binds it\t{label}\n"
            for document in range(20 * start, 20 * start + 20)
            for sentence, label in enumerate(("yes", "no", "yes", "no", "yes"))
        ]
        (folder / f"{split}.tsv").write_text("id\ttext\tlabel\n" + "".join(rows))
    path = folder / "study.yaml"
    path.write_text(
        f"{HEADER}tasks:\n  - name: ppi\n    kind: classification\n    labels: ['yes', 'no']\n"
        f"    source:\n      format: tsv\n      folder: {folder}\n      columns: {{id: id}}\n"
        f"{source}{FOOTER}"
    )
    return path


def test_a_pattern_is_proposed_where_ids_tell_documents(tmp_path: Path) -> None:
    (task,) = told("tasks", interactions(tmp_path))["tasks"]
    assert [split["documents"] for split in task["splits"]] == [100, 100, 100]
    assert (task["proposed"]["documents"], task["proposed"]["rows"]) == (60, 300)
    line = f"document_pattern: '{task['proposed']['pattern']}'"
    said = text("tasks", tmp_path / "study.yaml")
    assert "60 for 300 rows" in said and line in said
    assert "by text alone, for their sources name no documents: ppi" in said
    taken = interactions(tmp_path, f"      {line}\n")
    (task,) = told("tasks", taken)["tasks"]
    assert [split["documents"] for split in task["splits"]] == [20, 20, 20]
    assert task["proposed"] is None
    assert "by text alone" not in text("tasks", taken)


def test_no_pattern_is_proposed_where_ids_share_nothing(signs: Path, small_study: Path) -> None:
    for study in (signs, small_study):
        assert all(task["proposed"] is None for task in told("tasks", study)["tasks"])
