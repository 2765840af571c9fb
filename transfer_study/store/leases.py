"""Which stages runs have taken, so that several on one store share the work.

A run has a directory among the store's attempts, with a count in `beat` that goes up for as long as
the run lives. `leases/<stage>` holds that directory's name from before the stage is begun until it
is over. Who finds a lease leaves the stage alone, unless the run behind it is gone: its directory
is, or its process is on this host, or its count has not changed for a while by the clock of who
looks. Clocks of different hosts are never compared.

Leases save work and decide nothing: two runs that take one stage after all commit it once, as
always.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from transfer_study.store.file_system import (
    FileSystem,
    is_folder,
    make_folders,
    remove_if_there,
    swap,
)
from transfer_study.store.store import Store, is_abandoned
from transfer_study.study.stage import Stage

_FOLDER, _BEAT = "leases", "beat"
_MOST_BYTES = 1 << 12


class Leases:
    """The stages that a run has taken, and those that it finds taken."""

    def __init__(self, store: Store, folder: Path, *, patience: float) -> None:
        self._store = store
        self._disk = store.disk
        self._leases = store.root / _FOLDER
        self._folder = folder
        self._patience = patience
        self._seen: dict[str, tuple[str, float]] = {}  # the beats of others, and since when

    def take(self, stage: Stage) -> bool:
        """Take a stage that nobody has; False where a run has it that lives."""
        path = self._leases / stage.name
        for _ in range(2):
            if self._create(path):
                return True
            holder = _read(self._disk, path)
            if holder == self._folder.name:
                return True
            if self._lives(holder) or not self._break(path, holder):
                return False
        return False

    def give_back(self, stage: Stage) -> None:
        """A stage is over, whether it is committed or not."""
        path = self._leases / stage.name
        if _read(self._disk, path) == self._folder.name:
            remove_if_there(self._disk, path)

    def beat(self, count: int) -> None:
        """Show that this run lives."""
        with suppress(OSError):  # a full disk must not end what it only cannot show
            aside = self._folder / "aside"
            swap(self._disk, self._folder / _BEAT, str(count).encode(), aside)

    def end(self) -> None:
        """Give back all that is still taken."""
        with suppress(OSError):
            for path in self._disk.entries(self._leases):
                if _read(self._disk, path) == self._folder.name:
                    remove_if_there(self._disk, path)

    def _create(self, path: Path) -> bool:
        """Make a lease of this run, whole from the start, unless there is one."""
        aside = self._folder / uuid4().hex
        try:
            make_folders(self._disk, path.parent)
            self._disk.write(aside, self._folder.name.encode())
            self._disk.link(aside, path)
        except FileExistsError:
            return False
        except OSError:  # a full disk, or files that cannot have two names: nothing is shared
            return True
        finally:
            remove_if_there(self._disk, aside)
        return True

    def _lives(self, holder: str) -> bool:
        folder = self._store.root / "attempts" / holder
        if not holder or not is_folder(self._disk, folder) or is_abandoned(folder):
            return False
        beat, now = _read(self._disk, folder / _BEAT), time.monotonic()
        seen, since = self._seen.get(holder, ("", now))
        if holder not in self._seen or beat != seen:
            self._seen[holder] = beat, now
            return True
        return now - since < self._patience

    def _break(self, path: Path, holder: str) -> bool:
        """Remove the lease of a run that is gone; False where it is another's meanwhile."""
        aside = self._folder / uuid4().hex
        try:
            self._disk.rename(path, aside)
        except FileNotFoundError:
            return True
        broken = _read(self._disk, aside) == holder
        if not broken:
            with suppress(FileExistsError):
                self._disk.link(aside, path)
        remove_if_there(self._disk, aside)
        return broken


@contextmanager
def leasing(store: Store, *, beat: float = 5.0, patience: float = 60.0) -> Iterator[Leases]:
    """The leases of a run, whose count goes up every so many seconds until it is over.

    A run of another host that shows no sign for `patience` seconds is taken to be gone.
    """
    over = threading.Event()
    with store.scratch("run") as folder:
        leases = Leases(store, folder, patience=patience)

        def live() -> None:
            count = 0
            while not over.is_set():
                count += 1
                leases.beat(count)
                over.wait(beat)

        thread = threading.Thread(target=live, daemon=True)
        thread.start()
        try:
            yield leases
        finally:
            over.set()
            thread.join()
            leases.end()


def _read(disk: FileSystem, path: Path) -> str:
    """What a small file says; nothing where it is gone."""
    try:
        return disk.read(path, _MOST_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
