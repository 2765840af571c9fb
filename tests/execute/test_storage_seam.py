"""The one seam between a store and the disk: nothing of a store goes past it."""

from __future__ import annotations

import errno
import os
import sys
from functools import wraps
from pathlib import Path
from typing import Any

from transfer_study.execute.executor import Todo
from transfer_study.execute.in_process import InProcess
from transfer_study.execute.progress import Progress
from transfer_study.store.prune import prunable, remove
from transfer_study.store.runs.held import hold
from transfer_study.store.storage.file_system import (
    DISK,
    FileSystem,
    make_folders,
    remove_tree,
    replace,
)
from transfer_study.store.store import Store
from transfer_study.store.trials import Trial, keep_trial, read_trial
from transfer_study.study.plan import Plan

OPERATIONS = [name for name in vars(FileSystem) if not name.startswith("_")]
CHANGES = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link", "os.chmod"}
# Written in an attempt by safetensors and transformers themselves.
LIBRARYS = ("config.json", "body.safetensors", "heads.safetensors")


class Watched(FileSystem):
    """The disk with a log of what is done; the operation of this number in it finds it full."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.full_at = -1
        self.within = 0
        for name in OPERATIONS:
            setattr(self, name, self._watched(name, getattr(self, name)))

    def _watched(self, name: str, act: Any) -> Any:
        @wraps(act)
        def watched(*given: Any, **more: Any) -> Any:
            self.log.append(name)
            if len(self.log) == self.full_at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(given[0]))
            self.within += 1
            try:
                return act(*given, **more)
            finally:
                self.within -= 1

        return watched


def test_all_that_a_study_does_to_its_store_goes_through_the_seam(
    plan: Plan, tmp_path: Path
) -> None:
    root, past, listening = tmp_path / "store", list[tuple[str, Path]](), True
    store = Store(root, disk := Watched())

    def hear(event: str, args: tuple[Any, ...]) -> None:
        if listening and not disk.within and event in CHANGES and isinstance(args[0], str | Path):
            path = Path(args[0])
            by_library = path.name in LIBRARYS or (event == "os.mkdir" and path.is_dir())
            if path.is_relative_to(root) and not by_library:
                past.append((event, path))

    sys.addaudithook(hear)  # for good, so that it listens no more at the end
    try:
        first = plan.stages[0]
        todo = Todo(plan, {stage.id for stage in plan})
        InProcess().run(todo, store, Progress())
        assert all(map(store.is_done, plan))
        assert first.tasks and store.read(first, "stage.json")
        keep_trial(store, first, Trial(1, {}, 0, 0, 1, dev=[0.5]))
        assert read_trial(store, first)
        store.fail(first, "it fell")
        with hold(store, [first]):
            assert remove(store, prunable(store, [], (), results=True).unwanted)
        store.sweep()
    finally:
        listening = False
    assert past == []
    assert {"write", "read", "rename", "link", "sync", "remove", "make_folder"} <= {*disk.log}


def test_a_folder_and_a_file_stay_after_a_loss_of_power(tmp_path: Path) -> None:
    disk = Watched()
    make_folders(disk, tmp_path / "a" / "b")
    assert [name for name in disk.log if name != "stat"] == ["make_folder", "sync"] * 2
    disk.log.clear()
    replace(disk, tmp_path / "a" / "f", b"said", tmp_path / "a" / ".f")
    assert disk.log == ["write", "sync", "rename", "sync"]
    assert (tmp_path / "a" / "f").read_bytes() == b"said"
    assert not (tmp_path / "a" / ".f").exists()


def test_what_is_removed_ends_at_links(tmp_path: Path) -> None:
    (tmp_path / "other" / "kept").mkdir(parents=True)
    (tmp_path / "gone" / "deep").mkdir(parents=True)
    (tmp_path / "gone" / "deep" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    for name in ("gone", "link", "nowhere"):
        remove_tree(DISK, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "other"]
    assert (tmp_path / "other" / "kept").is_dir()


def test_a_disk_that_is_full_at_any_operation_leaves_a_stage_whole_or_not_there(
    plan: Plan, tmp_path: Path
) -> None:
    stage, n, committed = plan.stages[0], 0, False
    while not committed:
        n += 1
        store = Store(tmp_path / str(n), disk := Watched())
        with store.attempt(stage) as attempt:
            (attempt / "said").write_bytes(b"something")
            disk.full_at = len(disk.log) + n
            try:
                committed = store.commit(stage, attempt) and len(disk.log) < disk.full_at
            except OSError as error:
                assert error.errno == errno.ENOSPC
            disk.full_at = -1
        assert not list((store.root / "attempts").iterdir())
        if Store(store.root).is_done(stage):
            assert Store(store.root).read(stage, "said") == b"something"
    assert n > 10
