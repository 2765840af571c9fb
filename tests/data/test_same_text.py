"""Texts that a reader calls the same, however a corpus writes, masks and divides them."""

from __future__ import annotations

import pytest

from transfer_study.data.same_text import is_short, row_of
from transfer_study.spec.example import Example
from transfer_study.spec.task import TaskKind

SENTENCE, TAGGING = TaskKind.CLASSIFICATION, TaskKind.TAGGING


def text(kind: TaskKind, *parts: str) -> str:
    return row_of(Example("1", "1", parts, "yes"), kind).text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Aspirin (5-ASA) reduced fever.", "aspirin ( 5 - asa ) reduced  fever ."),
        ("@CHEMICAL$ inhibits COX.", "Inhibits COX."),
        ("@CHEM-GENE$ and @DRUG$ and @problem$ rise", "and and rise"),
        ("β-blockers at 5 µg", "Β-BLOCKERS at 5 μg"),  # micro sign, Greek letter
        ("ﬁbrosis", "fibrosis"),
    ],
)
def test_these_are_the_same(one: str, other: str) -> None:
    assert text(SENTENCE, one) == text(SENTENCE, other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [("5 mg", "6 mg"), ("aspirin rises", "rises aspirin"), ("β", "b")],
)
def test_these_are_not(one: str, other: str) -> None:
    assert text(SENTENCE, one) != text(SENTENCE, other)


def test_words_to_be_tagged_are_one_sentence_and_pairs_have_no_order() -> None:
    assert text(TAGGING, "5", "-", "ASA", "helps") == text(SENTENCE, "5-ASA helps")
    assert text(SENTENCE, "one", "two") == text(SENTENCE, "two", "one")
    assert text(SENTENCE, "one", "two") != text(SENTENCE, "onetwo")
    pair = row_of(Example("1", "1", ("A b.", "C d."), 1.0), TaskKind.REGRESSION)
    assert pair.told == ("ab\ncd", "ab", "cd")
    assert row_of(Example("1", "1", ("A b.",), "yes"), SENTENCE).told == ("ab",)


def test_punctuation_alone_and_masks_alone_tell_nothing() -> None:
    assert row_of(Example("1", "1", ("...",), "yes"), SENTENCE).told == ()
    assert row_of(Example("1", "1", ("@DRUG$ , @DRUG$",), "yes"), SENTENCE).told == ()
    half = row_of(Example("1", "1", ("a b", ""), 1.0), TaskKind.REGRESSION)
    assert set(half.told) == {"ab"}


def test_headings_are_short() -> None:
    assert is_short(text(SENTENCE, "MATERIALS AND METHODS:"))
    assert not is_short(
        text(SENTENCE, "Naloxone reverses the antihypertensive effect of clonidine")
    )
