"""The best partition of tasks: against all partitions, one by one."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_study.analysis.advice.partition import (
    Worth,
    best_partitions,
    branch_and_bound,
    exact,
    members,
)


def every_partition(tasks: list[int]) -> Iterator[list[int]]:
    if not tasks:
        yield []
        return
    first, *rest = tasks
    for groups in every_partition(rest):
        yield [1 << first, *groups]
        for n, group in enumerate(groups):
            yield [*groups[:n], group | 1 << first, *groups[n + 1 :]]


@st.composite
def worths(draw: st.DrawFn, most: int) -> Worth:
    """Coarse effects, so that ties are many, and some groups measured."""
    n = draw(st.integers(1, most))
    effects = st.integers(-3, 3)
    pairs = np.array(draw(st.lists(effects, min_size=n * n, max_size=n * n)), dtype=float)
    measured = {}
    for group in draw(st.sets(st.integers(1, 2**n - 1), max_size=4)):
        if group.bit_count() > 1:
            measured[group] = {task: float(draw(effects)) for task in members(group)}
    return Worth(pairs.reshape(n, n) / 100, measured)


def best_by_hand(worth: Worth, count: int) -> float:
    asked = every_partition(list(range(worth.n)))
    return max(worth.total(tuple(groups)) for groups in asked if len(groups) == count)


@given(worths(most=6))
def test_exact_search_finds_what_trying_every_partition_finds(worth: Worth) -> None:
    for count, found in enumerate(exact(worth), start=1):
        assert len(found.groups) == count
        assert sum(found.groups) == 2**worth.n - 1
        assert found.value == pytest.approx(worth.total(found.groups), abs=1e-12)
        assert found.value == pytest.approx(best_by_hand(worth, count), abs=1e-12)
        assert found.proved


@given(worths(most=7))
def test_branch_and_bound_proves_what_exact_search_finds(worth: Worth) -> None:
    for count, known in enumerate(exact(worth), start=1):
        found = branch_and_bound(worth, count, nodes=10**9)
        assert found.proved
        assert found.value == pytest.approx(known.value, abs=2e-9)
        assert found.value == pytest.approx(worth.total(found.groups), abs=1e-12)


@given(worths(most=7), st.integers(0, 5))
def test_a_bound_holds_however_early_the_search_stops(worth: Worth, nodes: int) -> None:
    for count, known in enumerate(exact(worth), start=1):
        found = branch_and_bound(worth, count, nodes)
        assert found.value - 1e-8 <= known.value <= found.bound + 1e-8


@pytest.mark.parametrize("seed", range(3))
def test_branch_and_bound_is_exact_on_ten_tasks(seed: int) -> None:
    worth = of_random(10, seed)
    table = exact(worth)
    for count in (2, 5, 8):
        found = branch_and_bound(worth, count, nodes=10**6)
        assert found.proved
        assert found.value == pytest.approx(table[count - 1].value, abs=1e-9)


def of_random(n: int, seed: int) -> Worth:
    pairs = np.random.default_rng(seed).normal(0, 0.02, (n, n))
    return Worth(pairs, {2**n - 1: dict.fromkeys(range(n), 0.001)})


def test_thirty_tasks_take_seconds_and_give_the_same_twice() -> None:
    worth = of_random(30, 0)
    began = time.process_time()
    found = best_partitions(worth, range(1, 31), nodes=5_000)
    assert time.process_time() - began < 30
    for count, partition in enumerate(found, start=1):
        assert len(partition.groups) == count
        assert sum(partition.groups) == 2**30 - 1
        assert partition.bound >= partition.value
    assert found[0].proved
    assert found[-1].proved
    assert best_partitions(worth, range(1, 31), nodes=5_000) == found


def test_planted_blocks_of_thirty_tasks_are_found_and_proved() -> None:
    block = np.arange(30) // 6
    pairs = np.where(block[:, None] == block[None, :], 0.02, -0.02)
    found = branch_and_bound(Worth(pairs, {}), 5)
    assert found.proved
    assert found.groups == tuple(0b111111 << 6 * n for n in range(5))


def test_a_measured_group_goes_before_what_its_pairs_predict() -> None:
    pairs = np.full((3, 3), 0.01)
    together = {0b111: dict.fromkeys(range(3), -0.05)}
    assert exact(Worth(pairs, {}))[0].value == pytest.approx(0.03, abs=1e-7)
    assert exact(Worth(pairs, together))[0].value == pytest.approx(-0.15, abs=1e-7)
    assert exact(Worth(pairs, together))[1].value == pytest.approx(0.02, abs=1e-7)


def test_of_equals_the_partition_with_fewer_partners_is_taken() -> None:
    nothing = Worth(np.zeros((4, 4)), {})
    assert sorted(map(int.bit_count, exact(nothing)[1].groups)) == [2, 2]
    assert sorted(map(int.bit_count, branch_and_bound(nothing, 2).groups)) == [2, 2]
