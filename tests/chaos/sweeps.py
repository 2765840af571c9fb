"""Several sweeps on one store, in turns that chance decides at every operation on it.

Each is the real run in a greenlet, with its signs of life in another. Some are stopped for longer
than a lease lasts, at any moment, and woken; some die. Their clocks may be hours off, run at other
rates and jump. While nobody is stopped no stage is run by two.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from tests.chaos.cases import Place, Row, made_disk, resume, timed, undisturbed
from tests.chaos.disk import MemoryDisk
from tests.chaos.fixture import made_plan
from tests.chaos.invariants import Committed, check_once, check_stays, check_whole
from tests.chaos.storage import Act
from tests.chaos.world import Process, Violation, World, run, use

_LEASE = 60.0
_MOST_TURNS = 400_000


@dataclass(eq=False)
class _Task:
    process: Process
    greenlet: Any
    wake: float = 0.0


@dataclass(eq=False)
class Sweeps(World):
    """A world of several processes."""

    tasks: list[_Task] = field(default_factory=list)
    stopped: dict[Process, float] = field(default_factory=dict)  # until when
    doomed: dict[Process, tuple[str, int]] = field(default_factory=dict)  # what comes when
    jumps: bool = False
    turns: int = 0

    def sleep(self, seconds: float) -> None:
        current = getcurrent()
        task = next((task for task in self.tasks if task.greenlet is current), None)
        if task is None or not task.process.alive:
            raise GreenletExit
        task.wake = self.now + seconds / task.process.rate
        current.parent.switch()  # type: ignore[union-attr]

    def thread(self, target: Callable[[], None]) -> None:
        self.tasks.append(_Task(self.process, greenlet(target, self.tasks[0].greenlet.parent)))

    def operation(self, process: Process) -> None:
        """Before each operation on the store of a process: others may go first, or it may end."""
        if not process.alive:
            raise GreenletExit
        what, left = self.doomed.get(process, ("", 0))
        if what and left == 0:
            del self.doomed[process]
            if what == "dies":
                process.alive = False
                raise GreenletExit
            self.stopped[process] = self.now + self.rng.uniform(2, 6) * _LEASE
            self.sleep(0)
        elif what:
            self.doomed[process] = what, left - 1
        if self.rng.random() < 0.3:
            self.sleep(0)

    def go_on(self) -> None:
        """Let them run, one at a time, until all have ended."""
        while self.tasks:
            self.turns += 1
            if self.turns > _MOST_TURNS:
                raise Violation("I7: the sweeps do not end")
            self.stopped = {p: until for p, until in self.stopped.items() if until > self.now}
            ready = [t for t in self.tasks if t.wake <= self.now and t.process not in self.stopped]
            if not ready:
                waits = (max(t.wake, self.stopped.get(t.process, 0.0)) for t in self.tasks)
                self.now = min(waits)
                continue
            task = self.rng.choice(ready)
            self.process = task.process
            if self.jumps and self.rng.random() < 0.02:
                task.process.wall = self.rng.uniform(-3600, 3600)
            task.greenlet.switch()
            self.tasks = [t for t in self.tasks if not t.greenlet.dead and self._goes_on(t)]

    def _goes_on(self, task: _Task) -> bool:
        if task.process.alive:
            return True
        task.greenlet.throw(GreenletExit)
        return False


def _store(root: Place, world: Sweeps, process: Process, seeds: int) -> Callable[[], None]:
    """A sweep of a process, with a view of the disk, or a cache, of its own."""
    on_disk = root.objects is None
    disk = MemoryDisk(root.disk.root) if on_disk else made_disk()

    def watch(name: str, path: Path) -> None:
        if on_disk:
            world.operation(process)
        elif not process.alive:
            raise GreenletExit

    def ask(name: str, key: str, act: Act) -> Any:
        world.operation(process)
        return act()

    disk.watch = watch
    place = Place(disk, root.objects, ask)
    return lambda: run(made_plan(seeds), place.store)


def sweep(
    row: Row, seed: int, seeds: int, *, bucket: bool, doom: tuple[str, ...], clocks: bool
) -> None:
    """Some sweeps on one store, all as the seed says, and what they leave."""
    rng = random.Random(seed)
    place = Place(made_disk(), {} if bucket else None)
    world = Sweeps(rng, jumps=clocks)
    use(world).is_visible = place.has
    first: Committed = {}

    def published(part: str, name: str) -> None:
        first[part, name] = place.committed[part, name]

    world.published = published
    world.is_disturbed = "stops" in doom
    for n in range(rng.randint(2, 8)):
        clock = {"since": rng.uniform(0, 1e6), "rate": rng.uniform(0.5, 2)} if clocks else {}
        process = world.start(f"host{rng.randint(0, n)}", **clock)
        if doom and n and rng.random() < 0.5:
            row.faults += 1
            world.doomed[process] = rng.choice(doom), rng.randint(5, 40 * len(made_plan(seeds)))
        body = _store(place, world, process, seeds)
        world.tasks.append(_Task(process, greenlet(body), float(rng.randint(0, 3))))
    row.faults += not doom
    world.go_on()
    if world.failures:
        raise Violation(f"I7: {world.failures[0]}")
    check_once(world)
    check_whole(place.committed)
    check_stays(first, place.committed)
    row.repeated += sum(count - 1 for count in world.begun.values())
    row.lost += max(0, sum(world.steps.values()) - 6 * len(made_plan(seeds)))
    resume(place, made_plan(seeds), row, dead=len(world.processes), expected=undisturbed(seeds))


DOOMS = (), ("dies",), ("stops",), ("stops", "dies")


def _many(
    case: str,
    count: int,
    first: int,
    seeds: int,
    *,
    clocks: bool,
    only: str = "",
    dooms: tuple[tuple[str, ...], ...] = DOOMS,
) -> Row:
    """By turns nobody is disturbed, some die, some are stopped, or both; a third is on a bucket."""
    undisturbed(seeds)
    with timed(Row(case, f"{first}-{first + count - 1}")) as row:
        for seed in range(first, first + count):
            bucket = only == "bucket" or (not only and seed % 3 == 0)
            with row.watched(f"seed {seed}"):
                sweep(row, seed, seeds, bucket=bucket, doom=dooms[seed % len(dooms)], clocks=clocks)
    return row


def sweeps(
    count: int = 1000,
    first: int = 0,
    seeds: int = 1,
    only: str = "",
    dooms: tuple[tuple[str, ...], ...] = DOOMS,
) -> Row:
    """On one store, `only` on a disk or bucket where that is said."""
    case = "2 to 8 sweeps on one store: stopped past their lease, killed"
    return _many(case, count, first, seeds, clocks=False, only=only, dooms=dooms)


def clocks(count: int = 200, first: int = 5000, seeds: int = 1) -> Row:
    """Each by clocks of its own."""
    return _many(
        "2 to 8 sweeps whose clocks are off, drift, jump", count, first, seeds, clocks=True
    )


ALL: tuple[Callable[[], Row], ...] = (sweeps, clocks)
