"""States of stages in mid-training, kept so that an attempt that is broken off can go on.

    checkpoints/<stage>-<way>/<number>-<sha256>   the latest, and the one before it

The way is a hash of all that a stage is run with beside what its id says: no state is taken up by
other code, on another type of device or after other weights. A file is written aside, forced to the
disk and renamed into place; one that is not as its name says counts as not there, and the one
before it is taken. Where the store is a bucket they are put there as well. They save work and
decide nothing, and may be removed at any time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from transfer_study.errors import StoreError
from transfer_study.store.storage.file_system import (
    files_below,
    make_folders,
    remove_if_there,
    remove_tree,
)
from transfer_study.store.storage.object_storage import Listed
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage

_FOLDER = "checkpoints"
_NAME = re.compile(r"(?P<number>\d{6,12})-(?P<sha256>[0-9a-f]{64})")
_STATES = re.compile(r".+-[0-9a-f]{16}-[0-9a-f]{8}")
_KEPT = 2


class Checkpoints:
    """Those of a stage, run in one way (a short hash)."""

    def __init__(self, store: Store, stage: Stage, way: str) -> None:
        self._store = store
        self._stage = stage
        self._key = f"{_FOLDER}/{stage.name}-{way}"
        self._folder = store.root / self._key

    def newest_first(self) -> Iterator[Path]:
        """The files that are as they were written, each until the next is asked for."""
        for name in self._names():
            with suppress(OSError):
                if self._is_whole(self._folder / name):
                    yield self._folder / name
                    continue
            with suppress(OSError, StoreError):
                if self._fetch(name):
                    yield self._folder / name

    def keep(self, write: Callable[[Path], None]) -> None:
        """Let a file be written, and keep it as the newest; not where there is no room for it."""
        disk, bucket = self._store.disk, self._store.bucket
        with suppress(OSError, StoreError), self._store.attempt(self._stage) as aside:
            write(aside / "state")
            disk.sync(aside / "state")
            known = self._names()
            number = 1 + max((int(name.partition("-")[0]) for name in known), default=0)
            name = f"{number:06}-{disk.hash(aside / 'state')}"
            make_folders(disk, self._folder)
            disk.rename(aside / "state", self._folder / name)
            disk.sync(self._folder)
            if bucket is not None:
                bucket.put_file(f"{self._key}/{name}", self._folder / name)
            for old in known[_KEPT - 1 :]:
                remove_if_there(disk, self._folder / old)
                if bucket is not None:
                    bucket.remove(f"{self._key}/{old}")

    def _names(self) -> list[str]:
        """Those that are here or in the bucket, the newest first."""
        names = {name for name in _entries(self._store, self._folder) if _NAME.fullmatch(name)}
        if self._store.bucket is not None:
            with suppress(StoreError):
                found = (one.key.rpartition("/")[2] for one in self._in_bucket())
                names |= {name for name in found if _NAME.fullmatch(name)}
        return sorted(names, key=lambda name: (int(name.partition("-")[0]), name), reverse=True)

    def _in_bucket(self) -> tuple[Listed, ...]:
        assert self._store.bucket is not None
        return self._store.bucket.objects(self._key)

    def _is_whole(self, path: Path) -> bool:
        return path.name.endswith(f"-{self._store.disk.hash(path)}")

    def _fetch(self, name: str) -> bool:
        """Bring a file of the bucket's here; whether it is whole."""
        bucket, disk = self._store.bucket, self._store.disk
        if bucket is None:
            return False
        size = {one.key: one.size for one in self._in_bucket()}.get(f"{self._key}/{name}", 0)
        with self._store.attempt(self._stage) as aside:
            disk.write(aside / name, *bucket.get_parts(f"{self._key}/{name}", size))
            if not self._is_whole(aside / name):
                return False
            make_folders(disk, self._folder)
            disk.rename(aside / name, self._folder / name)
        return True


@dataclass(frozen=True, slots=True)
class States:
    """What is kept of one stage in mid-training, run in one way: a folder, its size in bytes."""

    name: str
    size: int

    @property
    def stage(self) -> str:
        """The stage's id."""
        return self.name.split("-")[-2]


def kept_states(store: Store) -> list[States]:
    """All states in a store, by the names of their folders."""
    sizes: Counter[str] = Counter()
    for name in _entries(store, store.root / _FOLDER):
        paths = files_below(store.disk, store.root / _FOLDER / name)
        sizes[name] = sum(store.disk.stat(path, follow=False).st_size for path in paths)
    if store.bucket is not None:
        there: Counter[str] = Counter()
        for one in store.bucket.objects(_FOLDER):
            there[one.key.split("/")[1]] += one.size
        sizes |= there
    return [States(name, sizes[name]) for name in sorted(sizes) if _STATES.fullmatch(name)]


def drop_states(store: Store, name: str) -> None:
    """Remove a folder of states."""
    remove_tree(store.disk, store.root / _FOLDER / name)
    if store.bucket is not None:
        store.bucket.remove(*(one.key for one in store.bucket.objects(f"{_FOLDER}/{name}")))


def drop_checkpoints(store: Store, stage: Stage) -> None:
    """Remove what is kept of a stage that is over, whatever way it was run."""
    with suppress(OSError, StoreError):
        names = {*_entries(store, store.root / _FOLDER)}
        if store.bucket is not None:
            names |= {one.key.split("/")[1] for one in store.bucket.objects(_FOLDER)}
        for name in names:
            if name.rpartition("-")[0] == stage.name:
                drop_states(store, name)


def _entries(store: Store, folder: Path) -> list[str]:
    try:
        return [path.name for path in store.disk.entries(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return []
