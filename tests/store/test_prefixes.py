"""The cache of states: what it gives is what was put, or nothing; and it never grows too large."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from transfer_study.store.prefixes import Prefixes
from transfer_study.store.store import Store

KEY, OTHER = (hashlib.sha256(name.encode()).hexdigest() for name in ("one", "two"))
CONTENT = bytes(range(256)) * 16


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def put(store: Store, key: str, content: bytes = CONTENT) -> Path:
    store.prefixes.put(key, memoryview(content))
    return store.root / "prefixes" / key


def small(store: Store, most: int) -> Prefixes:
    return Prefixes(store.root / "prefixes", lambda: store.scratch("prefix"), most)


def test_what_was_put_is_given(store: Store) -> None:
    assert store.prefixes.get(KEY, len(CONTENT)) is None
    put(store, KEY)
    assert store.prefixes.get(KEY, len(CONTENT)) == CONTENT
    assert store.prefixes.get(OTHER, len(CONTENT)) is None
    assert [path.name for path in (store.root / "prefixes").iterdir()] == [KEY]
    assert not list(store.root.glob("attempts/*"))


def test_what_is_damaged_is_not_there_and_may_be_put_again(store: Store) -> None:
    path = put(store, KEY)
    whole = path.read_bytes()
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    for damaged in (flipped, whole[:-1], whole + b"x", whole[:10], b""):
        path.write_bytes(damaged)
        assert store.prefixes.get(KEY, len(CONTENT)) is None
        put(store, KEY)
        assert store.prefixes.get(KEY, len(CONTENT)) == CONTENT
    assert store.prefixes.get(KEY, len(CONTENT) - 1) is None


def test_what_is_no_file_is_not_there(store: Store) -> None:
    folder = store.root / "prefixes"
    folder.mkdir()
    os.mkfifo(folder / KEY)
    (folder / OTHER).mkdir()
    for key in (KEY, OTHER):
        assert store.prefixes.get(key, len(CONTENT)) is None
    put(store, KEY)
    put(store, OTHER)  # has no place, and raises nothing
    assert store.prefixes.get(KEY, len(CONTENT)) == CONTENT
    assert store.prefixes.get(OTHER, len(CONTENT)) is None


def test_what_was_used_least_recently_makes_room(store: Store) -> None:
    keys = [hashlib.sha256(bytes([n])).hexdigest() for n in range(4)]
    cache = small(store, 3 * (len(CONTENT) + 32))
    bystander = store.root / "prefixes" / "notes.txt"
    for n, key in enumerate(keys[:3]):
        cache.put(key, memoryview(CONTENT))
        os.utime(store.root / "prefixes" / key, (n, n))
    bystander.write_text("mine")
    assert cache.get(keys[0], len(CONTENT))  # used, though put first
    cache.put(keys[3], memoryview(CONTENT))
    assert [bool(cache.get(key, len(CONTENT))) for key in keys] == [True, False, True, True]
    assert bystander.exists()


def test_what_is_larger_than_all_is_not_put(store: Store) -> None:
    cache = small(store, len(CONTENT) // 2)
    cache.put(KEY, memoryview(CONTENT))
    assert not list((store.root / "prefixes").iterdir())


def test_what_has_rows_takes_all_its_bytes(store: Store) -> None:
    cache = small(store, len(CONTENT) // 2)
    cache.put(KEY, memoryview(CONTENT).cast("B", (16, 256)))
    assert not list((store.root / "prefixes").iterdir())


def test_a_full_disk_is_not_filled_further(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transfer_study.store.prefixes._LEFT_FREE", 1 << 60)
    put(store, KEY)
    assert store.prefixes.get(KEY, len(CONTENT)) is None


def use(root: Path) -> int:
    """Put and get the same keys over and over; how often one was given."""
    store, given = Store(root), 0
    cache = small(store, 2 * len(CONTENT))  # so that each puts out the other's
    for _ in range(200):
        for key in (KEY, OTHER):
            content = CONTENT if key == KEY else CONTENT[::-1]
            found = cache.get(key, len(content))
            assert found is None or found == content
            given += found is not None
            cache.put(key, memoryview(content))
    return given


def test_several_processes_use_it_at_once(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as processes:
        given = list(processes.map(use, [tmp_path] * 3))
    assert sum(given) > 0


def computed(root: Path, pause: float) -> bytes:
    """What a process gets that needs so long to compute, and writes down that it does."""

    def compute() -> memoryview:
        with (root / "computed").open("a") as file:
            file.write("x")
        time.sleep(pause)
        return memoryview(CONTENT)

    return bytes(Store(root).prefixes.get_or_compute(KEY, len(CONTENT), compute))


def test_of_several_processes_one_computes_what_all_want(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as processes:
        list(processes.map(time.sleep, [0.5] * 3))  # all have started
        got = list(processes.map(computed, [tmp_path] * 3, [1.0] * 3))
    assert got == [CONTENT] * 3
    assert (tmp_path / "computed").read_text() == "x"
    assert [path.name for path in (tmp_path / "prefixes").iterdir()] == [KEY]


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[BaseProcess]:
    """A process that computes without end."""
    process = get_context("spawn").Process(target=computed, args=(tmp_path, 600.0))
    process.start()
    while not (tmp_path / "computed").exists():
        time.sleep(0.05)
    yield process
    process.kill()
    process.join()


def test_a_lock_ends_with_its_holder(tmp_path: Path, holder: BaseProcess) -> None:
    with ThreadPoolExecutor(1) as waiting:
        got = waiting.submit(computed, tmp_path, 0.0)
        time.sleep(0.3)
        assert not got.done()
        holder.kill()
        assert got.result(timeout=60) == CONTENT
    assert (tmp_path / "computed").read_text() == "xx"


def test_nobody_waits_for_ever(
    tmp_path: Path, holder: BaseProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer_study.store.prefixes._PATIENCE", 0.2)
    os.kill(holder.pid, signal.SIGSTOP)
    assert computed(tmp_path, 0.0) == CONTENT
