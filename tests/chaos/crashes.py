"""A process dies before or after any operation on the disk, or any request to object storage.

What dies leaves what it had done. After an operation that only reads that is the same as before
it, so that a state is resumed once, whatever points lead to it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.chaos.cases import Place, Row, made_disk, made_world, resume, timed, undisturbed
from tests.chaos.disk import CHANGES
from tests.chaos.fixture import made_plan
from tests.chaos.invariants import check_whole
from tests.chaos.storage import PUTS, Act
from tests.chaos.world import run


def local(every: int = 1, seeds: int = 3) -> Row:
    """On a disk; of its states every so many-th is resumed, by turns by another host."""
    expected = undisturbed(seeds)
    with timed(Row("crash before and after every operation on the disk")) as row:
        place, plan = Place(made_disk()), made_plan(seeds)
        world = made_world(place)
        world.start("host")
        states = 0

        def crash() -> None:
            nonlocal states
            states += 1
            if states % every == 0:
                with row.watched(f"operation {row.faults // 2}"):
                    copy = Place(place.disk.copy())
                    check_whole(copy.committed)
                    host = "other" if states % 5 == 0 else "host"
                    resume(
                        copy, plan, row, earlier=world.steps, host=host, dead=1, expected=expected
                    )

        def watch(name: str, path: Path) -> None:
            if name in CHANGES:
                crash()
            row.faults += 2

        place.disk.watch = watch
        run(plan, place.store)
        crash()
    return row


def bucket(every: int = 1, seeds: int = 3) -> Row:
    """On object storage; by turns the machine comes back with its cache, or another begins anew."""
    expected = undisturbed(seeds)
    with timed(Row("crash before and after every request to object storage")) as row:
        place, plan = Place(made_disk(), {}), made_plan(seeds)
        world = made_world(place)
        world.start("host")
        states = 0

        def crash() -> None:
            nonlocal states
            states += 1
            if states % every == 0:
                with row.watched(f"request {row.faults // 2}"):
                    assert place.objects is not None
                    comes_back = states % 2 == 0
                    disk = place.disk.copy() if comes_back else made_disk()
                    copy = Place(disk, dict(place.objects))
                    check_whole(copy.committed)
                    host = "host" if comes_back else "other"
                    resume(
                        copy, plan, row, earlier=world.steps, host=host, dead=1, expected=expected
                    )

        def ask(name: str, key: str, act: Act) -> Any:
            if name in PUTS:
                crash()
            row.faults += 2
            return act()

        place.ask = ask
        run(plan, place.store)
        crash()
    return row


ALL: tuple[Callable[[], Row], ...] = (local, bucket)
