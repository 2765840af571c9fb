"""A store on object storage whose requests fail: every request of a commit, by every fault."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore

from transfer_study.errors import StoreError
from transfer_study.store import open_store as open_store_module
from transfer_study.store.open_store import check_store, open_store
from transfer_study.store.prune import prunable, remove
from transfer_study.store.runs.held import held, hold
from transfer_study.store.runs.leases import leasing
from transfer_study.store.runs.running import running, tell_running
from transfer_study.store.storage.bucket import Bucket, StorageDown
from transfer_study.store.storage.object_storage import (
    ObjectStorage,
    StaleError,
    StorageFault,
    Version,
)
from transfer_study.store.storage.storage_url import StorageUrl
from transfer_study.store.store import Store
from transfer_study.store.trials import Trial, keep_trial, read_trial
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage

OPERATIONS = ("get", "get_part", "put", "put_file", "create", "swap", "remove", "objects")
FILES = {
    "empty.txt": "",
    "stage.json": "{}",
    "history.jsonl": "one\n" * 9,
    "predictions/0.test.parquet": "two",
}

Act = Callable[[], Any]


def not_carried_out(fault: Exception) -> Callable[[Act], Any]:
    def raises(act: Act) -> Any:
        raise fault

    return raises


def answer_lost(act: Act) -> Any:
    act()
    raise StorageFault("no answer", again=True)


FAULTS = {
    "busy": not_carried_out(StorageFault("503 SlowDown", again=True)),
    "conflict": not_carried_out(StorageFault("409", again=True)),
    "no answer": not_carried_out(StorageFault("no answer in time", again=True)),
    "answer lost": answer_lost,
}


class Faulty(ObjectStorage):
    """Object storage with a log of requests, of which those that `breaks` says go as it says."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.log: list[str] = []
        self.breaks: Callable[[int], Callable[[Act], Any] | None] = lambda _: None
        for name in OPERATIONS:
            setattr(self, name, self._watched(name, getattr(self, name)))

    def _watched(self, name: str, act: Any) -> Any:
        @wraps(act)
        def watched(*given: Any) -> Any:
            self.log.append(name)
            how = self.breaks(len(self.log))
            done = lambda: list(act(*given)) if name == "objects" else act(*given)  # noqa: E731
            return done() if how is None else how(done)

        return watched


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transfer_study.store.storage.bucket._FIRST_PAUSE", 0.001)
    monkeypatch.setattr("transfer_study.store.storage.in_bucket._OLD", 0.0)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Makes the stores of machines with caches of their own; of the same memory, the same store."""
    count = itertools.count()

    def store(storage: ObjectStorage, patience: float = 5.0) -> Store:
        return Store(tmp_path / f"cache{next(count)}", bucket=Bucket("s3://b/p", storage, patience))

    yield store


def commit(store: Store, stage: Stage, text: str = "first") -> bool:
    with store.attempt(stage) as attempt:
        for file, said in FILES.items():
            (attempt / file).parent.mkdir(exist_ok=True)
            (attempt / file).write_text(said and said + text)
        return store.commit(stage, attempt)


def said(store: Store, stage: Stage) -> set[str]:
    """What of each file was said beyond what all say, every one checked against the record."""
    assert {*store.files(stage)} == {*FILES}
    assert store.read(stage, "empty.txt") == b""
    told = {file: store.read(stage, file).decode() for file in FILES if FILES[file]}
    return {content.removeprefix(FILES[file]) for file, content in told.items()}


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_request_fails_once_a_stage_is_committed_once(
    fault: str, machine: Callable[..., Store], stage: Stage
) -> None:
    n, requests = 0, 1
    while n < requests:
        n += 1
        memory = MemoryStore()
        storage = Faulty(memory)
        storage.breaks = lambda i, n=n: FAULTS[fault] if i == n else None
        assert commit(machine(storage), stage)
        requests = len(storage.log) - 1
        other = machine(ObjectStorage(memory))
        assert said(other, stage) == {"first"}
        assert not commit(other, stage, "second")
        assert said(machine(ObjectStorage(memory)), stage) == {"first"}
    assert n > len(FILES) + 2


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_request_is_the_last_one_a_stage_is_there_whole_or_not_at_all(
    fault: str, machine: Callable[..., Store], stage: Stage
) -> None:
    for n in range(1, 40):
        memory = MemoryStore()
        storage = Faulty(memory)
        storage.breaks = lambda i, n=n: FAULTS[fault] if i >= n else None
        try:
            commit(machine(storage, patience=0.0), stage)
        except StorageDown as error:
            assert "s3://b/p does not answer" in str(error)
        if len(storage.log) < n:
            break
        other = machine(ObjectStorage(memory))
        if other.is_done(stage):
            assert said(other, stage) == {"first"}
        committed = commit(other, stage, "second")
        assert said(other, stage) == {"second" if committed else "first"}
    assert 5 < n < 39


def test_of_many_commits_at_once_one_stands(machine: Callable[..., Store], stage: Stage) -> None:
    storage = ObjectStorage(MemoryStore())
    machines = [machine(storage) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda n: commit(machines[n], stage, str(n)), range(8)))
    assert sum(won) == 1
    for store in machines:
        assert said(store, stage) == {str(won.index(True))}
    (files,) = {one.key.split("/")[3] for one in storage.objects("files")}  # the losers' are gone
    assert files


def test_an_upload_that_arrives_cut_off_is_sent_again(
    machine: Callable[..., Store], stage: Stage
) -> None:
    memory, storage = MemoryStore(), Faulty(MemoryStore())
    whole, cut = ObjectStorage(memory), [2]

    def put_file(key: str, path: Path) -> None:
        cut[0] -= 1
        whole.put(key, path.read_bytes()[: 1 if cut[0] >= 0 else None])

    storage = Faulty(memory)
    storage.put_file = put_file  # type: ignore[method-assign]
    assert commit(machine(storage), stage)
    assert said(machine(whole), stage) == {"first"}
    cut[0] = 1_000
    other = Faulty(memory := MemoryStore())
    whole, other.put_file = ObjectStorage(memory), put_file  # type: ignore[method-assign]
    with pytest.raises(StoreError, match=r"does not keep .* whole, which was sent 3 times"):
        commit(machine(other), stage)
    assert not machine(whole).is_done(stage)


def test_a_damaged_cache_is_found_out_and_read_anew(
    machine: Callable[..., Store], stage: Stage
) -> None:
    storage = ObjectStorage(MemoryStore())
    commit(machine(storage), stage)
    store = machine(storage)
    assert said(store, stage) == {"first"}
    for damage in (b"", b"other", None):
        for path in [path for path in store.folder(stage).rglob("*") if path.is_file()]:
            path.unlink() if damage is None else path.write_bytes(damage)
            assert said(store, stage) == {"first"}
    with store.attempt(stage) as attempt:
        (attempt / "weights.bin").write_bytes(b"w" * 99)
        assert store.commit_model(stage, attempt)
    other = machine(storage)
    (other.checked_model(stage) / "weights.bin").write_bytes(b"x" * 99)
    assert (other.checked_model(stage) / "weights.bin").read_bytes() == b"w" * 99


def test_what_was_brought_is_read_here_and_what_is_damaged_in_the_bucket_costs_no_other(
    machine: Callable[..., Store], made_plan: Plan
) -> None:
    storage, stages = Faulty(MemoryStore()), made_plan.stages[:5]
    for stage in stages:
        assert commit(machine(storage), stage)
    of_one = storage.objects(f"files/stages/{stages[2].name}")
    storage.put(next(one.key for one in of_one if one.key.endswith("stage.json")), b"x")
    other = machine(storage)
    other.bring(made_plan)
    storage.log.clear()
    for stage in stages[:2] + stages[3:]:
        assert said(other, stage) == {"first"}
    assert "get_part" not in storage.log
    with pytest.raises(StoreError, match="not what was committed"):
        said(other, stages[2])


def test_a_damaged_object_is_told_and_never_read(
    machine: Callable[..., Store], stage: Stage
) -> None:
    storage = ObjectStorage(MemoryStore())
    commit(machine(storage), stage)
    for one in list(storage.objects("files")):
        storage.put(one.key, b"x" * one.size)
    remedy = rf"remove s3://b/p/stages/{stage.name}/result\.json and run the stage again"
    with pytest.raises(StoreError, match=remedy):
        machine(storage).read(stage, "stage.json")
    (record,) = storage.objects("stages")
    outside = storage.get(record.key)[0].replace(b"history.jsonl", b"../../history")
    for content in (b"", b"{}", b"\xff", outside):
        storage.put(record.key, content)
        with pytest.raises(StoreError, match="is damaged"):
            machine(storage).read(stage, "stage.json")


def test_two_runs_share_a_bucket_by_leases_and_one_takes_over(
    machine: Callable[..., Store], stage: Stage
) -> None:
    storage = ObjectStorage(MemoryStore())
    stores = [machine(storage) for _ in range(3)]
    gone = "run@elsewhere~00000000@1@00000000"
    stores[0].notes.write(f"attempts/{gone}/beat", b"7", stores[0].root, lasting=False)
    assert stores[0].notes.create(f"leases/{stage.name}", gone.encode(), stores[0].root)
    with leasing(stores[0], patience=0.05) as one, leasing(stores[1], patience=0.05) as two:
        assert not one.take(stage) and not two.take(stage)  # it may live
        taken: list[bool] = []
        while not any(taken):
            with ThreadPoolExecutor(2) as threads:
                taken = list(threads.map(lambda leases: leases.take(stage), (one, two)))
        assert sorted(taken) == [False, True]
        first = (one, two)[taken.index(True)]
        with leasing(stores[2]) as three:
            assert not three.take(stage)
            first.give_back(stage)
            assert three.take(stage)
    assert not list(storage.objects("leases"))
    assert [one.key for one in storage.objects("attempts")] == [f"attempts/{gone}/beat"]


def test_an_exchange_whose_answer_is_lost_is_its_own() -> None:
    for n in range(1, 8):
        storage = Faulty(MemoryStore())
        bucket = Bucket("s3://b/p", storage)
        bucket.create("leases/a", b"old")
        storage.log.clear()
        storage.breaks = lambda i, n=n: answer_lost if i == n else None
        assert bucket.exchange("leases/a", b"new", b"old")
        assert not bucket.exchange("leases/a", b"newer", b"old")
        assert bucket.get("leases/a") == b"new"


def test_what_runs_what_is_held_and_what_failed_is_seen_on_every_machine(
    machine: Callable[..., Store], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer_study.store.store._OLD", -1.0)
    storage = ObjectStorage(MemoryStore())
    here, there = machine(storage), machine(storage)
    with tell_running(stage, here) as attempt, hold(here, [stage]):
        attempt.tell(3)
        (one,) = running(there)
        assert (one.stage, one.epoch) == (stage.id, 3)
        assert stage.id in held(there)
    assert running(there) == [] and not held(there)
    assert there.failure(stage) is None
    here.fail(stage, "it fell")
    failure = there.failure(stage)
    assert failure is not None and failure.read_text() == "it fell"
    assert failure.is_relative_to(there.root)
    assert commit(here, stage)
    assert there.failure(stage) is None
    keep_trial(here, stage, Trial(1, {}, 0, 0, 1, dev=[0.5]))
    found = read_trial(there, stage)
    assert found is not None and found.dev == (0.5,)


def test_pruning_removes_what_nothing_wants_and_spares_what_runs(
    machine: Callable[..., Store], made_plan: Plan
) -> None:
    storage = ObjectStorage(MemoryStore())
    store = machine(storage)
    for stage in made_plan.stages[:2]:
        with store.attempt(stage) as attempt:
            (attempt / "weights.bin").write_bytes(b"w" * 99)
            assert store.commit_model(stage, attempt)
    first, second = made_plan.stages[:2]
    storage.put(f"files/models/{first.name}/0123abcd/weights.bin", b"left over")
    found = prunable(machine(storage), [], (), results=False)
    assert [one.size for one in found.unwanted] == [99, 99, 9]
    other = machine(storage)
    with hold(store, [second]):  # since it was looked
        gone = remove(other, found.unwanted)
    assert [one.stage for one in gone] == [first.id, None]
    assert [machine(storage).has_model(stage) for stage in (first, second)] == [False, True]
    assert machine(storage).checked_model(second)
    assert len(list(storage.objects("files"))) == 1
    with store.attempt(first) as attempt:  # may be made again, here and as others see it
        (attempt / "weights.bin").write_bytes(b"new")
        assert store.commit_model(first, attempt)
    assert (other.checked_model(first) / "weights.bin").read_bytes() == b"new"


@pytest.mark.parametrize("n", range(1, 12))
def test_pruning_in_the_middle_of_a_commit_takes_none_of_its_files(
    n: int, machine: Callable[..., Store], stage: Stage
) -> None:
    memory = MemoryStore()
    storage, other = Faulty(memory), machine(ObjectStorage(memory))

    def prune(act: Act) -> Any:
        found = prunable(other, [], (stage.id,), results=True).unwanted
        done = act()
        remove(other, found)
        return done

    storage.breaks = lambda i: prune if i == n else None
    assert commit(machine(storage), stage)
    assert len(storage.log) >= 11
    assert said(machine(ObjectStorage(memory)), stage) == {"first"}


def test_a_commit_that_slept_while_its_files_were_swept_brings_them_again(
    machine: Callable[..., Store], stage: Stage
) -> None:
    memory = MemoryStore()
    storage, whole = Faulty(memory), ObjectStorage(memory)

    def sleep(act: Act) -> Any:
        for one in [*whole.objects("files"), *whole.objects("attempts")]:
            whole.remove(one.key)
        return act()

    storage.breaks = lambda _: sleep if storage.log[-1] == "create" else None
    assert commit(machine(storage), stage)
    assert said(machine(whole), stage) == {"first"}


def test_what_a_killed_commit_uploaded_is_pruned(
    machine: Callable[..., Store], stage: Stage
) -> None:
    class Killed(BaseException):
        pass

    def kill(_: Act) -> Any:
        raise Killed

    memory = MemoryStore()
    storage = Faulty(memory)
    storage.breaks = lambda _: kill if storage.log[-1] in ("create", "remove") else None
    store = machine(storage)
    with pytest.raises(Killed):
        commit(store, stage)
    whole = ObjectStorage(memory)
    assert len(list(whole.objects("files"))) == len(FILES)
    for one in list(whole.objects("attempts")):  # as the next run on that machine does
        whole.remove(one.key)
    other = machine(whole)
    assert len(remove(other, prunable(other, [], (), results=True).unwanted)) == 1
    assert not list(whole.objects("files"))


def test_a_server_that_heeds_no_conditions_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Heedless(ObjectStorage):
        def create(self, key: str, content: bytes) -> None:
            self.put(key, content)

    class HalfHeedless(ObjectStorage):
        def swap(self, key: str, content: bytes, version: Version) -> None:
            raise StaleError

    monkeypatch.setenv("TRANSFER_STUDY_CACHE", str(tmp_path))
    url = StorageUrl("s3", "b", "p")
    for kind in (Heedless, HalfHeedless):
        monkeypatch.setattr(
            open_store_module, "storage_at", lambda _, kind=kind: kind(MemoryStore())
        )
        monkeypatch.setattr("transfer_study.store.storage.bucket._LONGEST_PAUSE", 0.001)
        monkeypatch.setattr(
            open_store_module, "Bucket", lambda name, s: Bucket(name, s, patience=0.01)
        )
        with pytest.raises(StoreError, match=r"does not heed conditions|does not answer"):
            check_store(url)
    monkeypatch.undo()
    monkeypatch.setenv("TRANSFER_STUDY_CACHE", str(tmp_path))
    check_store(StorageUrl("memory", "b", ""))
    assert not open_store("memory://b").notes.names("attempts")


def test_what_cannot_be_asked_again_is_told_at_once(stage: Stage) -> None:
    storage = Faulty(MemoryStore())
    refused = StorageFault("its keys do not allow that", again=False)
    storage.breaks = lambda _: not_carried_out(refused)
    with pytest.raises(StorageDown, match=r"refuses what is asked of it .its keys") as caught:
        Bucket("s3://b/p", storage).get("a")
    assert len(storage.log) == 1
    assert "StorageFault" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("key", ["../a", "/a", "a/../b", "a//b", "a/./b", "a\nb", "..", ""])
def test_no_key_leaves_its_prefix(key: str) -> None:
    bucket = Bucket("s3://b/p", ObjectStorage(MemoryStore()))
    for act in (bucket.get, bucket.objects, bucket.remove, lambda k: bucket.put(k, b"")):
        with pytest.raises(StoreError, match="is no path in a store"):
            act(key)


def test_what_was_down_is_not_waited_for_again_until_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage = Faulty(MemoryStore())
    bucket = Bucket("s3://b/p", storage, patience=0.2)
    storage.breaks = lambda _: FAULTS["busy"]
    with pytest.raises(StorageDown, match=r"tried \d+ times"):
        bucket.put("a", b"1")
    tried = len(storage.log)
    assert tried > 2
    with pytest.raises(StorageDown):
        bucket.get("a")
    assert len(storage.log) == tried + 1
    storage.breaks = lambda _: None
    bucket.put("a", b"1")
    storage.breaks = lambda n: FAULTS["busy"] if n == tried + 3 else None
    assert bucket.get("a") == b"1"
