"""Requests to object storage fail: each one by each fault, and many at once by chance.

409, 500, 503 and timeouts are not carried out. A 412 is what a request meets that was carried out
and is sent again; so is a lost answer. An upload that is cut off is kept as far as it came where
it is a file's, and breaks the connection where it is a note or a record. A slow one takes as long
as a request may.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.chaos import world as world_module
from tests.chaos.cases import Place, Row, made_disk, made_world, resume, timed, undisturbed
from tests.chaos.fixture import made_plan
from tests.chaos.invariants import check_whole
from tests.chaos.storage import Act
from tests.chaos.world import Violation, run
from transfer_study.errors import StudyError
from transfer_study.store.storage.object_storage import StaleError, StorageFault

_TIMEOUT = 60.0


def _refused(said: str) -> Callable[[str, Act], Any]:
    def fault(name: str, act: Act) -> Any:
        raise StorageFault(said, again=True)

    return fault


def _met_again(name: str, act: Act) -> Any:
    found = act()
    if name == "create":
        raise FileExistsError
    if name == "swap":
        raise StaleError
    return found


def _timeout(name: str, act: Act) -> Any:
    world_module.here.now += _TIMEOUT
    raise StorageFault("no answer in time", again=True)


def _cut_off(name: str, act: Act) -> Any:
    if name == "put_file":
        return act(100)
    if name in ("put", "create", "swap"):
        raise StorageFault("no answer", again=True)
    return act()


def _lost(name: str, act: Act) -> Any:
    act()
    raise StorageFault("no answer", again=True)


def _slow(name: str, act: Act) -> Any:
    world_module.here.now += _TIMEOUT - 1
    return act()


FAULTS: dict[str, Callable[[str, Act], Any]] = {
    "409": _refused("409 ConditionalRequestConflict"),
    "412": _met_again,
    "500": _refused("500 InternalError"),
    "503": _refused("503 SlowDown"),
    "timeout": _timeout,
    "truncated": _cut_off,
    "lost answer": _lost,
    "slow": _slow,
}


def _disturbed(
    place: Place, seeds: int, at: Callable[[int], str | None], *, seed: int = 0, once: bool = False
) -> int:
    """Run a study whose requests fail as `at` says by their number; how many there were.

    What fails `once` stops nothing.
    """
    count = 0

    def ask(name: str, key: str, act: Act) -> Any:
        nonlocal count
        count += 1
        fault = at(count)
        return act() if fault is None else FAULTS[fault](name, act)

    place.ask = ask
    world = made_world(place, seed)
    world.start("host")
    try:
        run(made_plan(seeds), place.store)
        told = world.failures
    except StudyError as error:
        told = [str(error)]
    for said in told:
        if once or ("does not answer" not in said and "whole" not in said):
            raise Violation(f"I7: told of a fault that passes, or of another: {said}")
    check_whole(place.committed)
    place.ask = lambda name, key, act: act()
    return count


def each(every: int = 1, seeds: int = 0, first: int = 1) -> Row:
    """Each request of a run by each fault; a run goes on by itself whatever fails once."""
    expected = undisturbed(seeds)
    with timed(Row(f"every request to object storage x {len(FAULTS)} faults")) as row:
        n = requests = first
        while n <= requests:
            for fault in FAULTS:
                with row.watched(f"{fault} at request {n}"):
                    row.faults += 1
                    place = Place(made_disk(), {})
                    at = lambda i, f=fault, n=n: f if i == n else None  # noqa: E731
                    requests = _disturbed(place, seeds, at, once=True)
                    resume(place, made_plan(seeds), row, dead=1, expected=expected)
            n += every
    return row


def mixed(count: int = 1000, seeds: int = 0, first: int = 0) -> Row:
    """Requests fail by chance, up to a third of them; after two such runs the rest goes well."""
    expected = undisturbed(seeds)
    with timed(Row("requests that fail by chance", f"{first}-{first + count - 1}")) as row:
        for seed in range(first, first + count):
            rng = random.Random(seed)
            share = rng.choice([0.01, 0.1, 0.3])

            def at(n: int, rng: random.Random = rng, share: float = share) -> str | None:
                if rng.random() >= share:
                    return None
                row.faults += 1
                return rng.choice([*FAULTS])

            with row.watched(f"seed {seed}"):
                place = Place(made_disk(), {})
                for turn in range(2):
                    _disturbed(place, seeds, at, seed=2 * seed + turn)
                resume(place, made_plan(seeds), row, dead=1, expected=expected)
    return row


ALL: tuple[Callable[[], Row], ...] = (each, mixed)
