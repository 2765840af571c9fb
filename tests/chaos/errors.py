"""An operation on the disk fails, once or from then on: no room, broken, forbidden, stale."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from tests.chaos.cases import Place, Row, made_disk, made_world, resume, timed, undisturbed
from tests.chaos.fixture import made_plan
from tests.chaos.invariants import check_whole
from tests.chaos.world import Violation, run
from transfer_study.errors import StudyError

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.ESTALE)


def count_operations(seeds: int) -> int:
    """How many operations an undisturbed run has."""
    place, count = Place(made_disk()), 0

    def watch(name: str, path: Path) -> None:
        nonlocal count
        count += 1

    place.disk.watch = watch
    made_world(place).start("host")
    run(made_plan(seeds), place.store)
    return count


def errors(every: int = 1, seeds: int = 1) -> Row:
    """Each operation fails, by turns with each error, once and from then on."""
    expected = undisturbed(seeds)
    with timed(Row("ENOSPC, EIO, EACCES, ESTALE at the n-th operation")) as row:
        for n in range(0, count_operations(seeds), every):
            for for_good in (False, True):
                number = ERRORS[n // every % 4]
                with row.watched(f"{errno.errorcode[number]} at {n}, for good: {for_good}"):
                    row.faults += 1
                    _one(row, n, number, for_good, seeds, expected)
    return row


def _one(
    row: Row,
    n: int,
    number: int,
    for_good: bool,
    seeds: int,
    expected: dict[tuple[str, str], bytes],
) -> None:
    place, plan, count = Place(made_disk()), made_plan(seeds), 0

    def watch(name: str, path: Path) -> None:
        nonlocal count
        count += 1
        if (count > n + 1 and for_good) or count == n + 1:
            raise OSError(number, os.strerror(number), str(path))

    place.disk.watch = watch
    world = made_world(place)
    world.start("host")
    try:
        run(plan, place.store)
        told = list(world.failures)
    except StudyError as error:
        told = [f"StoreError: {error}"]
    except OSError as error:
        told = [str(error)]
    for said in told:
        if os.strerror(number) not in said and "StoreError" not in said:
            raise Violation(f"I7: the error that is told is another: {said}")
    if (
        not for_good
        and len({name for name, _ in world.begun.items()}) < len(plan) // 2
        and not told
    ):
        raise Violation("I7: the run ended early and said nothing")
    check_whole(place.committed)
    resume(place, plan, row, dead=1, expected=expected)
    row.repeated += sum(1 for name, count in world.begun.items() if count > 1)


ALL: tuple[Callable[[], Row], ...] = (errors,)
