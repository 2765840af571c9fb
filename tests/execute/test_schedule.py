"""What is ready begins in its order, after its parents; what a lost stage holds back never does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_study.execute.executor import Todo
from transfer_study.execute.schedule import Schedule, longest_first
from transfer_study.study.plan import Plan

# Two tasks alone, their distillation, what is fine-tuned from it, and a stage by itself.
PARENTS = {"one": (), "two": (), "tuned": ("distilled",), "distilled": ("one", "two"), "alone": ()}


def taken(schedule: Schedule) -> Iterator[str]:
    """The stages in the order in which an executor that takes one at a time begins them."""
    while schedule.ready:
        stage = schedule.ready[0]
        schedule.begin(stage)
        yield stage


def test_stages_begin_in_their_order_once_their_parents_are_done() -> None:
    schedule, begun = Schedule(PARENTS), []
    for stage in taken(schedule):
        begun.append(stage)
        schedule.finish(stage)
    assert begun == ["one", "two", "distilled", "tuned", "alone"]
    assert (schedule.waiting, schedule.left) == (0, 0)


def test_what_is_counted_begins_runs_and_ends() -> None:
    schedule = Schedule(PARENTS)
    assert (schedule.ready, schedule.waiting, schedule.left) == (("one", "two", "alone"), 5, 5)
    for stage in ("alone", "one"):
        schedule.begin(stage)
    schedule.begin("one")  # again: its worker died
    assert (schedule.ready, schedule.waiting, schedule.left) == (("two",), 3, 5)
    schedule.finish("one")
    assert (schedule.ready, schedule.waiting, schedule.left) == (("two",), 3, 4)


def test_a_stage_that_is_not_ready_cannot_begin() -> None:
    schedule = Schedule(PARENTS)
    with pytest.raises(ValueError, match="not in list"):
        schedule.begin("distilled")
    assert schedule.waiting == 5


def test_a_parent_that_is_not_of_the_run_is_not_waited_for() -> None:
    assert Schedule({"tuned": ("distilled",)}).ready == ("tuned",)


def test_a_lost_stage_holds_back_all_that_starts_from_it_and_nothing_else() -> None:
    schedule = Schedule(PARENTS)
    schedule.begin("one")
    # The grandchild comes first in the order, and has fewer parents than the child.
    assert schedule.give_up("one") == ["tuned", "distilled"]
    assert list(taken(schedule)) == ["two", "alone"]
    schedule.finish("two")
    schedule.finish("alone")
    assert (schedule.ready, schedule.left) == ((), 0)


def test_what_was_refused_before_it_began_holds_back_likewise() -> None:
    schedule = Schedule(PARENTS)
    assert schedule.give_up("distilled") == ["tuned"]
    assert schedule.ready == ("one", "two", "alone")


def test_failing_fast_lets_what_runs_end_and_begins_nothing_more() -> None:
    schedule = Schedule(PARENTS, fail_fast=True)
    for stage in ("one", "two"):
        schedule.begin(stage)
    assert schedule.give_up("one") == ["tuned", "distilled"]
    assert (schedule.ready, schedule.waiting, schedule.left) == ((), 0, 1)
    schedule.finish("two")
    assert schedule.left == 0


def test_several_alike_may_begin_at_once_and_end_apart() -> None:
    schedule = Schedule({**PARENTS, "of one": ("one",)})
    for stage in ("one", "two"):
        schedule.begin(stage)
    schedule.finish("one")
    assert schedule.ready == ("alone", "of one")
    assert schedule.give_up("two") == ["tuned", "distilled"]


def test_what_another_has_taken_is_passed_over_and_done_when_it_is_done_there() -> None:
    schedule = Schedule(PARENTS)
    mine = [stage for stage in schedule.ready if stage != "one"]
    for stage in mine:
        schedule.begin(stage)
        schedule.finish(stage)
    assert (schedule.ready, schedule.left) == (("one",), 3)
    schedule.finish("one")
    assert schedule.ready == ("distilled",)


@given(st.data())
def test_every_stage_ends_in_whatever_order_and_whatever_fails(
    data: st.DataObject,
) -> None:
    size = data.draw(st.integers(0, 12))
    stages = data.draw(st.permutations(range(size)))
    parents = {
        str(n): [str(p) for p in data.draw(st.sets(st.integers(0, max(n - 1, 0)))) if p < n]
        for n in stages
    }
    schedule = Schedule(parents)
    running: list[str] = []
    done, lost = set[str](), set[str]()
    while schedule.left:
        assert schedule.left == len(parents) - len(done) - len(lost)
        assert schedule.waiting == schedule.left - len(running)
        ready = schedule.ready
        # Just those that wait for nothing, in their order.
        waiting = [s for s in parents if s not in done | lost and s not in running]
        assert ready == tuple(s for s in waiting if done.issuperset(parents[s]))
        if ready and (not running or data.draw(st.booleans())):
            stage = data.draw(st.sampled_from(ready))
            schedule.begin(stage)
            running.append(stage)
            continue
        stage = running.pop(data.draw(st.integers(0, len(running) - 1)))
        if data.draw(st.booleans()):
            schedule.finish(stage)
            done.add(stage)
        else:
            held_back = schedule.give_up(stage)
            lost.add(stage)
            assert not lost.intersection(held_back)
            lost.update(held_back)
    # Lost is what failed and what starts from what is lost, to the last.
    assert all(lost.isdisjoint(parents[stage]) for stage in done)
    assert done | lost == set(parents)


def test_the_longest_path_begins_first_unless_the_plan_s_order_is_asked_for(plan: Plan) -> None:
    joint = next(s for s in plan if len(s.tasks) == 2)

    def cost(stage: object) -> float:
        return 10.0 if stage == joint else 1.0

    assert longest_first(plan, cost)[0] == joint != plan.stages[0]
    todo = Todo(plan, frozenset(), cost)
    assert todo.schedule().ready[0] == joint.id
    first = Todo(plan, frozenset(), cost, in_order=True).schedule().ready[0]
    assert first == plan.stages[0].id


def test_a_chain_counts_whole(plan: Plan) -> None:
    last = next(s for s in plan if s.parents)
    order = longest_first(plan, lambda stage: 10.0 if stage == last else 1.0)
    assert order[0] in last.parents


def test_what_is_put_back_begins_again_before_what_comes_after_it() -> None:
    now = 0.0
    schedule = Schedule({"one": (), "two": (), "child": ("one",)}, clock=lambda: now)
    schedule.begin("one")
    schedule.put_back("one")
    now = 1.0
    assert schedule.ready == ("one", "two")
    assert schedule.left == 3
    schedule.begin("one")
    schedule.finish("one")
    assert schedule.ready == ("two", "child")


def test_the_pause_of_what_is_put_back_grows_up_to_a_minute() -> None:
    now, pauses = 0.0, []
    schedule = Schedule({"one": ()}, clock=lambda: now)
    for _ in range(9):
        schedule.begin("one")
        schedule.put_back("one")
        assert schedule.left == schedule.waiting == 1
        began = now
        while not schedule.ready:
            now += 1.0
        pauses.append(now - began)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_stopped_schedule_has_only_what_runs() -> None:
    schedule = Schedule({"one": (), "two": (), "child": ("one",)})
    schedule.begin("one")
    schedule.stop()
    assert (schedule.ready, schedule.waiting, schedule.left) == ((), 0, 1)
    assert not schedule.put_back("one")  # or it would begin again
    assert (schedule.ready, schedule.left) == ((), 1)
    schedule.give_up("one")
    assert schedule.left == 0


def test_nothing_is_put_back_once_a_failure_has_ended_all() -> None:
    schedule = Schedule({"one": (), "two": (), "three": ()}, fail_fast=True)
    schedule.begin("one")
    schedule.begin("two")
    schedule.give_up("one")
    assert not schedule.put_back("two")
    assert (schedule.ready, schedule.left) == ((), 1)
