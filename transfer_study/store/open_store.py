"""A store by its name: a folder, or the URL of a place on object storage."""

from __future__ import annotations

from pathlib import Path

from transfer_study.errors import StoreError
from transfer_study.files import check_writable
from transfer_study.store.runs.attempts import new_attempt
from transfer_study.store.storage.bucket import Bucket, StorageDown
from transfer_study.store.storage.object_storage import storage_at
from transfer_study.store.storage.storage_url import StorageUrl, store_place
from transfer_study.store.store import Store


def open_store(place: Path | StorageUrl | str) -> Store:
    """The store in a folder, or at a URL; asks nothing yet. Raises StoreError."""
    found = store_place(place)
    if isinstance(found, Path):
        return Store(found)
    return Store(found.cache, bucket=Bucket(str(found), storage_at(found)))


def check_store(place: Path | StorageUrl) -> None:
    """Raise StoreError unless a store can be written; leaves nothing behind.

    It is tried. There are servers that take a second object in the first one's place whatever they
    are asked, on which nothing could be committed once.
    """
    if isinstance(place, Path):
        check_writable(place, "store")
        return
    check_writable(place.cache, "store")
    bucket = Bucket(str(place), storage_at(place))
    key = f"attempts/{new_attempt('trial')}/trial"
    try:
        sound = bucket.create(key, b"1") and not bucket.create(key, b"2")
        sound = sound and bucket.exchange(key, b"3", b"1") and not bucket.exchange(key, b"4", b"2")
        sound = sound and bucket.get(key) == b"3"
        bucket.remove(key)
    except StorageDown as error:
        raise StoreError(f"{error.problems[0]}; or choose another store with --store") from None
    if not sound:
        raise StoreError(
            f"the store {place} cannot be used: its server does not heed conditions "
            "(If-None-Match, If-Match), by which a stage is committed once; choose another with "
            "--store"
        )
