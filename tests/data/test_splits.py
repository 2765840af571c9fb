"""Subsets nest, documents stay whole, and the fingerprint is of the examples as used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_study.data.splits import (
    TaskData,
    carve,
    fingerprint,
    load,
    load_planned_once,
    subset,
)
from transfer_study.data.streams import stream
from transfer_study.errors import DataError
from transfer_study.study.stage import StageTask
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.task import Change, Limits, Task


def examples(sizes: list[int]) -> list[Example]:
    """Documents of the given sizes."""
    return [
        Example(f"{d}.{i}", f"d{d}", (f"text {d} {i}",), "yes")
        for d, size in enumerate(sizes)
        for i in range(size)
    ]


def corpus(folder: Path, splits: tuple[str, ...] = ("train", "dev", "test"), **fields: Any) -> Task:
    folder.mkdir(exist_ok=True)
    for split in splits:
        rows = [f"{split}-{i}\t{split}{i // 4}\tt{i}\tyes\n" for i in range(80)]
        (folder / f"{split}.tsv").write_text("id\tdoc\ttext\tlabel\n" + "".join(rows))
    columns = {"id": "id", "document": "doc"}
    files = {split: folder / f"{split}.tsv" for split in splits}
    source = {"format": "tsv", "files": files, "columns": columns}
    common: dict[str, Any] = {"name": "t", "kind": "classification", "labels": ["yes", "no"]}
    return Task(**{**common, "source": source, **fields})


@given(st.integers(1, 60), st.integers(1, 60))
def test_a_smaller_limit_takes_a_part_of_a_larger_ones(a: int, b: int) -> None:
    pool = examples([50])
    small, large = (subset("t", "train", pool, n) for n in sorted((a, b)))
    assert set(small) <= set(large)
    assert len(small) == min(a, b, 50)
    positions = [pool.index(e) for e in small]
    assert positions == sorted(positions)


def test_a_subset_is_the_same_twice_and_another_elsewhere() -> None:
    pool = examples([50])
    first = subset("t", "train", pool, 20)
    assert first == subset("t", "train", list(pool), 20)
    assert first != subset("t", "dev", pool, 20)
    assert first != subset("u", "train", pool, 20)
    assert first != tuple(pool[:20])
    assert subset("t", "train", pool, None) == tuple(pool)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=30), st.floats(0.05, 0.5))
def test_carving_divides_whole_documents(sizes: list[int], share: float) -> None:
    pool = examples(sizes)
    try:
        train, dev = carve("t", "key", pool, share)
    except DataError:
        # Only where the last document was needed to reach the share.
        assert sum(sizes) - max(sizes) < share * sum(sizes)
        return
    assert not {e.document for e in train} & {e.document for e in dev}
    assert sorted([*train, *dev], key=pool.index) == pool
    assert [e for e in pool if e in train] == train
    assert [e for e in pool if e in dev] == dev
    assert share * len(pool) <= len(dev) < share * len(pool) + max(sizes)


def test_carving_does_not_depend_on_the_order_of_rows() -> None:
    pool = examples([3, 1, 4, 1, 5, 9, 2, 6])
    assert set(carve("t", "key", pool, 0.3)[1]) == set(carve("t", "key", pool[::-1], 0.3)[1])
    assert any(carve("t", "key", pool, 0.3) != carve("t", name, pool, 0.3) for name in "abcdef")


def test_one_document_cannot_be_carved() -> None:
    with pytest.raises(DataError, match="dev cannot be carved"):
        carve("t", "key", examples([40]), 0.1)


def test_load_reads_all_three(tmp_path: Path) -> None:
    data = load(corpus(tmp_path))
    assert {name: len(data.split(name)) for name in ("train", "dev", "test")} == dict.fromkeys(
        ("train", "dev", "test"), 80
    )
    assert data.dev[0].id == "dev-0"


def test_dev_is_carved_where_the_task_says_so_or_there_is_none(tmp_path: Path) -> None:
    asked = load(corpus(tmp_path, carve_dev=0.25))
    assert (len(asked.train), len(asked.dev)) == (60, 20)
    assert all(e.id.startswith("train") for e in asked.dev)
    without = load(corpus(tmp_path, ("train", "test")))
    assert (len(without.train), len(without.dev), len(without.test)) == (72, 8, 80)
    assert set(without.dev) <= set(asked.dev)


def test_carving_comes_before_limits(tmp_path: Path) -> None:
    whole = load(corpus(tmp_path, carve_dev=0.25))
    limited = load(corpus(tmp_path, carve_dev=0.25, limits=Limits(max_train=10, max_dev=5)))
    assert set(limited.train) < set(whole.train)
    assert set(limited.dev) < set(whole.dev)
    assert (len(limited.train), len(limited.dev), len(limited.test)) == (10, 5, 80)


def test_problems_of_all_splits_are_raised_together(tmp_path: Path) -> None:
    task = corpus(tmp_path)
    for split in ("train", "test"):
        (tmp_path / f"{split}.tsv").write_text("id\tdoc\ttext\tlabel\n1\td\tx\tmaybe\n")
    (tmp_path / "dev.tsv").unlink()
    with pytest.raises(DataError) as caught:
        load(task)
    assert [Path(p.where.split(",")[0]).stem for p in caught.value.problems] == [
        "train",
        "dev",
        "test",
    ]


def test_fingerprint_is_of_the_examples_and_nothing_else(tmp_path: Path) -> None:
    task = corpus(tmp_path / "a")
    here = fingerprint(load(task))
    assert here == fingerprint(load(corpus(tmp_path / "b", domain="clinical", metric="micro_f1")))
    assert here.train.n == 80
    assert len({here.train.gold, here.dev.gold, here.test.gold}) == 3
    limited = fingerprint(load(corpus(tmp_path / "a", limits=Limits(max_train=10))))
    assert limited.train != here.train
    assert (limited.dev, limited.test) == (here.dev, here.test)


BASE = Example("1", "d", ("a", "b"), "yes")
# What is learned and answered, and what only scoring needs.
LEARNED = [
    Example("1", "d", ("ab",), "yes"),
    Example("1", "d", ("b", "a"), "yes"),
    Example("1", "d", ("a", "b"), "no"),
    Example("1", "d", ("a", "b"), ("yes",)),
    Example("1", "d", ("a", "b"), 1.0),
]
SCORED = [Example("2", "d", ("a", "b"), "yes"), Example("1", "e", ("a", "b"), "yes")]


@pytest.mark.parametrize("changed", [*LEARNED, *SCORED])
def test_every_part_of_an_example_counts(tmp_path: Path, changed: Example) -> None:
    task = corpus(tmp_path)
    data = [TaskData(task, (e,), (BASE,), (BASE,), "key") for e in (BASE, changed)]
    one, other = map(fingerprint, data)
    assert one.train != other.train
    # Ids and documents change no training, unless train is divided by them.
    assert (one.identity() == other.identity()) == (changed in SCORED)
    assert one.identity(by_document=True) != other.identity(by_document=True) or (
        changed.text != BASE.text
    )
    swapped = [TaskData(task, pair, (), (), "key") for pair in ((BASE, changed), (changed, BASE))]
    assert fingerprint(swapped[0]).train != fingerprint(swapped[1]).train
    # What predictions are held against: all but the texts, in their order.
    gold = [fingerprint(one).train.gold for one in (*data, *swapped)]
    assert (gold[0] == gold[1]) == (gold[2] == gold[3]) == (changed.text != BASE.text)


def test_the_key_is_of_all_of_train_and_of_nothing_else(tmp_path: Path) -> None:
    task = corpus(tmp_path / "a")
    key = load(task).key
    assert key == load(corpus(tmp_path / "b", name="u", labels=["no", "yes"])).key
    assert key == load(task.model_copy(update={"limits": Limits(max_train=3, max_test=2)})).key
    assert key == load(corpus(tmp_path / "c", carve_dev=0.2)).key
    path = tmp_path / "a" / "train.tsv"
    path.write_text(path.read_text().replace("t79\t", "other\t"))
    assert load(task.model_copy(update={"limits": Limits(max_train=3)})).key != key


def test_what_is_derived_from_a_task_in_any_seed_is_read_once(tmp_path: Path) -> None:
    task = corpus(tmp_path)
    data = fingerprint(load(task))
    derived = [task.derived(Change.SHUFFLED, seed) for seed in (0, 1)]
    read = {id(load_planned_once(StageTask(task=t, data=data))) for t in (task, *derived)}
    assert len(read) == 1


def test_streams_are_known_by_their_key() -> None:
    draws = stream(0, "mednli", "order").integers(0, 2**32, 8).tolist()
    assert draws == stream(0, "mednli", "order").integers(0, 2**32, 8).tolist()
    keys: list[tuple[object, ...]] = [
        (1, "mednli", "order"),
        ("0", "mednli", "order"),
        (0, "mednliorder"),
    ]
    assert all(draws != stream(*key).integers(0, 2**32, 8).tolist() for key in keys)
