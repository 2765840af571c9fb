"""Bugs planted in the code under test, one at a time: the harness has to find each of them.

A plant is a patch in memory, and names the case, in a short form, that is to find it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.chaos import crashes, damage, errors, fields, power, requests, sweeps, world
from tests.chaos.cases import Row, undisturbed
from transfer_study.execute.schedule import Schedule
from transfer_study.store import checkpoints
from transfer_study.store import store as store_module
from transfer_study.store.checked_files import CheckedFiles
from transfer_study.store.checkpoints import Checkpoints
from transfer_study.store.runs import attempts, leases
from transfer_study.store.runs.leases import Leases
from transfer_study.store.storage.bucket import Bucket
from transfer_study.store.storage.commit_record import CommitRecord, Part
from transfer_study.store.storage.committed import OnDisk
from transfer_study.store.storage.file_system import (
    FileSystem,
    exists,
    is_folder,
    make_folders,
    remove_tree,
)
from transfer_study.store.storage.in_bucket import InBucket
from transfer_study.store.storage.notes import FileNotes
from transfer_study.store.storage.object_storage import StorageFault
from transfer_study.store.store import Store
from transfer_study.study import stage as stage_module
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks.task import Task

Case = Callable[[], Row]
CRASH: Case = partial(crashes.local, every=3, seeds=0)
CRASH_EACH: Case = partial(crashes.local, every=1, seeds=0)
CRASH_BUCKET: Case = partial(crashes.bucket, every=1, seeds=0)
POWER: Case = partial(power.power, every=10**6, seeds=0)
ERRORS: Case = partial(errors.errors, every=5, seeds=0)
BY_CHANCE: Case = partial(requests.mixed, 20)
REQUESTS: Case = partial(requests.each, every=4, seeds=0)
ON_DISK: Case = partial(sweeps.sweeps, 24, 0, 0, "disk")
ON_BUCKET: Case = partial(sweeps.sweeps, 24, 0, 0, "bucket")
LONG: Case = partial(sweeps.sweeps, 6, 0, 1, "disk")
DEATHS: Case = partial(sweeps.sweeps, 60, 0, 0, "disk", (("dies",),))
CLOCKS: Case = partial(sweeps.clocks, 16, 5000, 0)
AT_REST: Case = partial(damage.at_rest, 0)
STATES: Case = partial(damage.states, 1, 0)


@dataclass(frozen=True)
class Plant:
    """A bug, what plants it, and the case that has to find it."""

    bug: str
    plant: Callable[[], AbstractContextManager[Any]]
    case: Case


def found(plant: Plant) -> str | None:
    """The first violation that is found with a bug in place; None where it was not noticed."""
    undisturbed(0), undisturbed(1)
    with plant.plant():
        row = plant.case()
    return row.violations[0] if row.violations else None


def put(owner: Any, name: str, value: Any) -> Callable[[], AbstractContextManager[Any]]:
    """Puts something in another's place."""
    return lambda: patch.object(owner, name, value)


class _Unsynced:
    """A disk that leaves out to sync what `skips` says."""

    def __init__(self, disk: FileSystem, skips: Callable[[FileSystem, Path], bool]) -> None:
        self._disk, self._skips = disk, skips

    def __getattr__(self, name: str) -> Any:
        return getattr(self._disk, name)

    def sync(self, path: Path) -> None:
        if not self._skips(self._disk, path):
            self._disk.sync(path)


def _without_sync(
    skips: Callable[[FileSystem, Path], bool],
) -> Callable[[], AbstractContextManager[Any]]:
    publish = OnDisk.publish

    def planted(self: Any, *given: Any) -> bool:
        disk, self._disk = self._disk, _Unsynced(self._disk, skips)
        try:
            return publish(self, *given)
        finally:
            self._disk = disk

    return put(OnDisk, "publish", planted)


def _renamed_before_record(
    self: Any, attempt: Path, part: Part, name: str, record: CommitRecord
) -> bool:
    place = self._folder(part, name)
    make_folders(self._disk, place.parent)
    if exists(self._disk, place):
        return False
    self._disk.rename(attempt, place)
    self._disk.write(place / part.record, record.content)
    return True


def _replacing(self: Any, attempt: Path, part: Part, name: str, record: CommitRecord) -> bool:
    place = self._folder(part, name)
    remove_tree(self._disk, place)
    make_folders(self._disk, place.parent)
    self._disk.write(attempt / part.record, record.content)
    self._disk.rename(attempt, place)
    return True


_of = CommitRecord.of.__func__  # type: ignore[attr-defined]


def _without_a_file(cls: Any, disk: FileSystem, stage: str, attempt: Path) -> CommitRecord:
    whole: CommitRecord = _of(cls, disk, stage, attempt)
    return whole.model_copy(update={"files": dict([*whole.files.items()][:-1])})


def _hashed_by_name(cls: Any, disk: FileSystem, stage: str, attempt: Path) -> CommitRecord:
    whole: CommitRecord = _of(cls, disk, stage, attempt)
    files = {f: one.model_copy(update={"sha256": "0" * 64}) for f, one in whole.files.items()}
    return whole.model_copy(update={"files": files})


def _exists_is_ours(self: Any, key: str, content: bytes) -> bool:
    def create() -> bool:
        try:
            self._storage.create(key, content)
        except FileExistsError:
            return True
        return True

    made: bool = self._try(create)
    return made


def _fault_is_not_ours(self: Any, key: str, content: bytes) -> bool:
    try:
        self._storage.create(key, content)
    except (FileExistsError, StorageFault):
        return False
    return True


def _put_over(self: Any, key: str, content: bytes) -> bool:
    self.put(key, content)
    return True


def _sizes_not_looked_at(self: Any, attempt: Path, files: str, record: CommitRecord) -> None:
    for file in record.files:
        self._bucket.put_file(f"{files}/{file}", attempt / file)


def _record_first(self: Any, attempt: Path, part: Part, name: str, record: CommitRecord) -> bool:
    self.look_again()
    if self.has(part, name) or not self._bucket.create(self._key(part, name), record.content):
        return False
    self._upload(attempt, self._files(part, name, record.attempt), record)
    self.look_again()
    return True


def _faults_are_nothing(self: Any, folder: str) -> tuple[Any, ...]:
    try:
        return tuple(self._storage.objects(folder))
    except StorageFault:
        return ()


def _tried_once(self: Any, ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except StorageFault as fault:
        raise store_module.StoreError(f"the store does not answer ({fault})") from None


def _not_compared(self: Any, key: str, content: bytes, instead_of: bytes, aside: Path) -> bool:
    self.write(key, content, aside, lasting=True)
    return True


def _wall_beat(self: Any, count: int) -> None:
    self._store.tell(self._folder, "beat", str(leases.time.time()).encode())


def _lives_by_wall(self: Any, holder: str) -> bool:
    told = self._store.told(holder, "beat")
    return bool(told) and leases.time.time() - float(told) < self._patience  # type: ignore[no-any-return]


_beat, _init, _identity, _task_identity = (
    Leases.beat, Schedule.__init__, Recipe.identity, Task.identity,
)  # fmt: skip


def _no_parents(self: Any, parents: Any, **more: Any) -> None:
    _init(self, dict.fromkeys(parents, ()), **more)


def _failed_is_done(self: Any, stage: str) -> list[str]:
    self.finish(stage)
    return []


def _of_any_host(attempt: str) -> bool:
    made = attempts._ATTEMPT.fullmatch(attempt)
    return bool(made and not attempts._lives(int(made["process"])))


def _no_way(self: Any, store: Store, stage: Any, way: str) -> None:
    self._store, self._stage = store, stage
    self._key = f"checkpoints/{stage.name}-0"
    self._folder = store.root / self._key


def _any_bytes(self: Any, path: Path, expected: Any) -> bytes | None:
    try:
        content: bytes = self._disk.read(path, 1 << 20)
    except OSError:
        return None
    return content


def _any_file(self: Any, path: Path, expected: Any) -> bool:
    return exists(self._disk, path)


def _no_states(self: Any) -> Iterator[Path]:
    return iter(())


@contextmanager
def _unordered() -> Iterator[None]:
    in_order, code = stage_module._in_order, stage_module._in_order.__code__
    in_order.__code__ = (lambda tasks: tasks).__code__
    try:
        yield
    finally:
        in_order.__code__ = code


_state = world.state

PLANTS = [
    Plant(
        "files are committed that are not synced",
        _without_sync(lambda disk, path: not is_folder(disk, path)),
        POWER,
    ),
    Plant(
        "an attempt's folders are not synced",
        _without_sync(lambda disk, path: "attempts" in path.parts and is_folder(disk, path)),
        POWER,
    ),
    Plant(
        "the folder that a commit is moved to is not synced",
        _without_sync(lambda disk, path: path.name in ("stages", "models")),
        POWER,
    ),
    Plant(
        "a commit is there before its record",
        put(OnDisk, "publish", _renamed_before_record),
        CRASH_EACH,
    ),
    Plant(
        "a record is made before the last file",
        put(CommitRecord, "of", classmethod(_without_a_file)),
        CRASH,
    ),
    Plant(
        "a record has no hashes of the files",
        put(CommitRecord, "of", classmethod(_hashed_by_name)),
        CRASH,
    ),
    Plant("a commit replaces another", put(OnDisk, "publish", _replacing), ON_DISK),
    Plant("409 and 412 are ignored", put(Bucket, "create", _exists_is_ours), ON_BUCKET),
    Plant("a put has no condition", put(Bucket, "create", _put_over), ON_BUCKET),
    Plant("a lost answer is not asked after", put(Bucket, "create", _fault_is_not_ours), BY_CHANCE),
    Plant(
        "sizes of uploads are not looked at",
        put(InBucket, "_upload", _sizes_not_looked_at),
        REQUESTS,
    ),
    Plant("a request is made once", put(Bucket, "_try", _tried_once), REQUESTS),
    Plant(
        "a list that fails is empty",
        put(Bucket, "objects", _faults_are_nothing),
        partial(requests.each, 1, 0),
    ),
    Plant(
        "a record is put before its files", put(InBucket, "publish", _record_first), CRASH_BUCKET
    ),
    Plant("leases are not looked at", put(Leases, "take", lambda self, stage: True), ON_DISK),
    Plant(
        "a lease is broken while its run lives",
        put(Leases, "_lives", lambda self, h: False),
        ON_DISK,
    ),
    Plant("a lease is broken without comparing", put(FileNotes, "exchange", _not_compared), DEATHS),
    Plant("a lease never ends", put(Leases, "_lives", lambda self, holder: bool(holder)), CRASH),
    Plant(
        "signs of life stop after the first",
        put(Leases, "beat", lambda self, n: _beat(self, 0)),
        LONG,
    ),
    Plant(
        "clocks of hosts are compared",
        lambda: patch.multiple(Leases, beat=_wall_beat, _lives=_lives_by_wall),
        CLOCKS,
    ),
    Plant(
        "processes of other hosts are looked for here",
        lambda: patch.multiple(leases, is_abandoned=_of_any_host),
        ON_DISK,
    ),
    Plant(
        "clean-up removes attempts of the living",
        put(store_module, "is_abandoned", lambda attempt: True),
        ON_DISK,
    ),
    Plant("a stage begins before its parents", put(Schedule, "__init__", _no_parents), CRASH),
    Plant("a stage that failed counts as done", put(Schedule, "give_up", _failed_is_done), ERRORS),
    Plant(
        "what is committed is run again", put(Store, "is_done", lambda self, stage: False), CRASH
    ),
    Plant(
        "a checkpoint is not keyed by code",
        put(Checkpoints, "__init__", _no_way),
        damage.other_code,
    ),
    Plant(
        "a checkpoint's hash is not looked at",
        put(Checkpoints, "_is_whole", lambda self, path: True),
        STATES,
    ),
    Plant("one checkpoint is kept", put(checkpoints, "_KEPT", 1), STATES),
    Plant("checkpoints are not found", put(Checkpoints, "newest_first", _no_states), CRASH),
    Plant(
        "examples are fetched ahead of what is kept",
        put(world, "state", lambda done, weights: _state(done + 1, weights)),
        CRASH,
    ),
    Plant("what is read is not hashed", put(CheckedFiles, "_bytes", _any_bytes), AT_REST),
    Plant("weights are not hashed", put(CheckedFiles, "_is_whole", _any_file), AT_REST),
    Plant("an id depends on the order of tasks", _unordered, fields.fields),
    Plant(
        "a field of the recipe is not hashed",
        put(
            Recipe,
            "identity",
            lambda self, tasks=(): {
                k: v for k, v in _identity(self, tasks).items() if k != "warmup"
            },
        ),
        fields.fields,
    ),
    Plant(
        "a task's domain is hashed",
        put(Task, "identity", lambda self: {**_task_identity(self), "domain": self.domain}),
        fields.fields,
    ),
]
