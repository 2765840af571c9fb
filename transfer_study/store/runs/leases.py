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

from transfer_study.errors import StoreError
from transfer_study.store.runs.attempts import is_abandoned
from transfer_study.store.runs.signs import BEAT, LEASES, Sweeping
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage

# A look at what others have left, so many signs of life apart.
_LOOK = 12


class Leases:
    """The stages that a run has taken, and those that it finds taken."""

    def __init__(self, store: Store, folder: Path, *, patience: float) -> None:
        self._store = store
        self._notes = store.notes
        self._folder = folder
        self._own = folder.name.encode()
        self._patience = patience
        # The beats of others, and since when they are.
        self._seen: dict[str, tuple[bytes | None, float]] = {}

    def take(self, stage: Stage) -> bool:
        """Take a stage that nobody has; False where a run has it that lives."""
        key = f"{LEASES}/{stage.name}"
        for _ in range(2):
            holder = self._notes.read(key)
            if holder == self._own:
                return True
            if holder is None:
                try:
                    if self._notes.create(key, self._own, self._folder):
                        return True
                except OSError:  # a full disk, files that cannot have two names: nothing is shared
                    return True
                continue
            if self._lives(holder.decode(errors="replace")):
                return False
            if self._notes.exchange(key, self._own, holder, self._folder):
                return True
        return False

    def give_back(self, stage: Stage) -> None:
        """A stage is over, whether it is committed or not."""
        self._remove(f"{LEASES}/{stage.name}")

    def _remove(self, key: str) -> None:
        if self._notes.read(key) == self._own:
            self._notes.remove(key)

    def beat(self, count: int) -> None:
        """Show that this run lives."""
        with suppress(OSError, StoreError):  # it must not end what it only cannot show
            self._store.tell(self._folder, BEAT, str(count).encode())

    def end(self) -> None:
        """Give back all that is still taken."""
        with suppress(OSError, StoreError):
            for name in self._notes.names(LEASES):
                self._remove(f"{LEASES}/{name}")

    def _lives(self, holder: str) -> bool:
        if not holder or is_abandoned(holder):
            return False
        beat, now = self._store.told(holder, BEAT), time.monotonic()
        if beat is None and not self._store.is_attempt(holder):
            return False
        seen, since = self._seen.get(holder, (None, now))
        if holder not in self._seen or beat != seen:
            self._seen[holder] = beat, now
            return True
        return now - since < self._patience


@contextmanager
def leasing(store: Store, *, beat: float = 5.0, patience: float = 60.0) -> Iterator[Leases]:
    """The leases of a run, whose count goes up every so many seconds until it is over.

    A run of another host that shows no sign for `patience` seconds is taken to be gone. What runs
    have left that are gone is swept meanwhile.
    """
    over = threading.Event()
    with store.scratch("run") as folder:
        leases, sweeping = Leases(store, folder, patience=patience), Sweeping(store)
        leases.beat(0)  # before it takes anything

        def live() -> None:
            count = 0
            while not over.wait(beat):
                count += 1
                leases.beat(count)
                if count % _LOOK == 1:
                    sweeping.look()

        thread = threading.Thread(target=live, daemon=True)
        try:
            thread.start()
            yield leases
        finally:
            over.set()
            if thread.is_alive():
                thread.join()
            leases.end()
