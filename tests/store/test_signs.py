"""What a run that is gone has left elsewhere is swept, and nothing of one that lives."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from transfer_study.store.open_store import open_store
from transfer_study.store.runs import leases as leases_module
from transfer_study.store.runs import signs
from transfer_study.store.runs.leases import Leases, leasing
from transfer_study.store.runs.signs import Sweeping
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan

# A container of this host, or of before it was started anew, and another host.
APART = f"@{socket.gethostname()}~00000000@17@"
HOST = "@another~host@17@"


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TRANSFER_STUDY_CACHE", str(tmp_path / "cache"))
    bucket = f"memory://{tmp_path.name}"
    return open_store(bucket if request.param == "memory" else str(tmp_path / "store"))


def left(store: Store, owner: str, **told: bytes) -> None:
    """What a process elsewhere has left: an attempt at a stage, and a run with its count."""
    for label, content in told.items():
        folder = store.root / "attempts" / f"{label}{owner}0123abcd"
        folder.mkdir(parents=True)
        store.tell(folder, "beat" if label in ("run", "alive") else "running.json", content)


def names(store: Store) -> set[str]:
    return {name.split("@")[0] for name in store.notes.names("attempts")}


def test_what_shows_nothing_new_for_long_is_swept(store: Store, made_plan: Plan) -> None:
    now = 0.0
    sweeping = Sweeping(store, clock=lambda: now)
    left(store, APART, run=b"7", stage=b"{}")
    folder = store.root / "attempts" / f"run{APART}0123abcd"
    assert Leases(store, folder, patience=60.0).take(made_plan.stages[0])
    sweeping.look()
    now += signs.PATIENCE - 1
    sweeping.look()
    assert names(store) == {"run", "stage"}
    now += 1
    sweeping.look()
    sweeping.look()
    assert names(store) == set()
    assert store.notes.names("leases") == []  # nobody may ever want that stage again


def test_what_one_attempt_shows_keeps_all_of_its_process(store: Store) -> None:
    now = 0.0
    sweeping = Sweeping(store, clock=lambda: now)
    left(store, HOST, alive=b"1", stage=b"{}")
    for count in range(2, 90):
        now += signs.BETWEEN
        sweeping.look()
        folder = store.root / "attempts" / f"alive{HOST}0123abcd"
        store.tell(folder, "beat", str(count).encode())
    assert names(store) == {"alive", "stage"}
    for _ in range(2):
        now += signs.PATIENCE
        sweeping.look()
    assert names(store) == set()


def test_a_look_that_comes_late_sweeps_nothing_that_it_has_not_seen(store: Store) -> None:
    now = 1e9  # this clock says nothing of when others have last shown anything
    left(store, HOST, stage=b"{}")
    Sweeping(store, clock=lambda: now).look()
    assert names(store) == {"stage"}


def test_a_process_with_attempts_shows_that_it_lives(
    store: Store, monkeypatch: pytest.MonkeyPatch, made_plan: Plan
) -> None:
    monkeypatch.setattr(signs, "BETWEEN", 0.02)
    with store.scratch("held"), store.attempt(made_plan.stages[0]) as folder:
        counts: set[bytes | None] = set()
        until = time.monotonic() + 20
        while len(counts) < 3:
            assert time.monotonic() < until
            alive = [n for n in store.notes.names("attempts") if n.startswith("alive@")]
            assert len(alive) <= 1  # one of the process, however many attempts it has
            counts.update(store.told(name, "beat") for name in alive)
        assert list(folder.iterdir()) == []  # nothing that would be committed with it
    while names(store):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_run_sweeps_while_it_lasts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signs, "PATIENCE", 0.2)
    monkeypatch.setattr(leases_module, "_LOOK", 2)
    left(store, APART, stage=b"{}")
    with leasing(store, beat=0.05):
        until = time.monotonic() + 20
        while "stage" in names(store):
            assert time.monotonic() < until
            time.sleep(0.01)
        assert names(store) == {"run"}
