"""The ten built-in tasks read BLUE's files, here a few made rows of each exact format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from transfer_study.data.files.readers import read_split
from transfer_study.data.splits import load
from transfer_study.errors import DataError
from transfer_study.study.tasks import kinds
from transfer_study.study.tasks.blue import BLUE
from transfer_study.study.tasks.task import MetricName, Task

STS = [
    "index",
    "genre",
    "filename",
    "year",
    "old_index",
    "source1",
    "source2",
    "sentence1",
    "sentence2",
    "score",
]
NLI = ["label", "index", "sentence1", "sentence2"]
RELATION = ["index", "sentence", "label"]


def built_in(name: str, root: Path) -> Task:
    raw: dict[str, Any] = dict(BLUE[name])
    folder = root / raw["source"]["folder"]
    return Task(name=name, **{**raw, "source": {**raw["source"], "folder": folder}})


def write(folder: Path, split: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{split}.tsv").write_text(text, encoding="utf-8")


def table(*rows: list[str]) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)


def test_the_ten_tasks_and_their_metrics() -> None:
    tasks = {name: built_in(name, Path("/data")) for name in BLUE}
    assert {name: (t.kind, t.domain, t.metric) for name, t in tasks.items()} == {
        "clinicalsts": (kinds.REGRESSION, "clinical", MetricName.PEARSON),
        "biosses": (kinds.REGRESSION, "biomedical", MetricName.PEARSON),
        "mednli": (kinds.CLASSIFICATION, "clinical", MetricName.ACCURACY),
        "i2b2-2010-re": (kinds.CLASSIFICATION, "clinical", MetricName.MICRO_F1),
        "chemprot": (kinds.CLASSIFICATION, "biomedical", MetricName.MICRO_F1),
        "ddi2013-type": (kinds.CLASSIFICATION, "biomedical", MetricName.MACRO_F1),
        "bc5cdr-chemical": (kinds.TAGGING, "biomedical", MetricName.ENTITY_F1),
        "bc5cdr-disease": (kinds.TAGGING, "biomedical", MetricName.ENTITY_F1),
        "shareclefe": (kinds.TAGGING, "clinical", MetricName.ENTITY_F1),
        "hoc": (kinds.MULTILABEL, "biomedical", MetricName.EXAMPLE_F1),
    }
    negatives = {name: t.negative for name, t in tasks.items() if t.negative}
    assert negatives == {"i2b2-2010-re": "false", "chemprot": "false", "ddi2013-type": "DDI-false"}
    assert [name for name, t in tasks.items() if t.carve_dev] == ["i2b2-2010-re"]


@pytest.mark.parametrize("name", ["clinicalsts", "biosses"])
def test_similarity(tmp_path: Path, name: str) -> None:
    row = [
        "7",
        "medsts",
        "f",
        "2018",
        "12",
        "a",
        "b",
        "Take one tablet.",
        "Take 2 tablets.",
        "3.25",
    ]
    write(tmp_path / name, "train", table(STS, row))
    (example,) = read_split(built_in(name, tmp_path), "train")
    assert (example.id, example.text) == ("7", ("Take one tablet.", "Take 2 tablets."))
    assert example.label == 3.25


@pytest.mark.parametrize("order", [NLI, ["index", "sentence1", "sentence2", "label"]])
def test_mednli_in_both_orders_that_blue_has_written(tmp_path: Path, order: list[str]) -> None:
    row = {
        "label": "entailment",
        "index": "23eb94b8-66c7",
        "sentence1": '"Labs were notable for ""Cr"" 1.7"',
        "sentence2": "Patient has elevated Cr",
    }
    write(tmp_path / "mednli", "train", table(order, [row[name] for name in order]))
    (example,) = read_split(built_in("mednli", tmp_path), "train")
    assert example.text == ('Labs were notable for "Cr" 1.7', "Patient has elevated Cr")
    assert (example.id, example.label) == ("23eb94b8-66c7", "entailment")


@pytest.mark.parametrize(
    ("name", "index", "document", "label"),
    [
        ("chemprot", "16357751.T1.T2", "16357751", "CPR:3"),
        ("ddi2013-type", "DDI-DrugBank.d10.s1.p0", "DDI-DrugBank.d10", "DDI-int"),
        ("ddi2013-type", "DDI-MedLine.d7.s12.p3", "DDI-MedLine.d7", "DDI-false"),
        ("i2b2-2010-re", "record-13.record-13.con.l5.record-13.con.l7", "record-13", "TrAP"),
        ("i2b2-2010-re", "0001.0001.con.l5.0001.con.l7", "0001", "false"),
    ],
)
def test_relations(tmp_path: Path, name: str, index: str, document: str, label: str) -> None:
    text = "@treatment$ for his @problem$ ."
    write(tmp_path / name, "train", table(RELATION, [index, text, label]))
    (example,) = read_split(built_in(name, tmp_path), "train")
    assert (example.id, example.document) == (index, document)
    assert (example.text, example.label) == ((text,), label)


def test_a_pair_with_two_labels_is_two_examples(tmp_path: Path) -> None:
    rows = [["1.T1.T2", "x", "CPR:3"], ["1.T1.T2", "x", "CPR:4"]]
    write(tmp_path / "chemprot", "train", table(RELATION, *rows))
    found = read_split(built_in("chemprot", tmp_path), "train")
    assert [(e.id, e.label) for e in found] == [("1.T1.T2", "CPR:3"), ("1.T1.T2#2", "CPR:4")]


def test_i2b2_carves_dev_from_train_by_record(tmp_path: Path) -> None:
    rows = [[f"record-{d}.a.con.l{i}", "x", "PIP"] for d in range(20) for i in range(5)]
    write(tmp_path / "i2b2-2010-re", "train", table(RELATION, *rows))
    write(tmp_path / "i2b2-2010-re", "test", table(RELATION, ["0001.a.con.l1", "x", "PIP"]))
    data = load(built_in("i2b2-2010-re", tmp_path))
    assert (len(data.train), len(data.dev), len(data.test)) == (90, 10, 1)
    assert not {e.document for e in data.train} & {e.document for e in data.dev}


@pytest.mark.parametrize(
    ("name", "entity"), [("bc5cdr-chemical", "Chemical"), ("bc5cdr-disease", "Disease")]
)
def test_bc5cdr(tmp_path: Path, name: str, entity: str) -> None:
    rows = [
        ["Naloxone", "227508", "0", f"B-{entity}"],
        ["hydrochloride", "-", "9", f"I-{entity}"],
        ['"', "-", "22", "O"],
        [],
        ["None", "227508", "24", "O"],
        [],
    ]
    write(tmp_path / name, "train", table(*rows))
    first, second = read_split(built_in(name, tmp_path), "train")
    assert first.text == ("Naloxone", "hydrochloride", '"')
    assert first.label == (f"B-{entity}", f"I-{entity}", "O")
    assert (first.id, first.document) == ("227508.0", "227508")
    assert (second.id, second.document, second.text) == ("227508.24", "227508", ("None",))


def test_shareclefe_with_bare_tags_and_divided_mentions(tmp_path: Path) -> None:
    document = "00098-016139-DISCHARGE_SUMMARY"
    rows = [
        ["atrial", document, "10", "B"],
        ["was", "-", "17", "O"],
        ["dilated", "-", "21", "I"],
        [],
        ["moderately", document, "30", "I"],
        [],
    ]
    folder = tmp_path / "shareclefe"
    write(folder, "Training", table(*rows))
    write(folder, "Development", table(*rows))
    write(folder, "Test", table(*rows))
    data = load(built_in("shareclefe", tmp_path))
    first, second = data.train
    assert first.label == ("B-Disease", "O", "B-Disease")
    assert second.label == ("B-Disease",)
    assert {e.document for e in data.train} == {document}
    assert data.train == data.dev == data.test


def test_shareclefe_with_document_headings(tmp_path: Path) -> None:
    rows = [["###doc1"], ["pain", "doc1", "0", "B"], [], ["###doc2"], ["no", "doc2", "0", "O"], []]
    write(tmp_path / "shareclefe", "train", table(*rows))
    found = read_split(built_in("shareclefe", tmp_path), "train")
    assert [(e.document, e.text) for e in found] == [("doc1", ("pain",)), ("doc2", ("no",))]


def test_hoc_in_its_three_encodings(tmp_path: Path) -> None:
    folder = tmp_path / "hoc"
    numbered = ",".join(f"{i}_{int(i in (3, 7))}" for i in range(10))
    nothing = ",".join(f"{i}_0" for i in range(10))
    rows = [[numbered, "x", "12345_s0"], [nothing, "y", "12345_s1"]]
    write(folder, "train", table(["labels", "sentence", "index"], *rows))
    names = "enabling replicative immortality,resisting cell death"
    named = [["12345_s0", "x", names], ["12345_s1", "y", ""]]
    write(folder, "dev", table(["index", "sentence", "label"], *named))
    write(folder, "test", table(["index", "sentence", "labels"], *named))
    data = load(built_in("hoc", tmp_path))
    assert data.train == data.dev == data.test
    assert [e.label for e in data.train] == [tuple(names.split(",")), ()]
    assert {e.document for e in data.train} == {"12345"}


def test_a_hallmark_spelled_otherwise_is_found(tmp_path: Path) -> None:
    rows = [["1_s0", "x", "Resisting cell death"]]
    write(tmp_path / "hoc", "train", table(["index", "sentence", "label"], *rows))
    with pytest.raises(DataError, match="did you mean 'resisting cell death'"):
        read_split(built_in("hoc", tmp_path), "train")
