"""A stage that a run has taken is left to it for as long as it lives, and no longer."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from transfer_study.store.runs import attempts as attempts_module
from transfer_study.store.runs.attempts import this_host
from transfer_study.store.runs.leases import Leases, leasing
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage


@pytest.fixture
def runs() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def leases_of(store: Store) -> list[str]:
    return sorted(path.name for path in (store.root / "leases").iterdir())


def run_of(store: Store, folder: str, beat: str | None = "1") -> Leases:
    """The leases of a run whose directory has this name."""
    place = store.root / "attempts" / folder
    place.mkdir(parents=True)
    if beat is not None:
        (place / "beat").write_text(beat)
    return Leases(store, place, patience=60.0)


def elsewhere(nonce: str = "0123abcd", process: int = 1) -> str:
    return f"run@another~host@{process}@{nonce}"


def test_one_of_two_runs_takes_a_stage(store: Store, stage: Stage, runs: ExitStack) -> None:
    first, second = (runs.enter_context(leasing(store)) for _ in range(2))
    assert first.take(stage) and first.take(stage)
    assert not second.take(stage)
    second.give_back(stage)  # it is not its own
    assert not second.take(stage)
    first.give_back(stage)
    assert second.take(stage)
    assert leases_of(store) == [stage.name]


def test_a_run_that_ends_gives_back_what_it_has(store: Store, stage: Stage) -> None:
    with leasing(store) as first, pytest.raises(ValueError, match="fell"):
        assert first.take(stage)
        raise ValueError("it fell")
    with leasing(store) as second:
        assert second.take(stage)
    assert leases_of(store) == []
    assert list((store.root / "attempts").iterdir()) == []


def test_a_run_whose_process_is_gone_has_nothing(
    store: Store, stage: Stage, runs: ExitStack
) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    assert run_of(store, f"run@{this_host()}@{dead.pid}@0123abcd").take(stage)
    assert runs.enter_context(leasing(store)).take(stage)


def test_a_process_of_that_number_elsewhere_may_live(
    store: Store, stage: Stage, runs: ExitStack
) -> None:
    """In a container of the same machine, whose processes are not seen from here."""
    dead = subprocess.Popen(["true"])
    dead.wait()
    apart = f"run@{socket.gethostname()}~00000000@{dead.pid}@0123abcd"
    assert run_of(store, apart).take(stage)
    ours = runs.enter_context(leasing(store))
    assert not ours.take(stage)
    store.sweep()
    assert (store.root / "attempts" / apart).is_dir()


def test_a_run_whose_directory_was_swept_has_nothing(
    store: Store, stage: Stage, runs: ExitStack
) -> None:
    assert run_of(store, elsewhere()).take(stage)
    shutil.rmtree(store.root / "attempts" / elsewhere())
    assert runs.enter_context(leasing(store)).take(stage)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """This process's own clock, which only goes on when it is told to."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_run_elsewhere_is_gone_once_it_gives_no_sign_for_a_while(
    store: Store, stage: Stage, clock: list[float]
) -> None:
    theirs, ours = run_of(store, elsewhere()), run_of(store, elsewhere("99999999"))
    assert theirs.take(stage)
    assert not ours.take(stage)
    clock[0] += 59
    assert not ours.take(stage)
    theirs.beat(2)  # on a clock of its own, which nobody reads
    clock[0] += 59
    assert not ours.take(stage)
    clock[0] += 59
    assert not ours.take(stage)
    clock[0] += 2
    assert ours.take(stage)
    # It wakes up, finds that the stage is another's, and leaves it there.
    theirs.beat(3)
    theirs.give_back(stage)
    assert not theirs.take(stage)


def test_a_run_that_never_gave_a_sign_is_waited_for_as_long(
    store: Store, stage: Stage, clock: list[float]
) -> None:
    assert run_of(store, elsewhere(), beat=None).take(stage)
    ours = run_of(store, elsewhere("99999999"))
    assert not ours.take(stage)
    clock[0] += 61
    assert ours.take(stage)


def test_of_many_that_find_a_run_gone_one_takes_its_stage(
    store: Store, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another is between finding it and taking it."""
    run_of(store, elsewhere()).take(stage)
    shutil.rmtree(store.root / "attempts" / elsewhere())
    slow, quick = (run_of(store, elsewhere(f"9999999{n}")) for n in (1, 2))
    lives = Leases._lives

    def late(self: Leases, holder: str) -> bool:
        if self is slow and holder == elsewhere():
            assert quick.take(stage)
        return lives(self, holder)

    monkeypatch.setattr(Leases, "_lives", late)
    assert not slow.take(stage)
    assert (store.root / "leases" / stage.name).read_text() == elsewhere("99999992")
    assert quick.take(stage)


def test_where_no_file_can_be_linked_each_run_is_by_itself(
    store: Store, stage: Stage, runs: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(store.disk, "link", refuse)
    assert all(runs.enter_context(leasing(store)).take(stage) for _ in range(2))


def test_the_count_goes_up_while_a_run_lives(store: Store) -> None:
    def count() -> int:
        (beat,) = (store.root / "attempts").glob("*/beat")
        return int(beat.read_text())

    with leasing(store, beat=0.01):
        until = time.monotonic() + 60
        while not list((store.root / "attempts").glob("*/beat")):
            assert time.monotonic() < until
        before = count()
        while count() <= before + 3:
            assert time.monotonic() < until


def test_hosts_are_told_apart_by_more_than_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    before = this_host()
    monkeypatch.setattr(socket, "gethostname", lambda: "other")
    assert this_host() != before
    monkeypatch.undo()
    monkeypatch.setattr(attempts_module, "_space", lambda: "00000000")
    assert this_host() != before


def test_a_store_that_is_new_has_room_for_leases(tmp_path: Path, stage: Stage) -> None:
    with leasing(Store(tmp_path / "new")) as leases:
        assert leases.take(stage)
