"""The power goes before any operation on the disk: what was not forced to it may be lost or torn.

Of the changes of entries that are pending any may have reached the disk; of a file whose bytes are
not forced to it any part may have, cut at 0, 1, around every sector and before the last byte, what
is behind that missing or zero.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.chaos.cases import Place, Row, made_disk, made_world, resume, timed, undisturbed
from tests.chaos.disk import CHANGES, File, MemoryDisk
from tests.chaos.fixture import made_plan
from tests.chaos.invariants import check_stays, check_whole
from tests.chaos.world import Violation, run

_SECTOR = 512


def cuts(size: int) -> list[int]:
    """Where a file of so many bytes is cut."""
    around = (n + off for n in range(_SECTOR, size + 1, _SECTOR) for off in (-1, 0, 1))
    return sorted({n for n in (0, 1, *around, size - 1) if 0 <= n < size})


def states(disk: MemoryDisk, rng: random.Random) -> Iterator[MemoryDisk]:
    """What may be found of a disk: each way in turn, and some mixed by chance."""
    n = len(disk.pending)
    everything, whole = range(n), lambda file: file.content
    yield disk.after_power_loss()  # all of it dropped
    yield disk.after_power_loss(everything)  # no bytes, all names
    yield disk.after_power_loss((), whole)  # all bytes, no names
    for k in range(max(0, n - 3), n):
        yield disk.after_power_loss(range(k), whole)  # in order, up to here
        yield disk.after_power_loss([i for i in everything if i != k], whole)  # all but this one
        yield disk.after_power_loss([k], whole)  # this one alone
    for file in disk.unsynced():
        if len(file.content) > 256:  # signs of life and notes are looked at whole
            for cut in cuts(len(file.content)):
                yield disk.after_power_loss(everything, _torn(file, cut))
    for _ in range(2):
        kept = [i for i in everything if rng.random() < 0.5]
        yield disk.after_power_loss(kept, _torn_by_chance(rng))


def _torn(torn: File, cut: int) -> Callable[[File], bytes]:
    return lambda file: file.content[: cut if file is torn else None]


def _torn_by_chance(rng: random.Random) -> Callable[[File], bytes]:
    def content(file: File) -> bytes:
        cut = rng.choice([0, 1, len(file.content), *cuts(len(file.content))])
        rest = b"" if rng.random() < 0.5 else bytes(len(file.content) - cut)
        return file.content[:cut] + rest

    return content


def power(every: int = 25, seeds: int = 3, seed: int = 0) -> Row:
    """All states are looked at; every so many-th is resumed, on a machine that was started anew."""
    expected = undisturbed(seeds)
    rng = random.Random(seed)
    with timed(Row("loss of power: unsynced writes dropped, late, torn", str(seed))) as row:
        place, plan = Place(made_disk(tracks=True)), made_plan(seeds)
        world = made_world(place)
        world.start("host")
        promised: set[tuple[str, str]] = set()
        world.published = lambda part, name: promised.add((part, name))

        def watch(name: str, path: Path) -> None:
            if name not in CHANGES and name != "sync":
                return
            live = {key: of for key, of in place.committed.items() if key in promised}
            for disk in states(place.disk, rng):
                row.faults += 1
                found = Place(disk)
                with row.watched(f"state {row.faults}"):
                    committed = found.committed
                    check_whole(committed)
                    if promised - {*committed}:
                        raise Violation("I1: what was said to be committed is gone")
                    check_stays(live, committed)
                    if row.faults % every == 0:
                        resume(
                            found,
                            plan,
                            row,
                            earlier=world.steps,
                            host="anew",
                            dead=1,
                            expected=expected,
                        )

        place.disk.watch = watch
        run(plan, place.store)
    return row


ALL: tuple[Callable[[], Row], ...] = (power,)
