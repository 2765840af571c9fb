"""Object storage as a store uses it: what is not answered is asked again, for so long.

A request whose answer is lost may have been carried out. So whoever made an object under a
condition, and is not told that it was made, reads what stands there.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

from transfer_study.errors import StoreError
from transfer_study.store.storage.object_storage import (
    PART,
    Listed,
    ObjectStorage,
    StaleError,
    StorageFault,
    Version,
)

_Found = TypeVar("_Found")
_Given = TypeVar("_Given")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds
# A single request may take all the time there is until it counts as not answered.
_FEWEST_TRIES = 3
_AT_ONCE = 16


class StorageDown(StoreError):  # noqa: N818  (it says what is down, and until when it was tried)
    """Object storage did not answer, however often it was asked, or refused."""


class Bucket:
    """A prefix of a bucket, by name; every operation raises StorageDown after `patience` seconds.

    But not before it was tried some times. Keys are paths below the prefix; no other raises
    anything but StoreError.
    """

    def __init__(self, name: str, storage: ObjectStorage, patience: float = 60.0) -> None:
        self.name = name
        self._storage = storage
        self._patience = patience
        self._is_down = False  # and was for so long: nothing else waits for it until it answers

    def get(self, key: str) -> bytes | None:
        """A small object; None where there is none."""
        found = self._get(key)
        return None if found is None else found[0]

    def _get(self, key: str) -> tuple[bytes, Version] | None:
        def get() -> tuple[bytes, Version] | None:
            try:
                return self._storage.get(_checked(key))
            except FileNotFoundError:
                return None

        return self._try(get)

    def get_parts(self, key: str, size: int) -> Iterator[bytes]:
        """A large object of this size, part by part; raises FileNotFoundError."""
        for start in range(0, size, PART):
            length = min(PART, size - start)
            yield self._try(partial(self._storage.get_part, _checked(key), start, length))

    def put(self, key: str, content: bytes) -> None:
        """Make a small object, or put it in another's place."""
        self._try(lambda: self._storage.put(_checked(key), content))

    def put_file(self, key: str, path: Path) -> None:
        """Make an object of a file, or put it in another's place."""
        self._try(lambda: self._storage.put_file(_checked(key), path))

    def create(self, key: str, content: bytes) -> bool:
        """Make a small object; whether it is this one that stands there at the end."""

        def create() -> bool:
            try:
                self._storage.create(_checked(key), content)
            except (FileExistsError, StaleError, StorageFault) as fault:
                stands = self._get(key)
                if stands is not None:
                    return stands[0] == content
                if isinstance(fault, StorageFault):
                    raise
                raise StorageFault("409", again=True) from None  # another is being made
            return True

        return self._try(create)

    def exchange(self, key: str, content: bytes, instead_of: bytes) -> bool:
        """Put a small object in another's place; whether it is this one that stands there."""

        def exchange() -> bool:
            stands = self._get(key)
            if stands is None or stands[0] != instead_of:
                return stands is not None and stands[0] == content
            try:
                self._storage.swap(_checked(key), content, stands[1])
            except (StaleError, FileNotFoundError, FileExistsError):
                now = self._get(key)
                if now is not None and now[0] == instead_of:
                    raise StorageFault("409", again=True) from None
                return now is not None and now[0] == content
            return True

        return self._try(exchange)

    def remove(self, *keys: str) -> None:
        """Remove objects that may be there."""

        def remove(key: str) -> None:
            try:
                self._storage.remove(_checked(key))
            except FileNotFoundError:
                return

        self.at_once(lambda key: self._try(lambda: remove(key)), keys)

    def objects(self, folder: str) -> tuple[Listed, ...]:
        """All objects below a path."""
        return self._try(lambda: tuple(self._storage.objects(_checked(folder))))

    @staticmethod
    def at_once(do: Callable[[_Given], _Found], to: Iterable[_Given]) -> list[_Found]:
        """Do something to several at a time; raises what the first raises."""
        several = list(to)
        if len(several) < 2:
            return [do(one) for one in several]
        with ThreadPoolExecutor(min(_AT_ONCE, len(several))) as threads:
            return list(threads.map(do, several))

    def _try(self, ask: Callable[[], _Found]) -> _Found:
        patience, fewest = (0.0, 1) if self._is_down else (self._patience, _FEWEST_TRIES)
        until, pause, tries = time.monotonic() + patience, _FIRST_PAUSE, 0
        while True:
            tries += 1
            try:
                found = ask()
                self._is_down = False
                return found
            except StorageFault as fault:
                if not fault.again:
                    raise StorageDown(
                        f"the store {self.name} refuses what is asked of it ({fault}); check its "
                        "name, and the keys and address in the environment"
                    ) from None
                if time.monotonic() + pause > until and tries >= fewest:
                    self._is_down = True
                    raise StorageDown(
                        f"the store {self.name} does not answer ({fault}, tried {tries} times); "
                        "what is committed is kept, and the same command continues"
                    ) from None
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, _LONGEST_PAUSE)


def _checked(key: str) -> str:
    """A key that stays below the prefix; raises StoreError for any other."""
    path = PurePosixPath(key)
    if path.is_absolute() or ".." in path.parts or path.as_posix() != key or not key.isprintable():
        raise StoreError(f"{key!r} is no path in a store; a record that holds it is damaged")
    return key
