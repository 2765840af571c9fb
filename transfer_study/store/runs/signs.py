"""That a process with attempts in a store lives, as it shows to other hosts, and what they sweep.

A host knows of its own processes whether they are there; of those of another host, of another
container, or of before it was started anew, it knows only what they show. A process that has had
attempts for a minute shows a count, which goes up once a minute. Whoever runs stages looks at the
attempts of others, and removes those of a process that has shown nothing new for half an hour by
the clock of who looks: so one that lives keeps its own, whatever any clock says.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from transfer_study.errors import StoreError
from transfer_study.store.runs.attempts import new_attempt, owner, this_host
from transfer_study.store.storage.file_system import make_folders, remove_tree

if TYPE_CHECKING:
    from transfer_study.store.store import Store

BEAT, LEASES = "beat", "leases"
BETWEEN, PATIENCE = 60.0, 1800.0  # seconds


class Signs:
    """The signs of life of this process in a store, for as long as it has attempts there."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._living = 0
        self._over = threading.Event()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show signs while this lasts; several at once are one."""
        with self._lock:
            self._living += 1
            if self._living == 1:
                self._over = threading.Event()
                threading.Thread(target=self._show, args=[self._over], daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._living -= 1
                if not self._living:
                    self._over.set()

    def _show(self, over: threading.Event) -> None:
        folder: Path | None = None
        count = 0
        while not over.wait(BETWEEN):
            count += 1
            with suppress(OSError, StoreError):  # it must not end what it only cannot show
                if folder is None:
                    folder = self._store.root / "attempts" / new_attempt("alive")
                    make_folders(self._store.disk, folder)
                self._store.tell(folder, BEAT, str(count).encode())
        if folder is not None:
            with suppress(OSError, StoreError):
                self._store.notes.remove(f"attempts/{folder.name}")
                remove_tree(self._store.disk, folder)


class Sweeping:
    """Removes what processes elsewhere have left that are gone; to be asked again and again."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[object, float]] = {}

    def look(self) -> None:
        """Remove the attempts of who has shown nothing new for long, and leases of no run."""
        with suppress(OSError, StoreError):
            for names in self._silent():
                for name in names:
                    self._store.notes.remove(f"attempts/{name}")
            for stage in self._store.notes.names(LEASES):
                key = f"{LEASES}/{stage}"
                holder = self._store.notes.read(key)
                if holder and not self._store.is_attempt(holder.decode(errors="replace")):
                    self._store.notes.remove(key)

    def _silent(self) -> Iterator[list[str]]:
        """The attempts of each process elsewhere that has shown nothing new for long."""
        of: dict[tuple[str, str], list[str]] = defaultdict(list)
        for name in self._store.notes.names("attempts"):
            made = owner(name)
            if made is not None and made[0] != this_host():
                of[made].append(name)
        now = self._clock()
        for process in self._seen.keys() - of.keys():
            del self._seen[process]
        for process, names in of.items():
            shown = [(name, self._store.told(name, BEAT)) for name in sorted(names)]
            before, since = self._seen.get(process, (None, now))
            if before != shown:
                self._seen[process] = shown, now
            elif now - since >= PATIENCE:
                yield names
