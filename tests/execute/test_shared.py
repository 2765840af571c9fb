"""What a run takes of its schedule where another run on the store has some of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from transfer_study.execute import shared as shared_module
from transfer_study.execute.schedule import Schedule
from transfer_study.execute.shared import Shared
from transfer_study.store.runs.leases import Leases, leasing
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan


@pytest.fixture
def other(store: Store) -> Iterator[Leases]:
    """The leases of another run on the same store."""
    with leasing(store) as leases:
        yield leases


@pytest.fixture
def shared(plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shared]:
    monkeypatch.setattr(shared_module, "_PAUSE", 0.0)
    stages = {stage.id: stage for stage in plan.stages[:3]}
    schedule = Schedule(dict.fromkeys(stages, ()))
    with leasing(store) as leases:
        yield Shared(schedule, stages.__getitem__, {next(iter(stages))}, store, leases)


def commit(store: Store, shared: Shared, identity: str) -> None:
    stage = shared.stage_of(identity)
    with store.attempt(stage) as folder:
        (folder / "stage.json").write_text("{}")
        assert store.commit(stage, folder)


def test_what_another_run_has_is_left_out_until_it_is_done(
    shared: Shared, other: Leases, store: Store
) -> None:
    first, second, third = shared.schedule.ready
    assert other.take(shared.stage_of(second))
    assert (shared.take(), shared.take(), shared.take()) == (first, third, None)
    assert shared.found() == []
    assert shared.take() is None
    assert (shared.awaited(), shared.awaited()) == (1, 0)  # told once
    commit(store, shared, second)
    assert shared.found() == [second]
    assert shared.schedule.ready == () and shared.schedule.left == 2


def test_what_another_run_has_done_meanwhile_is_not_begun(shared: Shared, store: Store) -> None:
    first, second, third = shared.schedule.ready
    commit(store, shared, second)
    assert (shared.take(), shared.take(), shared.take()) == (first, third, None)
    assert (shared.found(), shared.found()) == ([second], [])
    assert shared.leases.take(shared.stage_of(second))


def test_what_another_run_gave_up_is_run_here(shared: Shared, other: Leases) -> None:
    first, second, third = shared.schedule.ready
    assert other.take(shared.stage_of(second))
    assert (shared.take(), shared.take(), shared.take()) == (first, third, None)
    other.give_back(shared.stage_of(second))
    assert shared.found() == []
    assert shared.take() == second
    assert shared.schedule.ready == ()


def test_a_stage_whose_weights_are_wanted_is_done_when_they_are_there(
    shared: Shared,
    other: Leases,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transfer_study.execute.schedule.FIRST_PAUSE", 0.0)
    first, second, third = shared.schedule.ready
    assert other.take(shared.stage_of(first))
    assert (shared.take(), shared.take(), shared.take()) == (second, third, None)
    commit(store, shared, first)
    assert shared.found() == [] and shared.take() is None
    other.give_back(shared.stage_of(first))
    assert shared.found() == []
    assert shared.take() == first  # to be run again for its weights
    shared.schedule.put_back(first)
    shared.leases.give_back(shared.stage_of(first))
    assert other.take(shared.stage_of(first))
    assert shared.take() is None
    with store.attempt(shared.stage_of(first)) as folder:
        (folder / "weights").write_text("{}")
        assert store.commit_model(shared.stage_of(first), folder)
    assert shared.found() == [first]
