"""Which stages of a store a process counts on, as it says there for as long as it lives.

A run has settled which stages it need not train again before it starts the first, and an export
reads weights that it has just made: what they count on must stay until they are over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from transfer_study.store.runs.running import running
from transfer_study.store.store import Store
from transfer_study.study.frozen import Frozen
from transfer_study.study.stage import Stage

_FILE = "held.json"


class Held(Frozen):
    """The ids of the stages that a process counts on."""

    stages: tuple[str, ...]


@contextmanager
def hold(store: Store, stages: Iterable[Stage]) -> Iterator[None]:
    """Say in the store that this process counts on these stages and on their weights."""
    with store.scratch("held") as folder:
        said = Held(stages=tuple(stage.id for stage in stages)).model_dump_json()
        store.tell(folder, _FILE, said.encode())
        yield


def held(store: Store) -> frozenset[str]:
    """The ids of all stages that a living process counts on, or one of another host may."""
    found: set[str] = set()
    for content in store.told_by_all(_FILE):
        with suppress(ValueError):
            found.update(Held.model_validate_json(content).stages)
    for one in running(store):
        found.update((one.stage, *one.parents))
    return frozenset(found)
