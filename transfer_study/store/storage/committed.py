"""Where what is committed stands: in folders of the disk, or in a bucket with folders as its cache.

A commit is one step that cannot replace anything: a folder is renamed, or a record is put under
the condition that there is none.
"""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from transfer_study.store.storage.commit_record import (
    MOST_RECORD,
    CommitRecord,
    CommittedFile,
    Part,
    in_the_way,
)
from transfer_study.store.storage.file_system import (
    FileSystem,
    below,
    exists,
    is_file,
    is_own_folder,
    make_folders,
)


class _Whose(BaseModel):
    model_config = ConfigDict(extra="ignore")

    stage: str


@dataclass(frozen=True)
class Kept:
    """A folder of a store with its record, None where it has lost that; `attempt` where it is told.

    On object storage the folder is where this machine keeps it. The record is as it was read,
    sound or not; `size` is in bytes.
    """

    part: Part
    folder: Path
    record: bytes | None
    size: int
    attempt: str = ""

    @cached_property
    def stage(self) -> str | None:
        """The id of the stage whose it is; None of what has lost its record."""
        with suppress(ValueError):
            return _Whose.model_validate_json(self.record or b"").stage
        return None


class Committed(Protocol):
    """What of each part of a store is committed, by the names of its stages."""

    def has(self, part: Part, name: str) -> bool:
        """Whether there is a record."""
        ...

    def names(self, part: Part) -> list[str]:
        """The names of all that has a record, or looks like it."""
        ...

    def record(self, part: Part, name: str) -> bytes:
        """A record as it is written; raises OSError, FileNotFoundError where there is none."""
        ...

    def publish(self, attempt: Path, part: Part, name: str, record: CommitRecord) -> bool:
        """Make an attempt be there; False where another is, which stays."""
        ...

    def fetch(self, part: Part, name: str, attempt: str, file: str, of: CommittedFile) -> bool:
        """Bring a file anew to its folder on this machine; False where there is no such file."""
        ...

    def bring(self, part: Part, names: Collection[str], file: str | None = None) -> None:
        """Bring the files of many to this machine, or one file of each, as far as they are there.

        What is wrong with one is told by whoever reads it.
        """
        ...

    def look_again(self) -> None:
        """Learn what others have committed meanwhile."""
        ...

    def lost(self, part: Part, name: str) -> bool:
        """Whether a folder without a record is in the way of what is to be committed."""
        ...

    def place(self, part: Part, name: str) -> str:
        """Where something committed is, or would be, as people are told."""
        ...

    def remedy(self, part: Part, name: str) -> str:
        """What to do about something committed that is damaged."""
        ...

    def size(self, part: Part) -> int:
        """How many bytes all of it takes."""
        ...

    def kept(self, part: Part) -> Iterator[Kept]:
        """All that is there, by name, whether it has its record or not."""
        ...

    def withdraw(self, one: Kept, aside: Path) -> bool:
        """Move something out of its place, where it may be put back from; False if it was gone."""
        ...

    def put_back(self, one: Kept, aside: Path) -> bool:
        """Bring back what was withdrawn; False where there is another meanwhile."""
        ...

    def discard(self, one: Kept, aside: Path) -> None:
        """Remove for good what was withdrawn."""
        ...


class OnDisk:
    """Folders below the root of a store."""

    def __init__(self, disk: FileSystem, root: Path) -> None:
        self._disk = disk
        self._root = root

    def _folder(self, part: Part, name: str) -> Path:
        return self._root / part.folder / name

    def has(self, part: Part, name: str) -> bool:
        """As `Committed` says."""
        return is_file(self._disk, self._folder(part, name) / part.record)

    def names(self, part: Part) -> list[str]:
        """As `Committed` says."""
        with suppress(FileNotFoundError):
            return [path.name for path in self._disk.entries(self._root / part.folder)]
        return []

    def record(self, part: Part, name: str) -> bytes:
        """As `Committed` says."""
        return self._disk.read(self._folder(part, name) / part.record, MOST_RECORD)

    def publish(self, attempt: Path, part: Part, name: str, record: CommitRecord) -> bool:
        """As `Committed` says; all is on the disk before it is there."""
        place, said = self._folder(part, name), attempt / part.record
        self._disk.write(said, record.content)
        let_read(self._disk, attempt, said)
        for path in below(self._disk, attempt):
            self._disk.sync(path)
        self._disk.sync(attempt)
        make_folders(self._disk, place.parent)
        try:
            self._disk.rename(attempt, place)
        except OSError:
            if self.has(part, name):
                return False
            if exists(self._disk, place):
                raise in_the_way(place, part.record) from None
            raise
        self._disk.sync(place.parent)
        return True

    def fetch(self, part: Part, name: str, attempt: str, file: str, of: CommittedFile) -> bool:  # noqa: ARG002
        """As `Committed` says: what is here is all there is."""
        return False

    def bring(self, part: Part, names: Collection[str], file: str | None = None) -> None:
        """As `Committed` says: all is here."""

    def look_again(self) -> None:
        """As `Committed` says: a network's file system may know an older state of a folder."""
        self.names(Part.RESULTS)

    def lost(self, part: Part, name: str) -> bool:
        """As `Committed` says."""
        folder = self._folder(part, name)
        taken = exists(self._disk, folder) and not self.has(part, name)
        return taken and bool(self._disk.entries(folder))

    def place(self, part: Part, name: str) -> str:
        """As `Committed` says."""
        return str(self._folder(part, name))

    def remedy(self, part: Part, name: str) -> str:  # noqa: ARG002
        """As `Committed` says."""
        return "remove the folder and run the stage again"

    def size(self, part: Part) -> int:
        """As `Committed` says; of a folder that is a link elsewhere too."""
        return size_below(self._disk, (self._root / part.folder).resolve())

    def kept(self, part: Part) -> Iterator[Kept]:
        """As `Committed` says; links are let be."""
        folder = self._root / part.folder
        if not is_own_folder(self._disk, folder):
            return
        for path in self._disk.entries(folder):
            if is_own_folder(self._disk, path):
                record = None
                with suppress(OSError):
                    record = self._disk.read(path / part.record, MOST_RECORD)
                yield Kept(part, path, record, size_below(self._disk, path))

    def withdraw(self, one: Kept, aside: Path) -> bool:
        """As `Committed` says."""
        try:
            self._disk.rename(one.folder, self._moved(one, aside))
        except FileNotFoundError:  # somebody else was first
            return False
        self._disk.sync(one.folder.parent)
        return True

    def put_back(self, one: Kept, aside: Path) -> bool:
        """As `Committed` says."""
        if exists(self._disk, one.folder):
            return False
        self._disk.rename(self._moved(one, aside), one.folder)
        self._disk.sync(one.folder.parent)
        return True

    def discard(self, one: Kept, aside: Path) -> None:
        """As `Committed` says: it goes with the folder that it is in."""

    @staticmethod
    def _moved(one: Kept, aside: Path) -> Path:
        return aside / f"{one.part.folder}@{one.folder.name}"


def size_below(disk: FileSystem, folder: Path) -> int:
    """The bytes of the regular files below a folder; links are not followed.

    What goes meanwhile is let go; of a folder that is not there, or is a link, 0.
    """
    size = 0
    if is_own_folder(disk, folder):
        with suppress(FileNotFoundError):
            for path in below(disk, folder):
                with suppress(FileNotFoundError):
                    found = disk.stat(path, follow=False)
                    size += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return size


def let_read(disk: FileSystem, folder: Path, pattern: Path) -> None:
    """Let whoever may read one file read all files of a folder.

    What writes tensors lets their owner alone read them, whatever the process's umask is.
    """
    mode = stat.S_IMODE(disk.stat(pattern, follow=False).st_mode)
    for path in below(disk, folder):
        if is_file(disk, path):
            disk.set_mode(path, mode)
