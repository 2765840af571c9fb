"""Whether a machine of a cluster may be given work, which a worker finds out there before its own.

Its program must be that of the command, and the store that it sees the command's: what it commits
elsewhere nobody has.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from typing_extensions import Self

from transfer_study.errors import StoreError
from transfer_study.execute.program import Program
from transfer_study.store.open_store import open_store
from transfer_study.store.store import Store

_SIGN, _SUSPENDED = "sign", "suspended"


@dataclass(frozen=True)
class Sign:
    """What is told in the store, by whom: who reads something else there sees another store."""

    attempt: str
    text: str

    @classmethod
    def put(cls, store: Store, folder: Path) -> Self:
        """A new one, told by this attempt."""
        sign = cls(folder.name, uuid4().hex)
        store.tell(folder, _SIGN, sign.text.encode())
        return sign

    def is_seen(self, store: str) -> bool:
        """Whether it can be read here."""
        try:
            return open_store(store).told(self.attempt, _SIGN) == self.text.encode()
        except (OSError, StoreError):
            return False

    def is_suspended(self, store: Store) -> bool:
        """Whether workers are asked to stop."""
        try:
            return store.told(self.attempt, _SUSPENDED) is not None
        except StoreError:  # the stage will hear of it when it is done
            return False


def ask_workers_to_stop(suspended: threading.Event, store: Store, scratch: Path) -> None:
    """Once this process is asked to stop, let them know."""
    suspended.wait()
    store.tell(scratch, _SUSPENDED, b"")


@dataclass(frozen=True)
class Probe:
    """How a machine must be: as the one on which the command was given."""

    store: str
    sign: Sign
    program: Program

    def unfit(self) -> str | None:
        """Why this machine must be given nothing, in words that begin with its name."""
        if not self.sign.is_seen(self.store):
            return f"does not see the store at {self.store}"
        return self.program.unlike(Program.here())
