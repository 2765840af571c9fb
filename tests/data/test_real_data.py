"""Every folder of the real corpora is read, with the counts that their README and papers give."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from transfer_study.data.inspect import describe
from transfer_study.data.splits import load
from transfer_study.errors import DataError
from transfer_study.spec.blue import BLUE
from transfer_study.spec.task import Task

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


def real(name: str) -> Task:
    group = "blue" if name in BLUE and name != "hoc" else "extra"
    folder = ROOT / group / name
    if not (folder / "train.tsv").is_file():
        pytest.skip(f"the real data are not here: {folder} is missing; set TRANSFER_STUDY_DATA")
    raw: dict[str, Any] = dict(BLUE[name] if name in BLUE else EXTRA[name])
    return Task(name=name, **{**raw, "source": {**raw["source"], "folder": folder}})


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_the_published_ones(name: str) -> None:
    told = describe(load(real(name)))
    examples, positives = COUNTS[name]
    assert [s.examples for s in told.splits] == examples
    assert [s.positives for s in told.splits] == (positives or [None] * 3)


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
