"""The numbers of the size table, on data small enough to count by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from transfer_study.data.inspect import Lengths, describe
from transfer_study.data.splits import TaskData
from transfer_study.data.tokens.unread import Read
from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.task import Task

SOURCE = {"format": "tsv", "folder": Path("/nowhere")}


def data(
    train: Sequence[Label], test: Sequence[Label], words: bool = False, **fields: Any
) -> TaskData:
    def made(labels: Sequence[Label]) -> tuple[Example, ...]:
        return tuple(
            Example(str(i), f"d{i // 2}", _text(label, i) if words else ("one two", "three"), label)
            for i, label in enumerate(labels)
        )

    task = Task(name="t", source=SOURCE, **fields)
    return TaskData(task, made(train), made(train), made(test), "key")


def _text(label: Label, i: int) -> tuple[str, ...]:
    assert isinstance(label, tuple)
    return tuple(f"w{i}" for _ in label)


def test_classification_counts_what_is_not_negative() -> None:
    fields: dict[str, Any] = {"kind": "classification", "labels": ["a", "b", "none"]}
    train, test = ["none", "none", "a", "b", "none"], ["none", "a", "none", "none"]
    told = describe(data(train, test, **fields, negative="none"))
    assert [s.split for s in told.splits] == ["train", "dev", "test"]
    first = told.splits[0]
    assert (first.examples, first.documents, first.positives) == (5, 3, 2)
    assert first.labels == {"a": 1, "b": 1, "none": 3}
    assert first.words == Lengths(3, 3, 3)
    assert (first.pieces, first.truncated, first.mean, first.spread) == (None, None, None, None)
    assert told.majority == 0.75
    micro = describe(data(train, test, **fields, negative="none", metric="micro_f1"))
    assert micro.majority == 0.4  # `a` throughout: one of four is right, of one that is to be found
    assert describe(data(train, test, **fields)).splits[0].positives is None


def test_the_constant_answer_is_the_one_that_verdicts_hold_models_against() -> None:
    """The best on test, whatever train has most of."""
    fields: dict[str, Any] = {"kind": "classification", "labels": ["a", "b"]}
    assert describe(data(["a", "a", "b"], ["b", "b", "b", "a"], **fields)).majority == 0.75


def test_tagging_counts_mentions() -> None:
    train = [("B-X", "I-X", "B-Y"), ("O",), ("B-X", "B-X")]
    told = describe(data(train, train, words=True, kind="tagging", labels=["X", "Y"]))
    assert told.splits[0].positives == 4
    assert told.splits[0].labels == {"X": 3, "Y": 1}
    assert told.splits[0].words == Lengths(2, pytest.approx(2.9), 3)
    assert told.majority == 0.4  # `B-X` on all six words finds two of four


def test_multilabel_counts_assignments() -> None:
    labels: list[Label] = [("a", "b"), (), ("a",), ("a",)]
    told = describe(data(labels, labels, kind="multilabel", labels=["a", "b"]))
    assert told.splits[0].positives == 4
    assert told.splits[0].labels == {"a": 3, "b": 1}
    assert 0 < told.majority < 1


def test_regression_has_a_mean_and_a_spread_and_no_majority() -> None:
    told = describe(data([1.0, 2.0, 3.0, 2.0], [1.0, 4.0], kind="regression"))
    first = told.splits[0]
    assert (first.mean, first.spread, first.labels, first.positives) == (2.0, 0.5**0.5, {}, None)
    assert told.majority == 0


def test_truncation_is_the_share_above_the_maximum() -> None:
    fields: dict[str, Any] = {"kind": "classification", "labels": ["a", "b"]}
    made = data(["a"] * 10, ["b"], **fields)
    told = describe(made, lambda example: Read(int(example.id) + 1, {}, False), 8)
    assert told.splits[0].truncated == 0.2
    assert told.splits[0].pieces == Lengths(5.5, pytest.approx(9.55), 10)
