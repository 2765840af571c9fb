"""A store on S3 by real HTTP, with a proxy that answers wrongly, late, or not at all."""

from __future__ import annotations

import itertools
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from obstore.store import S3Store

from tests.object_server import (
    BUCKET,
    KEY_ID,
    SECRET,
    Between,
    between,
    environment,
    moto_server,
)
from transfer_study.errors import StoreError
from transfer_study.store.open_store import check_store
from transfer_study.store.storage.bucket import Bucket, StorageDown
from transfer_study.store.storage.object_storage import ObjectStorage, storage_at
from transfer_study.store.storage.storage_url import store_place
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage

FILES = {"stage.json": b"{}", "predictions/0.test.parquet": b"answers" * 999}
STATUSES = (409, 412, 429, 500, 502, 503)
FAULTS = (*STATUSES, "lost", "cut", "silent", "hung up")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def proxy(server: str) -> Iterator[Between]:
    with between(server) as proxy:
        yield proxy


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., Store]:
    """Makes the stores of machines with caches of their own, by what answers them."""
    count = itertools.count()

    def store(endpoint: str, patience: float = 20.0) -> Store:
        storage = S3Store(
            BUCKET,
            prefix=tmp_path.name,
            endpoint=endpoint,
            access_key_id=KEY_ID,
            secret_access_key=SECRET,
            region="us-east-1",
            client_options={"allow_http": True, "timeout": timedelta(seconds=1)},
            retry_config={"max_retries": 0},
        )
        name = f"s3://{BUCKET}/{tmp_path.name}"
        bucket = Bucket(name, ObjectStorage(storage), patience)
        return Store(tmp_path / f"cache{next(count)}", bucket=bucket)

    return store


def commit(store: Store, stage: Stage, said: bytes = b"first") -> bool:
    with store.attempt(stage) as attempt:
        for file, content in FILES.items():
            (attempt / file).parent.mkdir(exist_ok=True)
            (attempt / file).write_bytes(content + said)
        return store.commit(stage, attempt)


def who(store: Store, stage: Stage) -> set[bytes]:
    """Whose words the stage's files hold, every one of them checked against the record."""
    return {store.read(stage, file).removeprefix(content) for file, content in FILES.items()}


# A record is too small for a part of it to arrive: it comes whole, or not at all.
PUTS = [*((f, "files") for f in FAULTS), *((f, "stages") for f in FAULTS if f != "cut")]


@pytest.mark.parametrize(("fault", "of"), PUTS)
def test_a_put_that_is_answered_wrongly_is_made_once(
    fault: int | str,
    of: str,
    proxy: Between,
    server: str,
    machine: Callable[..., Store],
    stage: Stage,
) -> None:
    proxy.fault = lambda method, path, n: (
        fault if method == "PUT" and f"/{of}/" in path and n == 1 else None
    )
    assert commit(machine(proxy.endpoint), stage)
    record = [path for method, path in proxy.seen if method == "PUT" and "result.json" in path]
    assert len(record) <= 2
    assert not commit(machine(server), stage, b"second")
    assert who(machine(server), stage) == {b"first"}


@pytest.mark.parametrize("fault", [*STATUSES, "lost", "silent", "hung up"])
def test_a_reading_that_is_answered_wrongly_is_made_again(
    fault: int | str, proxy: Between, server: str, machine: Callable[..., Store], stage: Stage
) -> None:
    commit(machine(server), stage)
    proxy.fault = lambda method, path, n: fault if method == "GET" and n == 1 else None
    store = machine(proxy.endpoint)
    assert store.is_done(stage)
    assert who(store, stage) == {b"first"}
    before = len(proxy.seen)
    assert who(store, stage) == {b"first"}
    assert [path for _, path in proxy.seen[before:] if "/files/" in path] == []  # from the cache


@pytest.mark.parametrize("fault", [503, "silent", "hung up"])
def test_a_server_that_stays_away_ends_in_one_sentence(
    fault: int | str, proxy: Between, machine: Callable[..., Store], stage: Stage
) -> None:
    proxy.fault = lambda *_: fault
    began = time.monotonic()
    with pytest.raises(StorageDown, match=r"does not answer \(.*the same command continues"):
        commit(machine(proxy.endpoint, patience=1.0), stage)
    assert time.monotonic() - began < 30


def test_an_answer_that_repeats_a_key_is_not_passed_on(
    proxy: Between, machine: Callable[..., Store], stage: Stage
) -> None:
    for status in (403, 401, 400, 503):
        proxy.fault = lambda *_, status=status: status
        with pytest.raises(StoreError) as caught:
            commit(machine(proxy.endpoint, patience=0.0), stage)
        told = "".join(traceback.format_exception(caught.value))
        assert KEY_ID not in told and SECRET not in told
        assert f"s3://{BUCKET}/" in told


def test_what_is_shorter_than_its_record_says_is_told(
    server: str, machine: Callable[..., Store], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer_study.store.storage.bucket.PART", 1_000)
    store = machine(server)
    assert commit(store, stage)
    assert who(machine(server), stage) == {b"first"}  # part by part
    bucket = store.notes._bucket  # type: ignore[attr-defined]
    for one in bucket.objects("files"):
        bucket.put(one.key, b"x")
    with pytest.raises(StoreError, match="not what was committed"):
        machine(server).read(stage, "predictions/0.test.parquet")


def test_of_many_commits_at_once_one_stands(
    server: str, machine: Callable[..., Store], stage: Stage
) -> None:
    with ThreadPoolExecutor(6) as threads:
        stores = [machine(server, patience=60.0) for _ in range(6)]
        won = list(threads.map(lambda n: commit(stores[n], stage, b"%d" % n), range(6)))
    assert sum(won) == 1
    assert who(machine(server), stage) == {b"%d" % won.index(True)}


def test_a_store_is_tried_by_its_url_and_the_environment(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in environment(server, tmp_path).items():
        monkeypatch.setenv(name, value)
    storage_at.cache_clear()
    check_store(store_place(f"s3://{BUCKET}/tried"))
    assert not list(storage_at(store_place(f"s3://{BUCKET}/tried")).objects("attempts"))
    with pytest.raises(StoreError, match=r"refuses .*\(there is no such bucket\).* --store"):
        check_store(store_place("s3://no-such-bucket/tried"))
    storage_at.cache_clear()
