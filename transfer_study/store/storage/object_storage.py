"""Every operation of a store on object storage, one method each, so that a test can replace them.

What counts requests, makes them fail or loses their answers extends `ObjectStorage` and overrides
its operations. Nothing is tried again here; what a server says in so many words is not passed on,
for it may repeat a key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from transfer_study.errors import StoreError
from transfer_study.store.storage.storage_url import StorageUrl

if TYPE_CHECKING:
    from obstore import UpdateVersion
    from obstore.store import ObjectStore

# Seconds for a request, which carries so many bytes at most, and to begin one.
_TIMEOUT, _CONNECT, PART = 60, 10, 16 << 20
# There are fewer bytes than were asked for.
_NOT_SO_LONG = 416
# A server is busy, or another wrote at the same time, or a condition failed that none had set: it
# may be asked again.
_BUSY = (408, 409, 412, 425, 429)


class StorageFault(Exception):  # noqa: N818  (the caller decides what is to be said)
    """A request that was not answered, or not as it should be; it may have been carried out.

    `again` says whether it may be made again; `status` is what HTTP says, 0 of no answer.
    """

    def __init__(self, said: str, *, again: bool, status: int = 0) -> None:
        super().__init__(said)
        self.again = again
        self.status = status


class StaleError(Exception):
    """An object is of another version than the one that was to be replaced."""


class Version(NamedTuple):
    """What tells one content of an object from another: by most services a tag, by some a number.

    Google's compares numbers alone, the others tags.
    """

    tag: str | None
    number: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """An object, by its key, with its size in bytes and a name of its content."""

    key: str
    size: int
    version: str


class ObjectStorage:
    """A bucket, below a prefix; keys are paths without `..`. All raise StorageFault.

    Of an object that is not there FileNotFoundError is raised.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def get(self, key: str) -> tuple[bytes, Version]:
        """A small object, whole, and its version."""
        import obstore

        with _told():
            found = obstore.get(self._store, key)
            return bytes(found.bytes()), Version(found.meta["e_tag"], found.meta["version"])

    def get_part(self, key: str, start: int, length: int) -> bytes:
        """Some of an object's bytes, fewer where it ends before."""
        import obstore

        try:
            with _told():
                return bytes(obstore.get_range(self._store, key, start=start, length=length))
        except StorageFault as fault:
            if fault.status == _NOT_SO_LONG:
                return b""
            raise

    def put(self, key: str, content: bytes) -> None:
        """Make a small object, or put it in another's place."""
        import obstore

        with _told():
            obstore.put(self._store, key, content)

    def put_file(self, key: str, path: Path) -> None:
        """Make an object of a file's bytes, however many, or put it in another's place."""
        import obstore

        with _told():
            obstore.put(self._store, key, path, chunk_size=PART, max_concurrency=4)

    def create(self, key: str, content: bytes) -> None:
        """Make a small object; raises FileExistsError where there is one, or one is being made."""
        import obstore

        with _told(conditional=True):
            obstore.put(self._store, key, content, mode="create")

    def swap(self, key: str, content: bytes, version: Version) -> None:
        """Put a small object in the place of one of this version; raises StaleError."""
        import obstore

        with _told(conditional=True):
            told = {"e_tag": version.tag, "version": version.number}
            known = {name: said for name, said in told.items() if said is not None}
            obstore.put(self._store, key, content, mode=cast("UpdateVersion", known))

    def remove(self, key: str) -> None:
        """Remove an object that may be there."""
        import obstore

        with _told():
            obstore.delete(self._store, key)

    def objects(self, prefix: str) -> Iterator[Listed]:
        """All objects whose keys begin with this path."""
        import obstore

        with _told():
            for some in obstore.list(self._store, prefix):
                for one in some:
                    yield Listed(one["path"], one["size"], one["e_tag"] or "")


@contextmanager
def _told(*, conditional: bool = False) -> Iterator[None]:
    """Raises what is promised above for whatever obstore raises, without what was said there.

    What no condition was set for cannot fail by one: then the server was busy with another.
    """
    from obstore import exceptions

    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise StorageFault("there is no such bucket", again=False) from None
        raise FileNotFoundError from None
    except (exceptions.AlreadyExistsError, exceptions.PreconditionError) as error:
        if not conditional:
            raise StorageFault("409", again=True) from None
        exists = isinstance(error, exceptions.AlreadyExistsError)
        raise (FileExistsError if exists else StaleError) from None
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError):
        raise StorageFault("its keys do not allow that", again=False) from None
    except exceptions.NotSupportedError:
        raise StorageFault("it has no conditional writing", again=False) from None
    except exceptions.BaseError as error:
        raise _fault(str(error)) from None


def _fault(said: str) -> StorageFault:
    status = re.search(r"status code: (\d{3})", said)
    code = re.search(r"<Code>(\w{1,60})</Code>", said)
    if status is None:
        timed_out = re.search(r"time(d )?-?out", said, re.IGNORECASE)
        return StorageFault("no answer in time" if timed_out else "no answer", again=True)
    number = int(status[1])
    again = number >= 500 or number in _BUSY
    return StorageFault(f"{number}{f' {code[1]}' if code else ''}", again=again, status=number)


@cache
def storage_at(url: StorageUrl) -> ObjectStorage:
    """The object storage of a URL, by what the environment says of address and keys.

    Raises StoreError where that, or obstore, is missing.
    """
    try:
        from obstore.exceptions import BaseError
        from obstore.store import MemoryStore, from_url
    except ImportError:
        raise StoreError(
            f"the store {url} asks for obstore, which is not installed; "
            "run: pip install 'transfer-study[objects]'"
        ) from None
    if url.scheme == "memory":
        return ObjectStorage(MemoryStore())
    endpoints = (os.environ.get(name, "") for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT"))
    plain = any(endpoint.startswith("http://") for endpoint in endpoints)
    how: dict[str, Any] = {
        "client_options": {
            "timeout": timedelta(seconds=_TIMEOUT),
            "connect_timeout": timedelta(seconds=_CONNECT),
            "allow_http": url.scheme == "s3" and plain,
        },
        "retry_config": {"max_retries": 0},
    }
    try:
        store = from_url(str(url), **how)
    except (BaseError, ValueError) as error:
        said = str(error).split("\n", 1)[0].rpartition(": ")[2][:80]
        raise StoreError(
            f"the store {url} cannot be used: {said}; set what its service asks for in the "
            "environment, such as AWS_REGION or AZURE_STORAGE_ACCOUNT_NAME"
        ) from None
    return ObjectStorage(store)
