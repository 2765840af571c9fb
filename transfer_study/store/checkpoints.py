"""States of stages in mid-training, kept so that an attempt that is broken off can go on.

    checkpoints/<stage>-<way>/<number>-<sha256>   the latest, and the one before it

The way is a hash of all that a stage is run with beside what its id says: no state is taken up by
other code, on another type of device or after other weights. A file is written aside, forced to the
disk and renamed into place; one that is not as its name says counts as not there, and the one
before it is taken. They save work and decide nothing, and may be removed at any time.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from transfer_study.store.store import Store
from transfer_study.store.store import _sync as sync
from transfer_study.study.frozen import file_hash
from transfer_study.study.stage import Stage

_FOLDER = "checkpoints"
_NAME = re.compile(r"(?P<number>\d{6,})-(?P<sha256>[0-9a-f]{64})")
_KEPT = 2


class Checkpoints:
    """Those of a stage, run in one way (a short hash)."""

    def __init__(self, store: Store, stage: Stage, way: str) -> None:
        self._store = store
        self._stage = stage
        self._folder = store.root / _FOLDER / f"{stage.name}-{way}"

    def newest_first(self) -> Iterator[Path]:
        """The files that are as they were written."""
        for _, path in self._numbered():
            with suppress(OSError):
                if path.name.endswith(f"-{file_hash(path)}"):
                    yield path

    def keep(self, write: Callable[[Path], None]) -> None:
        """Let a file be written, and keep it as the newest; not where the disk has no room."""
        with suppress(OSError), self._store.attempt(self._stage) as aside:
            write(aside / "state")
            sync(aside / "state")
            known = self._numbered()
            number = 1 + max((n for n, _ in known), default=0)
            self._folder.mkdir(parents=True, exist_ok=True)
            place = self._folder / f"{number:06}-{file_hash(aside / 'state')}"
            (aside / "state").rename(place)
            sync(self._folder)
            for _, path in known[_KEPT - 1 :]:
                path.unlink(missing_ok=True)

    def _numbered(self) -> list[tuple[int, Path]]:
        """The files with their numbers, the newest first."""
        if not self._folder.is_dir():
            return []
        named = ((_NAME.fullmatch(path.name), path) for path in self._folder.iterdir())
        return sorted(((int(name["number"]), path) for name, path in named if name), reverse=True)


def drop_checkpoints(store: Store, stage: Stage) -> None:
    """Remove what is kept of a stage that is over, whatever way it was run."""
    with suppress(FileNotFoundError):
        for folder in (store.root / _FOLDER).iterdir():
            if folder.name.rpartition("-")[0] == stage.name:
                shutil.rmtree(folder, ignore_errors=True)
