"""Texts that a reader calls the same, however a corpus writes, masks and divides them."""

from __future__ import annotations

from typing import Any

import pytest

from transfer_study.data.leaks.same_text import LeakRow, is_short, row_of, tells
from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.task import Task


def task(name: str, kind: str, *labels: str) -> Task:
    fields: dict[str, Any] = {"source": {"format": "tsv", "folder": "/nowhere"}, "labels": labels}
    return Task(name=name, kind=kind, **fields)


SENTENCE, OTHER = (task(name, "classification", "yes", "no") for name in ("one", "other"))
TAGGING, SCORES = task("tags", "tagging", "Drug"), task("scores", "regression")


def text(of: Task, *parts: str) -> str:
    return row_of(Example("1", "1", parts, "yes"), of).text


def row(of: Task, written: str, label: Label) -> LeakRow:
    parts = tuple(written.split()) if of is TAGGING else (written,)
    return row_of(Example("1", "1", parts, label), of)


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
    pair = row_of(Example("1", "1", ("A b.", "C d."), 1.0), SCORES)
    assert pair.told == ("ab\ncd", "ab", "cd")
    assert row_of(Example("1", "1", ("A b.",), "yes"), SENTENCE).told == ("ab",)


def test_punctuation_alone_and_masks_alone_tell_nothing() -> None:
    assert row_of(Example("1", "1", ("...",), "yes"), SENTENCE).told == ()
    assert row_of(Example("1", "1", ("@DRUG$ , @DRUG$",), "yes"), SENTENCE).told == ()
    half = row_of(Example("1", "1", ("a b", ""), 1.0), SCORES)
    assert set(half.told) == {"ab"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the effect was seen (p < 0.05)", "the effect was seen (p > 0.05)"),
        ("cells were CD4+", "cells were CD4-"),
        ("it fell to -5 degrees", "it fell to 5 degrees"),
        ("15 mg a day", "1.5 mg a day"),
        ("he left?", "he left."),
        ("very well :)", "very well :("),
        ("@DRUG$ is raised by @GENE$", "@GENE$ is raised by @DRUG$"),
        ("\u0915\u093f", "\u0915\u0940"),  # vowel signs are no letters
    ],
)
def test_signs_count_where_labels_differ(one: str, other: str) -> None:
    assert text(SENTENCE, one) == text(SENTENCE, other)
    yes, no = row(SENTENCE, one, "yes"), row(SENTENCE, other, "no")
    assert not tells(yes, no) and not tells(no, yes)
    assert tells(yes, row(SENTENCE, other, "yes"))
    assert tells(yes, row(SENTENCE, one, "no"))  # of one text, whatever its labels


def test_the_labels_of_two_tasks_say_nothing_of_each_other() -> None:
    assert tells(row(SENTENCE, "p < 0.05", "yes"), row(OTHER, "p > 0.05", "no"))


def test_how_a_text_is_spaced_and_hyphenated_at_line_ends_never_counts() -> None:
    one, other = "IL-2 of naloxone , 5 mg", "IL - 2 of nal\xadoxone, 5\u00a0mg"
    assert tells(row(SENTENCE, one, "yes"), row(SENTENCE, other, "no"))


def test_tags_are_the_same_where_the_mentions_are_however_words_are_divided() -> None:
    one = row(TAGGING, "of 5-ASA .", ("O", "B-Drug", "O"))
    other = row(TAGGING, "of ( 5 - ASA", ("O", "O", "B-Drug", "I-Drug", "I-Drug"))
    assert one.signed != other.signed
    assert tells(one, other)
    assert not tells(one, row(TAGGING, "of 5 - ASA", ("O", "B-Drug", "O", "O")))
    assert tells(one, row(TAGGING, "of 5 - ASA .", ("O", "B-Drug", "O", "O", "O")))


def test_scores_are_labels_too() -> None:
    def pair(a: str, b: str, score: float) -> LeakRow:
        return row_of(Example("1", "1", (a, b), score), SCORES)

    assert not tells(pair("x = 5", "y", 1.0), pair("y", "x 5", 4.0))
    assert tells(pair("x = 5", "y", 1.0), pair("y", "x=5", 4.0))


def test_headings_are_short() -> None:
    assert is_short(text(SENTENCE, "MATERIALS AND METHODS:"))
    assert not is_short(
        text(SENTENCE, "Naloxone reverses the antihypertensive effect of clonidine")
    )
