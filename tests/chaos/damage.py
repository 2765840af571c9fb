"""What lies in a store is damaged: one bit, an end that is missing, another's file, none at all.

It is found when it is read, and never loaded; a state in mid-training that is damaged counts as not
there. A cache of object storage is mended by itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tests.chaos import world as world_module
from tests.chaos.cases import Place, Row, made_disk, made_world, resume, timed, undisturbed
from tests.chaos.disk import File
from tests.chaos.fixture import made_plan
from tests.chaos.invariants import PARTS, table
from tests.chaos.world import ROOT, Violation, run
from transfer_study.errors import StoreError
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage


def damages(content: bytes, other: bytes, rng: random.Random) -> Iterator[bytes | None]:
    """The bytes that may be found in the place of others; None where the file is gone."""
    at = rng.randrange(len(content))
    yield content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
    yield content[: rng.randrange(len(content))]
    yield content[:-1]
    yield content + b"\n"
    yield bytes(len(content))
    yield b""
    yield other
    yield None


def _read(store: Store, stage: Stage) -> dict[str, bytes]:
    """All that is read of a stage; raises StoreError."""
    found = {file: store.read(stage, file) for file in store.files(stage)}
    if store.has_model(stage):
        folder = store.checked_model(stage)
        found["weights"] = store.disk.read(folder / "weights", 9_999)
    return found


def at_rest(seeds: int = 1, seed: int = 0) -> Row:
    """Every file and record of a store on disk, damaged in each way."""
    rng = random.Random(seed)
    with timed(
        Row("damage at rest: flips, truncation, swapped and missing files", str(seed))
    ) as row:
        place, plan = Place(made_disk()), made_plan(seeds)
        made_world(place).start("host")
        run(plan, place.store)
        for stage in plan:
            whole = _read(place.store, stage)
            for part in PARTS:
                for file, other in _files(place, part, stage, rng):
                    for damaged in damages(*_contents(place, file, other), rng):
                        row.faults += 1
                        with row.watched(f"{file}"), _damaged(place, file, damaged):
                            _found_out(place.store, stage, whole)
        row.resumed = 1
        resume(place, plan, row, expected=undisturbed(seeds))
    return row


def _found_out(store: Store, stage: Stage, whole: dict[str, bytes]) -> None:
    try:
        found = _read(store, stage)
    except StoreError:
        return
    if found != {file: whole.get(file) for file in found}:
        raise Violation("I2: what is damaged was read as if it were whole")


def _files(
    place: Place, part: str, stage: Stage, rng: random.Random
) -> Iterator[tuple[Path, Path]]:
    """The files of a stage, each with one of another stage in its place."""
    folder = ROOT / part / stage.name
    names = sorted(place.disk.files(folder))
    others = [
        path for path in place.store.committed.names(_part(place, part)) if path != stage.name
    ]
    for name in names:
        with_it = [o for o in others if name in place.disk.files(ROOT / part / o)]
        yield folder / name, ROOT / part / rng.choice(with_it or others or [stage.name]) / name


def _part(place: Place, part: str):  # type: ignore[no-untyped-def]
    from transfer_study.store.storage.commit_record import Part

    return next(one for one in Part if one.folder == part)


def _contents(place: Place, file: Path, other: Path) -> tuple[bytes, bytes]:
    found = place.disk.node(file)
    assert type(found) is File
    try:
        there = place.disk.node(other)
    except FileNotFoundError:
        return found.content, b"another"
    assert type(there) is File
    return found.content, there.content


class _damaged:  # noqa: N801  (a context)
    """Within, a file of a disk has other bytes, or is not there."""

    def __init__(self, place: Place, file: Path, content: bytes | None) -> None:
        self._folder = place.disk.node(file.parent)
        self._name, self._content = file.name, content

    def __enter__(self) -> None:
        entries = self._folder.entries  # type: ignore[union-attr]
        self._was = entries[self._name]
        if self._content is None:
            del entries[self._name]
        else:
            entries[self._name] = File(self._content)

    def __exit__(self, *error: object) -> None:
        self._folder.entries[self._name] = self._was  # type: ignore[union-attr]


def states(every: int = 1, seeds: int = 0, seed: int = 0) -> Row:
    """A run dies after each state that it keeps, which is then damaged; the one before is taken."""
    rng, expected = random.Random(seed), undisturbed(seeds)
    with timed(Row("damaged checkpoints", str(seed))) as row:
        place, plan = Place(made_disk()), made_plan(seeds)
        world = made_world(place)
        world.start("host")
        last: list[str] = []

        def watch(name: str, path: Path) -> None:
            kept = place.disk.files(ROOT / "checkpoints")
            if [*kept] == last or name == "hash":
                return
            last[:] = [*kept]
            for key in kept:
                for damaged in damages(kept[key], b"9 other", rng):
                    row.faults += 1
                    with row.watched(key):
                        copy = Place(place.disk.copy())
                        _damaged(copy, ROOT / "checkpoints" / key, damaged).__enter__()
                        resume(copy, plan, row, earlier=world.steps, dead=1, expected=expected)

        place.disk.watch = watch
        run(plan, place.store)
    return row


def objects(seeds: int = 0, seed: int = 0) -> Row:
    """Every object of a bucket, read by a new machine; and every file of a cache."""
    rng = random.Random(seed)
    with timed(Row("damaged objects, damaged caches", str(seed))) as row:
        place, plan = Place(made_disk(), {}), made_plan(seeds)
        made_world(place).start("host")
        run(plan, place.store)
        assert place.objects is not None
        whole = {stage.name: _read(place.store, stage) for stage in plan}
        keys = [key for key in place.objects if key.split("/")[0] in (*PARTS, "files")]
        for key in keys:
            was = place.objects[key]
            for damaged in damages(was, place.objects[rng.choice(keys)], rng):
                row.faults += 1
                _set(place.objects, key, damaged)
                for stage in plan:
                    with row.watched(key):
                        new = Place(made_disk(), place.objects).store
                        if new.is_done(stage):
                            _found_out(new, stage, whole[stage.name])
                place.objects[key] = was
        for stage in plan:
            _cache(row, place, stage, whole[stage.name], rng)
        world_module.here.now += 10
        resume(place, plan, row, expected=undisturbed(seeds))
    return row


def _cache(
    row: Row, place: Place, stage: Stage, whole: dict[str, bytes], rng: random.Random
) -> None:
    for part in PARTS:
        for name in sorted(place.disk.files(ROOT / part / stage.name)):
            file = ROOT / part / stage.name / name
            for damaged in damages(*_contents(place, file, ROOT / "none"), rng):
                row.faults += 1
                with row.watched(f"cache {file}"):
                    _damaged(place, file, damaged).__enter__()
                    world_module.here.now += 10
                    if _read(place.store, stage) != whole:
                        raise Violation("I2: a damaged cache was not mended")


def _set(objects: dict[str, bytes], key: str, content: bytes | None) -> None:
    if content is None:
        del objects[key]
    else:
        objects[key] = content


def other_code(seed: int = 0) -> Row:
    """A run dies after it has kept a state, and one of other code goes on: from the start."""
    with timed(Row("a checkpoint of other code", str(seed))) as row:
        plan = made_plan(0)
        plan = replace(plan, stages=plan.stages[:1])
        tables = {}
        for code in ("code", "other"):
            place = Place(made_disk())
            world = made_world(place)
            world.code = code
            world.start("host")
            run(plan, place.store)
            tables[code] = table(place.committed)
        place = Place(made_disk())
        world = made_world(place)
        world.start("host")
        seen: set[str] = set()

        def watch(name: str, path: Path) -> None:
            kept = {*place.disk.files(ROOT / "checkpoints")} - seen
            seen.update(kept)
            for key in kept:
                row.faults += 1
                with row.watched(key):
                    copy = Place(place.disk.copy())
                    resume(copy, plan, row, dead=1, expected=tables["other"], code="other")

        place.disk.watch = watch
        run(plan, place.store)
    return row


ALL: tuple[Callable[[], Row], ...] = (at_rest, states, objects, other_code)
