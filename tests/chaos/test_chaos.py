"""A few faults of each kind, and every planted bug; `make chaos` does all of them."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import kills, sweeps
from tests.chaos.cases import made_disk, undisturbed
from tests.chaos.disk import MemoryDisk
from tests.chaos.fixture import made_plan
from tests.chaos.planted import PLANTS, Case, Plant, found
from tests.chaos.table import SHORT
from tests.chaos.world import ROOT, World, installed, run, use
from transfer_study.store.storage.file_system import FileSystem
from transfer_study.store.store import Store

REAL = (kills.kills, kills.stops)  # they fork, which what runs tests should not
OPERATIONS = [
    name for name in vars(FileSystem) if not name.startswith("_") and name not in ("lock", "free")
]


def _name(case: Case) -> str:
    function: Callable[..., Any] = getattr(case, "func", case)
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"


@pytest.mark.parametrize(
    "case", [case for case in SHORT if getattr(case, "func", case) not in REAL], ids=_name
)
def test_nothing_is_violated(case: Case) -> None:
    row = case()
    assert row.faults and row.violations == []


@pytest.mark.parametrize("what", ["kills(10)", "stops(1)"])
def test_nothing_is_violated_by_real_signals(what: str) -> None:
    code = f"from tests.chaos.kills import *; row = {what}; print(row.faults, row.violations)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{what[6:-1]} []\n", done.stdout + done.stderr


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.bug)
def test_every_planted_bug_is_found(plant: Plant) -> None:
    violation = found(plant)
    assert violation is not None
    print(violation)


def test_a_lease_whose_run_died_is_taken_over_by_one_of_many() -> None:
    assert sweeps.sweeps(1, 293, seeds=0).violations == []


def test_there_are_45_stages_and_children_among_them() -> None:
    plan = made_plan()
    assert len(plan) == 45 and sum(bool(stage.parents) for stage in plan) == 12


class Both(FileSystem):
    """A real disk and one in memory, on which all is done, and has to come out, alike."""

    def __init__(self, root: Path) -> None:
        self.memory = made_disk()
        for name in OPERATIONS:
            setattr(self, name, self._compared(name, root))

    def _compared(self, name: str, root: Path) -> Callable[..., Any]:
        def act(disk: FileSystem, *given: Any, **more: Any) -> tuple[Any, OSError | None]:
            try:
                return getattr(FileSystem if disk is self else type(disk), name)(
                    disk, *given, **more
                ), None
            except OSError as error:
                return None, error

        def compared(*given: Any, **more: Any) -> Any:
            real, error = act(self, *given, **more)
            there = [
                ROOT / one.relative_to(root) if isinstance(one, Path) else one for one in given
            ]
            if name == "try_lock":
                return real
            simulated, other = act(self.memory, *there, **more)
            assert type(error) is type(other), (name, given, error, other)
            if name in ("read", "hash"):
                assert real == simulated
            elif name == "entries" and real is not None:
                assert [one.name for one in real] == [one.name for one in simulated]
            if error is not None:
                raise error
            return real

        return compared


def test_the_disk_in_memory_has_every_operation() -> None:
    assert {name for name in vars(FileSystem) if name[0] != "_"} <= {*vars(MemoryDisk)}


def test_the_disk_in_memory_does_as_a_real_one(tmp_path: Path) -> None:
    disk = Both(tmp_path)
    (tmp_path / "store").mkdir()
    MemoryDisk.make_folder(disk.memory, ROOT)
    MemoryDisk.make_folder(disk.memory, ROOT / "store")
    with installed():
        world = use(World(random.Random(0)))
        world.is_visible = lambda part, name: (tmp_path / "store" / part / name).exists()
        world.start("host")
        run(made_plan(1), Store(tmp_path / "store", disk))
    found = {
        (parts[2], "/".join(parts[3:])): content
        for path, content in disk.memory.files(ROOT).items()
        if (parts := path.split("/"))[1] in ("stages", "models")
        and parts[-1] not in ("stage.json", "result.json", "model.json")
    }
    assert found == undisturbed(1)
