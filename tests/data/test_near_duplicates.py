"""Near duplicates are all found and nothing else is, as comparing every two texts would show."""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_study.data.leaks.near_duplicates import near_duplicates

TEXTS = st.lists(st.lists(st.sampled_from("abc"), max_size=9).map(" ".join), max_size=8)


def by_comparing_all(left: list[str], right: list[str], least: Fraction) -> set[tuple[int, int]]:
    def pairs(text: str) -> set[tuple[str, str]]:
        words = text.split()
        return set(pairwise(words))

    return {
        (i, j)
        for i, a in enumerate(map(pairs, left))
        for j, b in enumerate(map(pairs, right))
        if a & b and Fraction(len(a & b), len(a | b)) >= least
    }


@given(TEXTS, TEXTS, st.sampled_from([Fraction(n, 10) for n in (3, 5, 6, 8, 10)]))
def test_all_are_found_and_no_others(left: list[str], right: list[str], least: Fraction) -> None:
    found = list(near_duplicates(left, right, float(least)))
    assert len(found) == len(set(found))
    assert set(found) == by_comparing_all(left, right, least)


@pytest.mark.parametrize(("replaced", "near"), [(1, True), (3, False)])
def test_one_word_of_twenty_may_differ(replaced: int, near: bool) -> None:
    words = [f"w{i}" for i in range(20)]
    other = [
        f"x{i}" if i in range(5, 5 + 5 * replaced, 5) else word for i, word in enumerate(words)
    ]
    found = list(near_duplicates([" ".join(words)], [" ".join(other)]))
    assert found == ([(0, 0)] if near else [])


def test_many_sentences_take_seconds() -> None:
    random = np.random.default_rng(0)
    # Words as frequent as in a language, so that some word pairs stand in thousands of texts.
    drawn = np.minimum(random.zipf(1.3, (40_000, 20)), 50_000)
    texts = [" ".join(map(str, row)) for row in drawn]
    began = time.process_time()
    found = set(near_duplicates(texts[:20_000], [*texts[20_000:], *texts[:100]]))
    assert time.process_time() - began < 20
    assert {(i, 20_000 + i) for i in range(100)} <= found
