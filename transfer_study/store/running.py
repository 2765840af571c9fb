"""Which stages run where and since when, as the processes that run them say in the store.

A stage that runs has a directory among the store's attempts with `running.json`, written when it
begins and after each epoch, and gone when it ends.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pydantic import Field

from transfer_study.errors import StoreError
from transfer_study.store.store import Store
from transfer_study.study.frozen import Frozen
from transfer_study.study.stage import Stage

_FILE = "running.json"
_MOST_TIME = 32_503_680_000  # the year 3000


class Running(Frozen):
    """A stage, by its id, that a process of a host runs; times in seconds since 1970."""

    stage: str
    host: str
    process: int
    since: float = Field(ge=0, le=_MOST_TIME)
    told: float = Field(ge=0, le=_MOST_TIME)  # when it last gave a sign
    epoch: int = Field(ge=0)  # how many are over
    parents: tuple[str, ...] = ()  # by their ids


@contextmanager
def tell_running(stage: Stage, store: Store) -> Iterator[Callable[[int], None]]:
    """Say in the store that this process runs the stage; to be told of each epoch that is over."""
    since = time.time()
    with store.attempt(stage) as folder:

        def tell(epoch: int) -> None:
            said = Running(
                stage=stage.id,
                host=socket.gethostname(),
                process=os.getpid(),
                since=since,
                told=time.time(),
                epoch=epoch,
                parents=tuple(parent.id for parent in stage.parents),
            )
            with suppress(OSError, StoreError):  # it must not end what it only cannot show
                store.tell(folder, _FILE, said.model_dump_json().encode())

        tell(0)
        yield tell


def running(store: Store) -> list[Running]:
    """What runs now, the longest first; of other hosts what last gave a sign there."""
    found = []
    for content in store.told_by_all(_FILE):
        with suppress(ValueError):
            found.append(Running.model_validate_json(content))
    return sorted(found, key=lambda one: one.since)
