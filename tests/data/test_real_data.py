"""Every folder of the real corpora is read, with the counts that their README and papers give."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from transfer_study.data.files.readers import read_split, split_file
from transfer_study.data.inspect import describe
from transfer_study.data.leaks.find import find_leaks
from transfer_study.data.leaks.findings import Leak, LeakKind, Leaks, Severity
from transfer_study.data.splits import load
from transfer_study.errors import DataError
from transfer_study.study.study import Study
from transfer_study.study.tasks.blue import BLUE
from transfer_study.study.tasks.source import SPLITS
from transfer_study.study.tasks.task import Task

REPOSITORY = Path(__file__).parents[2]
ROOT = Path(os.environ.get("TRANSFER_STUDY_DATA") or REPOSITORY.parent / "shared" / "data")

PAIR = {"text": "sentence1", "text2": "sentence2", "id": "index"}
CONLL = {"format": "conll", "columns": {"text": 0, "document": 1, "id": 2, "label": 3}}
EXTRA: dict[str, dict[str, Any]] = {
    "ade": {
        "kind": "classification",
        "labels": ["ADE", "false"],
        "negative": "false",
        "metric": "micro_f1",
        "source": {"format": "tsv", "columns": {"text": "sentence", "id": "index"}},
    },
    "anatem": {"kind": "tagging", "labels": ["Anatomy"], "source": CONLL},
    "bc2gm": {"kind": "tagging", "labels": ["GENE"], "source": CONLL},
    "ehr-rel": {
        "kind": "regression",
        "source": {"format": "tsv", "columns": {**PAIR, "label": "score"}},
    },
    "nli4ct": {
        "kind": "classification",
        "labels": ["entailment", "contradiction"],
        "source": {"format": "tsv", "columns": PAIR},
    },
    "pubmedqa": {
        "kind": "classification",
        "labels": ["yes", "no", "maybe"],
        "source": {"format": "tsv", "columns": PAIR},
    },
    "rqe": {
        "kind": "classification",
        "labels": ["true", "false"],
        "source": {"format": "tsv", "columns": PAIR},
    },
}

# Examples and positives of train, dev and test.
COUNTS: dict[str, tuple[list[int], list[int] | None]] = {
    "bc5cdr-chemical": ([4551, 4564, 4791], [5203, 5347, 5385]),
    "bc5cdr-disease": ([4551, 4564, 4791], [4182, 4244, 4424]),
    "chemprot": ([18215, 11539, 15880], [4157, 2416, 3458]),
    "ddi2013-type": ([20904, 6887, 5716], [3016, 1004, 979]),
    "biosses": ([64, 16, 20], None),
    "hoc": ([10473, 1524, 2922], [3631, 560, 1045]),
    "ade": ([16700, 2089, 2171], [3454, 384, 434]),
    "anatem": ([5861, 2118, 3830], [6946, 2139, 4616]),
    "bc2gm": ([12574, 2519, 5038], [15197, 3061, 6325]),
    "ehr-rel": ([2540, 363, 727], None),
    "nli4ct": ([1700, 200, 500], None),
    "pubmedqa": ([450, 50, 500], None),
    "rqe": ([8588, 302, 230], None),
}


def raw(name: str) -> dict[str, Any]:
    return dict(BLUE[name] if name in BLUE else EXTRA[name])


def real(name: str) -> Task:
    group = "blue" if name in BLUE and name != "hoc" else "extra"
    folder = ROOT / group / name
    if not (folder / "train.tsv").is_file():
        pytest.skip(f"the real data are not here: {folder} is missing; set TRANSFER_STUDY_DATA")
    entry = raw(name)
    return Task(name=name, **{**entry, "source": {**entry["source"], "folder": folder}})


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_the_published_ones(name: str) -> None:
    told = describe(load(real(name)))
    examples, positives = COUNTS[name]
    assert [s.examples for s in told.splits] == examples
    assert [s.positives for s in told.splits] == (positives or [None] * 3)


@pytest.mark.parametrize("name", [n for n in COUNTS if raw(n)["source"]["format"] == "tsv"])
def test_every_line_of_a_table_is_an_example(name: str) -> None:
    task = real(name)
    for split in SPLITS:
        lines = split_file(task.source, split).read_text(encoding="utf-8").rstrip("\n").split("\n")
        assert len(read_split(task, split)) == len(lines) - 1


def test_hallmarks_are_of_1580_documents() -> None:
    assert [s.documents for s in describe(load(real("hoc"))).splits] == [1112, 156, 312]


def test_traps_of_the_real_files() -> None:
    chemprot = load(real("chemprot"))
    assert [sum("#" in e.id for e in chemprot.split(s)) for s in ("train", "dev", "test")] == [
        10,
        4,
        14,
    ]
    rqe = load(real("rqe")).train
    assert [e.id for e in rqe if not e.text[1]] == ["5860"]
    words = {word for e in load(real("bc5cdr-chemical")).train for word in e.text}
    assert '"' in words


def test_a_wrong_column_is_told_with_the_right_one() -> None:
    task = real("biosses")
    columns = task.source.columns.model_copy(update={"label": "scores"})
    source = task.source.model_copy(update={"columns": columns})
    with pytest.raises(DataError, match="did you mean 'score'"):
        load(task.model_copy(update={"source": source}))


LEAKY = (
    *("bc5cdr-chemical", "bc5cdr-disease", "chemprot", "ddi2013-type"),
    *("hoc", "ade", "anatem", "bc2gm"),
)


@pytest.fixture(scope="module")
def leaks() -> Leaks:
    tasks = {name: real(name) for name in LEAKY}
    source = tasks["ade"].source.model_copy(update={"document_pattern": r"^(\d+)\."})
    tasks["ade"] = tasks["ade"].model_copy(update={"source": source})
    study = Study(
        name="leaks",
        encoder="tiny",
        tasks=[task.model_dump() for task in tasks.values()],
        arms=["single"],
    )
    return find_leaks(study, {name: load(task) for name, task in tasks.items()})


def found(leaks: Leaks, kind: LeakKind, source: str, target: str) -> Leak:
    """The finding from `task split` to `task split`."""
    (leak,) = [
        leak
        for leak in leaks.of(kind)
        if f"{leak.source} {leak.source_split}" == source
        and f"{leak.target} {leak.target_split}" == target
    ]
    return leak


@pytest.mark.parametrize(
    ("name", "verbatim", "texts", "short"),
    [("ddi2013-type", 83, 109, 6), ("anatem", 42, 44, 43), ("bc2gm", 33, 35, 24)],
)
def test_test_sentences_that_are_also_in_train(
    leaks: Leaks, name: str, verbatim: int, texts: int, short: int
) -> None:
    """The known counts are those to the letter; without case and signs there are some more."""
    leak = found(leaks, LeakKind.TEXT, f"{name} train", f"{name} test")
    assert (leak.verbatim, leak.texts, leak.short) == (verbatim, texts, short)
    assert leak.severity is Severity.HIGH


@pytest.mark.parametrize(
    ("source", "target", "texts", "short"),
    [
        ("ade train", "bc5cdr-chemical test", 26, 5),
        ("ade train", "bc5cdr-disease test", 26, 5),
        ("anatem dev", "hoc test", 26, 5),
    ],
)
def test_test_sentences_that_another_task_learns(
    leaks: Leaks, source: str, target: str, texts: int, short: int
) -> None:
    """21 that are no headings, in corpora that divide words differently."""
    leak = found(leaks, LeakKind.TEXT, source, target)
    assert (leak.texts, leak.short) == (texts, short)


def test_abstracts_that_another_corpus_tests(leaks: Leaks) -> None:
    told = [
        found(leaks, LeakKind.DOCUMENT, "ade train", f"bc5cdr-{entity} test").texts
        for entity in ("chemical", "disease")
    ]
    assert told == [5, 5]


def test_tasks_on_the_same_split_of_the_same_sentences_do_not_leak(leaks: Leaks) -> None:
    """Between them they share what each shares with its own test: three sentences and headings."""
    for one, other in (("chemical", "disease"), ("disease", "chemical")):
        between = [
            leak
            for leak in leaks.findings
            if (leak.source, leak.target) == (f"bc5cdr-{one}", f"bc5cdr-{other}")
        ]
        assert {leak.severity for leak in between} == {Severity.LOW}
        crossed = found(leaks, LeakKind.TEXT, f"bc5cdr-{one} train", f"bc5cdr-{other} test")
        own = found(leaks, LeakKind.TEXT, f"bc5cdr-{other} train", f"bc5cdr-{other} test")
        assert (crossed.texts, crossed.rows) == (own.texts, own.rows) == (8, 16)


def test_pairs_with_two_labels(leaks: Leaks) -> None:
    """28 pairs of ChemProt stand there twice, with a label each."""
    told = [
        found(leaks, LeakKind.LABEL, f"chemprot {split}", f"chemprot {split}")
        for split in ("train", "dev", "test")
    ]
    assert [leak.texts for leak in told] == [10, 4, 14]
    assert [leak.rows for leak in told] == [20, 8, 28]
