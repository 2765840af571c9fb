"""Every row once an epoch; a task's own order whatever its company; quotas that keep the total."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from transfer_study.data.streams import stream
from transfer_study.data.tokens.mixing import batches_an_epoch, mixed_batches, task_batches
from transfer_study.errors import StudyError
from transfer_study.study.recipes.recipe import Mixing, Recipe

Epochs = list[list[tuple[str, list[int]]]]

COUNTS = st.dictionaries(st.sampled_from("abcdefg"), st.integers(1, 3000), min_size=2)


def lengths_of(**rows: int) -> dict[str, NDArray[np.int64]]:
    return {name: stream(name, "lengths").integers(3, 90, n) for name, n in rows.items()}


def epochs(
    lengths: dict[str, NDArray[np.int64]], seed: int = 0, epochs: int = 3, **recipe: object
) -> Epochs:
    recipe_ = Recipe.model_validate({"epochs": epochs, "batch_size": 4, **recipe})
    return [
        [(name, rows.tolist()) for name, rows in chain(*epoch)]
        for epoch in mixed_batches(lengths, {name: name for name in lengths}, recipe_, seed)
    ]


def own(order: Epochs, task: str) -> list[list[int]]:
    return [rows for name, rows in chain(*order) if name == task]


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 60), min_size=1),
    st.integers(1, 9),
    st.integers(0, 5),
)
def test_every_row_of_every_task_comes_once_an_epoch(
    sizes: dict[str, int], batch_size: int, seed: int
) -> None:
    for epoch in epochs(lengths_of(**sizes), seed, batch_size=batch_size):
        for name, size in sizes.items():
            rows = own([epoch], name)
            assert sorted(chain(*rows)) == list(range(size))
            assert len(rows) == -(-size // batch_size)
            assert max(map(len, rows)) <= batch_size


def test_one_seed_gives_one_order_and_epochs_differ() -> None:
    lengths = lengths_of(a=50, b=30)
    assert epochs(lengths) == epochs(lengths)
    assert epochs(lengths) != epochs(lengths, seed=1)
    first, second, third = epochs(lengths)
    assert first != second != third
    # Longer training begins as shorter training does.
    assert epochs(lengths, epochs=2) == [first, second]


@pytest.mark.parametrize("mixing", Mixing)
def test_a_tasks_own_order_does_not_depend_on_its_company(mixing: Mixing) -> None:
    lengths = lengths_of(a=50, b=31, c=9, d=1)
    alone = own(epochs({"a": lengths["a"]}, epochs=6), "a")
    for company in ("ab", "ac", "abc", "abcd"):
        mixed = own(epochs({n: lengths[n] for n in company}, mixing=mixing, temperature=3.0), "a")
        assert mixed == alone[: len(mixed)]
        assert len(mixed) > 12


def test_tasks_of_one_size_have_orders_of_their_own() -> None:
    order = epochs({"a": np.full(50, 9), "b": np.full(50, 9)})
    assert own(order, "a") != own(order, "b")


def test_names_mean_nothing() -> None:
    """Not even that of a task which stands elsewhere in the alphabet then."""
    lengths = lengths_of(a=50, b=31, c=9)
    other = {"a": "zeta", "b": "b", "c": "alpha"}
    for mixing in Mixing:
        made = Recipe(epochs=3, batch_size=4, mixing=mixing, temperature=2.0)
        one = mixed_batches(lengths, {n: f"key {n}" for n in lengths}, made, 0)
        renamed = {other[n]: rows for n, rows in lengths.items()}
        two = mixed_batches(renamed, {other[n]: f"key {n}" for n in lengths}, made, 0)
        for first, second in zip(one, two, strict=True):
            assert [(other[n], r.tolist()) for n, r in chain(*first)] == [
                (n, r.tolist()) for n, r in chain(*second)
            ]


def test_batches_of_a_small_task_have_other_members_in_every_epoch() -> None:
    """Though all lengths differ, so that sorting all rows would always give the same."""
    order = epochs({"a": np.arange(3, 43)}, epochs=4, batch_size=4)
    members = [{frozenset(rows) for _, rows in epoch} for epoch in order]
    assert all(len(one & other) < 5 for one, other in pairwise(members))


def test_batches_of_tasks_are_interleaved() -> None:
    order = [name for name, _ in epochs(lengths_of(a=200, b=200))[0]]
    changes = sum(x != y for x, y in pairwise(order))
    assert changes > 30  # of 99; 1 were they in turn


@given(COUNTS, st.sampled_from(Mixing), st.floats(0.01, 1e6))
def test_mixing_never_changes_the_total_nor_leaves_a_task_out(
    counts: dict[str, int], mixing: Mixing, temperature: float
) -> None:
    quotas = batches_an_epoch(counts, Recipe(mixing=mixing, temperature=temperature))
    assert quotas.keys() == counts.keys()
    assert sum(quotas.values()) == sum(counts.values())
    assert min(quotas.values()) >= 1


@given(COUNTS)
def test_temperature_leads_from_proportional_to_uniform(counts: dict[str, int]) -> None:
    def quotas(mixing: Mixing, temperature: float = 1.0) -> dict[str, int]:
        return batches_an_epoch(counts, Recipe(mixing=mixing, temperature=temperature))

    assert quotas(Mixing.TEMPERATURE, 1.0) == quotas(Mixing.PROPORTIONAL) == counts
    assert quotas(Mixing.TEMPERATURE, 2.0) == quotas(Mixing.SQRT)
    even = quotas(Mixing.UNIFORM)
    assert max(even.values()) - min(even.values()) <= 1
    assert all(abs(n - even[t]) <= 1 for t, n in quotas(Mixing.TEMPERATURE, 1e9).items())


def test_quotas_by_hand() -> None:
    counts = {"large": 90, "small": 10}
    assert batches_an_epoch(counts, Recipe(mixing=Mixing.UNIFORM)) == {"large": 50, "small": 50}
    assert batches_an_epoch(counts, Recipe(mixing=Mixing.SQRT)) == {"large": 75, "small": 25}


def test_under_other_mixings_a_small_task_comes_round_again() -> None:
    lengths = {"large": np.full(96, 9), "small": np.full(7, 9)}
    for epoch in epochs(lengths, mixing="uniform"):
        assert len(epoch) == 26
        assert len(own([epoch], "small")) == 13
    rows = own(epochs(lengths, mixing="uniform"), "small")
    # Two batches are one pass over its seven rows, each pass in an order of its own.
    passes = [sorted(chain(*rows[n : n + 2])) for n in range(0, len(rows) - 1, 2)]
    assert passes == [list(range(7))] * len(passes)
    assert len({tuple(rows[n]) for n in range(0, len(rows), 2)}) > 5


def test_buckets_of_like_length_save_padding_and_stay_random() -> None:
    lengths = stream("lengths").integers(5, 128, 2000)

    def padded(batches: list[NDArray[np.int64]]) -> int:
        return sum(len(rows) * int(lengths[rows].max()) for rows in batches)

    batches = task_batches(lengths, 32, stream(0))
    shuffled = stream(1).permutation(2000)
    plain = [shuffled[n : n + 32] for n in range(0, 2000, 32)]
    assert padded(batches) < 1.1 * lengths.sum() < padded(plain)
    means = np.array([lengths[rows].mean() for rows in batches])
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.4  # not sorted by length


def test_tasks_of_one_row() -> None:
    order = epochs(lengths_of(a=1, b=1))
    assert all(sorted(epoch) == [("a", [0]), ("b", [0])] for epoch in order)
    assert batches_an_epoch({"a": 1}, Recipe(mixing=Mixing.UNIFORM)) == {"a": 1}


def orders(lengths: list[int], **recipe: Any) -> list[list[list[int]]]:
    """The rows of every batch of every epoch of one task."""
    made = Recipe(batch_size=4, epochs=3, max_length=8, **recipe)
    epochs = mixed_batches({"task": np.array(lengths)}, {"task": "key"}, made, 0)
    return [[rows.tolist() for ((_, rows),) in epoch] for epoch in epochs]


def test_batches_cut_once_come_back_in_another_order() -> None:
    first, second, third = orders([5] * 30, batches="once")
    assert sorted(first) == sorted(second) == sorted(third)
    assert len({str(epoch) for epoch in (first, second, third)}) == 3
    assert sorted(row for batch in first for row in batch) == list(range(30))
    assert sorted(map(len, first)) == [2, *[4] * 7]
    afresh = orders([5] * 30)
    assert sorted(afresh[0]) != sorted(afresh[1])


@pytest.mark.parametrize("batches", ["once", "every_epoch"])
def test_long_training_rows_are_dropped_where_asked(batches: str) -> None:
    lengths = [4, 9, 8, 20, 1, 8]
    for epoch in orders(lengths, batches=batches, long_rows="drop"):
        assert sorted(row for batch in epoch for row in batch) == [0, 2, 4, 5]
    with pytest.raises(StudyError, match="every training row of task has more than 8"):
        orders([9, 9], batches=batches, long_rows="drop")


@given(st.integers(1, 30), st.integers(1, 12))
def test_an_epoch_of_so_many_updates_goes_over_the_rows_by_turns(rows: int, updates: int) -> None:
    lengths = lengths_of(a=rows)
    longer = epochs(lengths, epoch_updates=updates)
    assert [len(epoch) for epoch in longer] == [updates] * 3
    # The same batches as ever, cut into epochs of another length.
    usual = own(epochs(lengths, epochs=3 * updates), "a")
    assert own(longer, "a") == usual[: 3 * updates]


@given(COUNTS)
def test_updates_of_every_task_keep_the_total_but_for_a_whole_update(
    counts: dict[str, int],
) -> None:
    recipe = Recipe(updates="every_task")
    quotas = batches_an_epoch(counts, recipe)
    assert set(quotas.values()) == {recipe.updates_an_epoch(list(counts.values()))}
    assert 0 <= sum(quotas.values()) - sum(counts.values()) < len(counts)


def test_an_update_of_every_task_holds_a_batch_of_each_in_its_own_order() -> None:
    lengths = lengths_of(large=81, small=7)  # 21 and 2 batches
    recipe = Recipe(epochs=3, batch_size=4, updates="every_task", mixing="sqrt")
    made = list(mixed_batches(lengths, {name: name for name in lengths}, recipe, 0))
    assert [len(epoch) for epoch in made] == [12] * 3
    assert all([name for name, _ in update] == ["large", "small"] for update in chain(*made))
    for name in lengths:
        alone = own(epochs({name: lengths[name]}, epochs=18), name)
        mixed = [rows.tolist() for update in chain(*made) for n, rows in update if n == name]
        assert mixed == alone[:36]
