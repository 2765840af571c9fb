"""What names a store, and what of it is refused before anything is asked."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from transfer_study.errors import StoreError
from transfer_study.session.places import Places
from transfer_study.store.open_store import open_store
from transfer_study.store.storage.object_storage import storage_at
from transfer_study.store.storage.storage_url import StorageUrl, store_place
from transfer_study.terminal.doctor import _said


@pytest.mark.parametrize(
    "url", ["s3://bucket", "s3://bucket/a/b", "gs://b.c/x_1", "az://container/p", "memory://m"]
)
def test_a_url_reads_back(url: str) -> None:
    place = store_place(url)
    assert isinstance(place, StorageUrl) and str(place) == url
    assert store_place(f"{url}/") == place


def test_folders_are_folders(tmp_path: Path) -> None:
    for said in ("results/stages", "/a/b", "s3", "C:stages"):
        assert store_place(said) == Path(said)
    assert store_place(f"file://{tmp_path}/a%20b") == tmp_path / "a b"
    assert open_store(f"file://{tmp_path}").root == tmp_path


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:secret@bucket/p",
        "s3://secret@bucket/p",
        "s3://bucket/p?X-Amz-Signature=secret",
        "s3://bucket/p?AWSAccessKeyId=secret",
        "az://container/p?sig=secret",
        "s3://bucket/p#secret",
        "https://user:secret@host/p",
    ],
)
def test_a_url_with_a_key_in_it_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(StoreError, match="key or query in it") as caught:
        Places(store=url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "s3:/bucket/p",
        "s3://",
        "s3:///p",
        "s3://bucket/../other",
        "s3://bucket/a/../../b",
        "s3://bucket/%2e%2e/b",
        "s3://bucket/a%2fb",
        "s3://bucket/a//b",
        "s3://bucket/.hidden",
        "s3://bucket/a\\b",
        "s3://bucket/a b",
        "s3://bucket/ü",
        "s3://..",
        "ftp://bucket/p",
        "http://bucket/p",
        "file://host/p",
        "file://p",
    ],
)
def test_what_is_no_place_is_refused_in_one_sentence(url: str) -> None:
    with pytest.raises(StoreError, match=r"^the store .* cannot be used: ") as caught:
        store_place(url)
    assert "\n" not in str(caught.value)


def test_each_url_has_a_cache_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRANSFER_STUDY_CACHE", str(tmp_path))
    urls = ("s3://b/a-b", "s3://b/a/b", "s3://b-a/b", "gs://b/a/b", "memory://b/a/b")
    caches = {open_store(url).root for url in urls}
    assert len(caches) == len(urls)
    assert all(cache.is_relative_to(tmp_path) for cache in caches)
    monkeypatch.delenv("TRANSFER_STUDY_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    place = store_place("s3://b/p")
    assert isinstance(place, StorageUrl)
    assert place.cache.is_relative_to(tmp_path / "xdg" / "transfer-study")


def test_what_a_service_asks_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    storage_at.cache_clear()
    with pytest.raises(StoreError, match=r"az://container/p cannot be used: Account .*; set"):
        open_store("az://container/p")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    assert open_store("az://container/p").place == "az://container/p"
    assert open_store("gs://bucket/p").place == "gs://bucket/p"
    storage_at.cache_clear()


def test_without_obstore_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    storage_at.cache_clear()
    for module in ("obstore", "obstore.store", "obstore.exceptions"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(StoreError, match=r"pip install 'transfer-study\[objects\]'"):
        open_store("s3://bucket/p")


def test_a_doctor_repeats_no_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_STUDY_STORE", "s3://key:secret@bucket/p")
    assert "secret" not in _said("TRANSFER_STUDY_STORE")
    monkeypatch.setenv("TRANSFER_STUDY_STORE", "s3://bucket/p")
    assert _said("TRANSFER_STUDY_STORE") == "s3://bucket/p"
