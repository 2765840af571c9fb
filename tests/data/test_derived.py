"""Shuffled labels and halves: what is kept, what is broken, and what each seed changes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_study.data.derived import check_divisible, derive, halves, shuffled
from transfer_study.data.splits import TaskData, load
from transfer_study.errors import DataError
from transfer_study.study.tasks import kinds
from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.task import Change, Task

LABELS = {"entities": ["herb", "beast"], "relation": ["herb", "beast"], "conflict": []}
LABELS |= {"topics": ["sea", "sky", "war"]}
KINDS = {"entities": "tagging", "relation": "classification", "conflict": "regression"}
KINDS |= {"topics": "multilabel"}


def built_in(name: str) -> TaskData:
    source = {"format": "synthetic", "task": name, "train": 60, "dev": 20, "test": 30}
    return load(Task(name=name, kind=KINDS[name], labels=LABELS[name], source=source))


def derived(data: TaskData, change: Change, seed: int = 0) -> TaskData:
    return derive(data, data.task.derived(change, seed))


def labels(examples: tuple[Example, ...]) -> list[Label]:
    return [example.label for example in examples]


def sentence(n: int, tags: list[str]) -> Example:
    return Example(str(n), str(n), tuple(f"word{i}" for i in range(len(tags))), tuple(tags))


@pytest.mark.parametrize("name", list(KINDS))
def test_a_placebo_has_the_same_texts_and_labels_but_not_together(name: str) -> None:
    data = built_in(name)
    placebo = derived(data, Change.SHUFFLED)
    for split in ("train", "dev"):
        before, after = data.split(split), placebo.split(split)
        assert [(e.id, e.document, e.text) for e in after] == [
            (e.id, e.document, e.text) for e in before
        ]
        assert Counter(labels(after)) == Counter(labels(before))
        assert labels(after) != labels(before)
    assert placebo.test == data.test


def test_each_seed_has_a_shuffle_of_its_own_that_is_the_same_twice() -> None:
    data = built_in("relation")
    first, again, other = (derived(data, Change.SHUFFLED, seed) for seed in (0, 0, 1))
    assert first == again
    assert labels(first.train) != labels(other.train)


@given(st.integers(2, 40), st.integers(0, 99))
def test_no_row_keeps_its_label(n: int, seed: int) -> None:
    rows = [Example(str(i), str(i), ("text",), float(i)) for i in range(n)]
    after = shuffled(kinds.REGRESSION, rows, np.random.default_rng(seed))
    assert all(e.label != float(e.id) for e in after)
    assert sorted(map(float, labels(after))) == list(range(n))


@given(st.lists(st.integers(1, 12), min_size=2, max_size=30), st.integers(0, 99))
def test_tags_go_to_sentences_of_as_many_words_and_stay_whole(
    lengths: list[int], seed: int
) -> None:
    # Each sentence is one mention of its own type, so that its tags can be told.
    rows = [sentence(n, [f"B-{n}", *[f"I-{n}"] * (k - 1)]) for n, k in enumerate(lengths)]
    after = shuffled(kinds.TAGGING, rows, np.random.default_rng(seed))
    often = Counter(lengths)
    givers = []
    for row in after:
        assert len(row.label) == len(row.text)
        giver = int(str(row.label[0]).removeprefix("B-"))
        givers.append(giver)
        assert giver != int(row.id)
        kept = min(lengths[giver], len(row.text))
        whole = [f"B-{giver}", *[f"I-{giver}"] * (kept - 1)]
        assert list(row.label) == whole + ["O"] * (len(row.text) - kept)
    assert sorted(givers) == list(range(len(rows)))
    # With no lonely length, all tags fit.
    if min(often.values()) > 1:
        assert all(lengths[g] == len(row.text) for g, row in zip(givers, after, strict=True))


@given(st.lists(st.integers(1, 9), min_size=2, max_size=30), st.integers(0, 99))
def test_halves_share_no_document_and_are_of_like_size(sizes: list[int], seed: int) -> None:
    rows = [
        Example(f"{d}.{i}", f"d{d}", ("text",), "yes")
        for d, size in enumerate(sizes)
        for i in range(size)
    ]
    one, other = halves(rows, np.random.default_rng(seed))
    assert one and other
    assert not {e.document for e in one} & {e.document for e in other}
    assert sorted([*one, *other], key=rows.index) == rows
    assert abs(len(one) - len(other)) <= max(sizes)
    assert [*one] == [e for e in rows if e in one]


def test_the_two_halves_of_a_seed_belong_together_and_keep_dev_and_test() -> None:
    data = built_in("topics")
    one, other = (derived(data, change) for change in (Change.HALF_1, Change.HALF_2))
    assert sorted(e.id for e in one.train + other.train) == sorted(e.id for e in data.train)
    assert len(one.train) == len(other.train) == 30
    assert one.dev == other.dev == data.dev
    assert one.test == other.test == data.test
    assert derived(data, Change.HALF_1, seed=1).train != one.train


def test_one_document_has_no_halves() -> None:
    data = built_in("relation")
    rows = tuple(Example(e.id, "the only", e.text, e.label) for e in data.train)
    with pytest.raises(DataError, match="relation: train is one document \\('the only'\\)"):
        check_divisible(TaskData(data.task, rows, data.dev, data.test, data.key))
    check_divisible(data)
