"""What every case does: a world, a store in it, a run that is resumed, and a row of the table."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.chaos import world as world_module
from tests.chaos.disk import Folder, MemoryDisk
from tests.chaos.fixture import made_plan
from tests.chaos.invariants import (
    Committed,
    check_end,
    check_once,
    check_stays,
    in_bucket,
    is_visible,
    lost_steps,
    on_disk,
    table,
)
from tests.chaos.storage import MemoryStorage, Objects
from tests.chaos.world import ROOT, TOY, Process, Violation, World, installed, run, use
from transfer_study.store.storage.bucket import Bucket
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan

# A resumed run may take this long by its own clock beside what it trains, and so many operations.
_MOST_SECONDS, _MOST_OPERATIONS = 600.0, 100_000


@dataclass
class Row:
    """A line of the table: faults injected, states looked at, and what came of them."""

    case: str
    seed: str = "-"
    faults: int = 0
    resumed: int = 0
    lost: int = 0  # steps that were trained twice
    repeated: int = 0  # stages that were begun again
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @contextmanager
    def watched(self, where: str) -> Iterator[None]:
        """Within, a violation is counted."""
        try:
            yield
        except Violation as violation:
            self.violations.append(f"{violation} ({where})")
        except Exception as error:  # an error without a name is one too
            self.violations.append(f"I7: {type(error).__name__}: {error} ({where})")


@contextmanager
def timed(row: Row) -> Iterator[Row]:
    """The time that a case takes, in the world that is simulated."""
    began = time.perf_counter()
    with installed():
        yield row
    row.seconds = time.perf_counter() - began


def made_disk(*, tracks: bool = False) -> MemoryDisk:
    """An empty disk with the folder that the store is to be made in."""
    disk = MemoryDisk(tracks=tracks)
    above = Folder()
    disk.root.entries[ROOT.parts[1]] = disk.root.durable[ROOT.parts[1]] = above
    return disk


@dataclass
class Place:
    """A store's disk and, where it has one, its bucket; and what is committed there."""

    disk: MemoryDisk
    objects: Objects | None = None
    ask: Callable[..., object] = lambda name, key, act: act()

    @property
    def store(self) -> Store:
        """The store as a new process finds it."""
        if self.objects is None:
            return Store(ROOT, self.disk)
        storage = MemoryStorage(self.objects, self.disk, self.ask)  # type: ignore[arg-type]
        return Store(ROOT, self.disk, Bucket("s3://chaos/p", storage))

    @property
    def committed(self) -> Committed:
        """All that is committed."""
        return on_disk(self.disk) if self.objects is None else in_bucket(self.objects)

    def has(self, part: str, name: str) -> bool:
        """Whether a stage's record of this part is there."""
        if self.objects is None:
            return is_visible(self.disk, part, name)
        record = {"stages": "result.json", "models": "model.json"}[part]
        return f"{part}/{name}/{record}" in self.objects

    def everything(self) -> tuple[dict[str, bytes], Objects]:
        """All bytes of the store."""
        return self.disk.files(ROOT), dict(self.objects or {})


def made_world(place: Place, seed: int = 0) -> World:
    """A world around a store, in use from now on."""
    world = use(World(random.Random(seed)))
    world.is_visible = place.has
    return world


@cache
def undisturbed(seeds: int = 3) -> dict[tuple[str, str], bytes]:
    """What comes out of a run that nothing happens to."""
    before, place = world_module.here, Place(made_disk())
    with installed():
        made_world(place).start("host")
        run(made_plan(seeds), place.store)
    use(before)
    assert all(stage.name in {name for _, name in place.committed} for stage in made_plan(seeds))
    return table(place.committed)


def resume(
    place: Place,
    plan: Plan,
    row: Row,
    *,
    earlier: Counter[str] | None = None,
    host: str = "host",
    dead: int = 0,
    expected: dict[tuple[str, str], bytes] | None = None,
    code: str = "code",
) -> None:
    """Run what is left to its end, check all of it, and run once more.

    `earlier` are the steps that were trained before; `dead` is how many processes of this host
    there were.
    """
    before, was = world_module.here, place.committed
    world = made_world(place, seed=dead)
    world.processes = [Process(host, 100 + n, alive=False) for n in range(dead)]
    world.start(host)
    world.code = code
    operations = 0

    def watch(name: str, path: Path) -> None:
        nonlocal operations
        operations += 1
        if operations > _MOST_OPERATIONS or world.now > _MOST_SECONDS + TOY * len(plan):
            raise Violation("I7: the resumed run does not end")

    place.disk.watch = watch
    try:
        run(plan, place.store)
        if world.failures:
            raise Violation(f"I7: {world.failures[0]}")
        after = place.committed
        check_stays(was, after)
        check_once(world)
        check_end(after, plan, undisturbed() if expected is None else expected)
        if earlier is not None:
            row.lost += lost_steps(earlier, world.steps)
            row.repeated += sum(1 for name in world.begun if earlier[name])
        everything = place.everything()
        run(plan, place.store)
        if place.everything() != everything:
            raise Violation("I8: a second resumption changes what is there")
        row.resumed += 1
    finally:
        use(before)
