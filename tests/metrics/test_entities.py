"""Mentions by names of any letters, against a count without names and seqeval on plain ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2, Entities

from transfer_study.metrics import score, statistics
from transfer_study.study.tasks.kinds.tagging import mentions
from transfer_study.study.tasks.task import MetricName, Task

NAMES = (
    *("IL-2", "B-cell", "I-x", "O", "_", "-", "B", "I", "x-", "-x", "x", "x--", "Ca2+", "基因"),
    *("cell", "cell line", "a_b", "b", "_b", "3'-UTR", "B-", "2", "O-O", "белок", "ab", "é"),
)
METRICS = (MetricName.ENTITY_F1, MetricName.LENIENT_ENTITY_F1)
# A word's tag: None is outside, else whether it begins a mention, and the number of its type.
TAG = st.none() | st.tuples(st.booleans(), st.integers(0, len(NAMES) - 1))
# Few types a sentence, so that mentions of two words are common.
SENTENCE = st.lists(st.integers(0, len(NAMES) - 1), min_size=1, max_size=2).flatmap(
    lambda types: st.lists(
        st.tuples(*[st.none() | st.tuples(st.booleans(), st.sampled_from(types))] * 2),
        min_size=1,
        max_size=7,
    )
)


def task(names: tuple[str, ...] = NAMES) -> Task:
    source = {"format": "synthetic", "task": "t", "train": 1, "dev": 1, "test": 1}
    return Task.model_validate({"name": "t", "kind": "tagging", "labels": names, "source": source})


def written(words: list, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("O" if w is None else f"{'B' if w[0] else 'I'}-{names[w[1]]}" for w in words)


def counted(words: list, lenient: bool) -> set[tuple[int, int, int]]:
    """Mentions by brute force: every stretch of words, by what the tags at its ends must be."""
    found = set()
    for first in range(len(words)):
        if words[first] is None:
            continue
        begins, kind = words[first]
        before = words[first - 1] if first else None
        continues = not begins and before is not None and before[1] == kind
        if not begins and (continues or not lenient):
            continue
        end = first + 1
        while end < len(words) and words[end] == (False, kind):
            end += 1
        found.add((kind, first, end))
    return found


@settings(max_examples=300)
@given(st.lists(SENTENCE, min_size=1, max_size=4))
def test_no_letter_of_a_name_changes_a_count(sentences):
    plain = tuple(f"T{n}" for n in range(len(NAMES)))
    gold, predicted = ([[pair[side] for pair in s] for s in sentences] for side in (0, 1))
    tags = [written(s, NAMES) for s in gold], [written(s, NAMES) for s in predicted]
    for metric in METRICS:
        lenient = metric is MetricName.LENIENT_ENTITY_F1
        rows = statistics(metric, task(), *tags, [""] * len(gold)).values
        expected = []
        for true, guessed in zip(gold, predicted, strict=True):
            t, g = counted(true, lenient), counted(guessed, lenient)
            expected.append((len(t & g), len(g), len(t)))
        assert rows.tolist() == [list(map(float, row)) for row in expected]
        # The authority, which is given names that it cannot misread.
        safe = [[list(written(s, plain)) for s in side] for side in (gold, predicted)]
        if sum(row[1] + row[2] for row in expected):
            strict = {} if lenient else {"mode": "strict", "scheme": IOB2}
            found = score(metric, task(), *tags, [""] * len(gold))
            assert found == pytest.approx(f1_score(*safe, zero_division=0, **strict))


@settings(max_examples=200)
@given(st.lists(TAG, min_size=1, max_size=8))
def test_mentions_are_seqevals_of_plain_names(words):
    tags = written(words, tuple(f"T{n}" for n in range(len(NAMES))))
    strict = {(e.tag, e.start, e.end) for e in Entities([list(tags)], IOB2).entities[0]}
    assert set(mentions(tags)) == strict
    lenient = {(name, first, last + 1) for name, first, last in get_entities(list(tags))}
    assert set(mentions(tags, lenient=True)) == lenient


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", NAMES)
def test_one_type_is_never_taken_for_another(metric, name):
    others = [other for other in NAMES if other != name]
    gold = [(f"B-{name}", f"I-{name}", "O")] * len(others)
    predicted = [(f"B-{other}", f"I-{other}", "O") for other in others]
    documents = [""] * len(others)
    assert score(metric, task(), gold, predicted, documents) == 0
    assert score(metric, task(), gold, gold, documents) == 1
    assert list(mentions(gold[0])) == [(name, 0, 2)]
    # Changing type within a mention ends it.
    changed = [(f"B-{name}", f"I-{other}", "O") for other in others]
    rows = statistics(metric, task(), gold, changed, documents).values
    guesses = 2 if metric is MetricName.LENIENT_ENTITY_F1 else 1
    assert (rows == np.array([0, guesses, 1])).all()
