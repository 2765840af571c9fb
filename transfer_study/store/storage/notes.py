"""Small files that the processes of a store leave for each other: leases, signs of life, trials.

They are files of the folder, or objects. Keys are paths such as leases/NAME. Where files are
changed, `aside` is a folder of the caller's own on the same disk.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from transfer_study.store.storage.bucket import Bucket
from transfer_study.store.storage.file_system import (
    FileSystem,
    make_folders,
    remove_if_there,
    remove_tree,
    replace,
    swap,
)

_MOST_BYTES = 1 << 26


class Notes(Protocol):
    """What is told in a store; all raise OSError or StoreError."""

    def read(self, key: str) -> bytes | None:
        """What a note says; None where it cannot be read."""
        ...

    def write(self, key: str, content: bytes, aside: Path, *, lasting: bool) -> None:
        """Put a note in the place of its own; what is not `lasting` may go with the power."""
        ...

    def create(self, key: str, content: bytes, aside: Path) -> bool:
        """Leave a note where none is; whether it is this one that is there."""
        ...

    def exchange(self, key: str, content: bytes, instead_of: bytes, aside: Path) -> bool:
        """Put a note in the place of one that says this; whether it is this one that is there."""
        ...

    def remove(self, key: str) -> None:
        """Take a note away, and all notes below its key."""
        ...

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted."""
        ...


class FileNotes:
    """Notes as files below the root of a store."""

    def __init__(self, disk: FileSystem, root: Path) -> None:
        self._disk = disk
        self._root = root

    def read(self, key: str) -> bytes | None:
        """As `Notes` says."""
        try:
            return self._disk.read(self._root / key, _MOST_BYTES)
        except OSError:
            return None

    def write(self, key: str, content: bytes, aside: Path, *, lasting: bool) -> None:
        """As `Notes` says."""
        path = self._root / key
        make_folders(self._disk, path.parent)
        (replace if lasting else swap)(self._disk, path, content, aside / uuid4().hex)

    def create(self, key: str, content: bytes, aside: Path) -> bool:
        """As `Notes` says; whole from the start."""
        path, new = self._root / key, aside / uuid4().hex
        try:
            make_folders(self._disk, path.parent)
            self._disk.write(new, content)
            self._disk.link(new, path)
        except FileExistsError:
            return False
        finally:
            remove_if_there(self._disk, new)
        return True

    def exchange(self, key: str, content: bytes, instead_of: bytes, aside: Path) -> bool:
        """As `Notes` says; by one process at a time, and the note is never gone meanwhile."""
        path, new = self._root / key, aside / uuid4().hex
        with self._disk.lock(path.parent.with_suffix(".lock")) as lock:
            with suppress(OSError):  # not all file systems lock; then two may exchange one note
                if not self._disk.try_lock(lock):
                    return False
            stands = self.read(key)
            if stands is None:
                return self.create(key, content, aside)
            if stands == instead_of:
                swap(self._disk, path, content, new)
                return True
        return stands == content

    def remove(self, key: str) -> None:
        """As `Notes` says."""
        try:
            remove_if_there(self._disk, self._root / key)
        except (IsADirectoryError, PermissionError):  # as systems say of a folder
            remove_tree(self._disk, self._root / key)

    def names(self, folder: str) -> list[str]:
        """As `Notes` says."""
        try:
            return [path.name for path in self._disk.entries(self._root / folder)]
        except FileNotFoundError:
            return []


class BucketNotes:
    """Notes as objects."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def read(self, key: str) -> bytes | None:
        """As `Notes` says."""
        return self._bucket.get(key)

    def write(self, key: str, content: bytes, aside: Path, *, lasting: bool) -> None:  # noqa: ARG002
        """As `Notes` says."""
        self._bucket.put(key, content)

    def create(self, key: str, content: bytes, aside: Path) -> bool:  # noqa: ARG002
        """As `Notes` says."""
        return self._bucket.create(key, content)

    def exchange(self, key: str, content: bytes, instead_of: bytes, aside: Path) -> bool:  # noqa: ARG002
        """As `Notes` says, by comparing and swapping."""
        return self._bucket.exchange(key, content, instead_of)

    def remove(self, key: str) -> None:
        """As `Notes` says."""
        self._bucket.remove(key, *(one.key for one in self._bucket.objects(key)))

    def names(self, folder: str) -> list[str]:
        """As `Notes` says."""
        below = (one.key.removeprefix(f"{folder}/") for one in self._bucket.objects(folder))
        return sorted({key.split("/", 1)[0] for key in below})
