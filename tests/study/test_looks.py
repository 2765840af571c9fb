"""Schedules of looks, and the plans that their seeds make."""

from __future__ import annotations

import pytest

from tests.study.conftest import MakeStudy, TakeFingerprints
from transfer_study.errors import StudyError
from transfer_study.study.looks import Looked, Looks
from transfer_study.study.plan import Plan, plan


@pytest.fixture
def first(make_study: MakeStudy, take_fingerprints: TakeFingerprints) -> Plan:
    """Three tasks with three seeds, by both readings."""
    study = make_study("a", "b", "c", seeds=3, readings=["refine", "finetune"])
    return plan(study, take_fingerprints(study))


def test_looks_go_evenly_from_the_study_to_the_most() -> None:
    looks = Looks.fixed((0, 1, 2), 10)
    assert looks.counts == (3, 6, 10)
    assert looks.seeds == tuple(range(10))
    assert Looks.fixed((0, 1, 2), 12, 4).counts == (3, 6, 9, 12)


def test_seeds_are_added_after_the_largest_not_those_that_the_study_leaves_out() -> None:
    looks = Looks.fixed((5, 1), 5, 2)
    assert looks.seeds == (5, 1, 6, 7, 8)
    assert looks.counts == (2, 5)


def test_there_are_no_more_looks_than_numbers_of_seeds() -> None:
    assert Looks.fixed((0, 1, 2), 3).counts == (3,)
    assert Looks.fixed((0, 1, 2), 4).counts == (3, 4)
    assert Looks.fixed((0, 1, 2), 9, 1).counts == (9,)


@pytest.mark.parametrize(
    ("most", "looks", "said"),
    [
        (2, None, "--max-seeds: found 2, but the study has 3 seeds already"),
        (5, 0, "--looks: found 0, but from 3 to 5 seeds there can be 1 to 3 looks"),
        (5, 4, "--looks: found 4, but from 3 to 5 seeds there can be 1 to 3 looks"),
    ],
)
def test_what_does_not_fit_is_refused(most: int, looks: int | None, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        Looks.fixed((0, 1, 2), most, looks)


def test_only_undecided_edges_get_more_seeds_and_their_baselines_come_along(first: Plan) -> None:
    looks = Looks.fixed(first.study.seeds, 5, 2).another(frozenset())
    assert [s.id for s in first.looked(looks)] == [s.id for s in first]
    edges = [system.edge for system, *_ in first.comparisons() if system.seed == 0]
    standing = [
        Looked(edge=edge, n_seeds=3, verdict="undecided" if n == 4 else "gain", look=None)
        for n, edge in enumerate(edges)
    ]
    looks = Looks.fixed(first.study.seeds, 5, 2).after(standing)
    assert looks.undecided() == {edges[4]}
    grown = first.looked(looks.another(looks.undecided()))
    added = [s for s in grown.systems if s.seed > 2]
    assert {s.seed for s in added} == {3, 4}
    assert {s.edge for s in added if s.baseline} == {edges[4]}
    target = edges[4].target
    assert {(s.arm, s.target) for s in added if not s.baseline} == {("single", target)}
    # The joint stage and the target's own, and nothing else, for each of two seeds.
    assert len(grown) == len(first) + 2 * 2
    assert [s for s in grown.systems if s.seed < 3] == list(first.systems)
    parents = {stage.id: n for n, stage in enumerate(grown)}
    assert all(parents[p.id] < parents[s.id] for s in grown for p in s.parents)


def test_stages_come_in_the_order_of_what_wants_them(first: Plan) -> None:
    last = next(s for s in first.systems if s.arm == "pair" and s.target == "c")
    ordered = first.ordered({last.edge: 1.0})
    wanted = {stage.id for s in first.systems if s.edge == last.edge for stage in s.stages()}
    assert {stage.id for stage in ordered.stages[: len(wanted)]} == wanted
    assert {stage.id for stage in ordered} == {stage.id for stage in first}
    place = {stage.id: n for n, stage in enumerate(ordered)}
    assert all(place[p.id] < place[s.id] for s in ordered for p in s.parents)


def test_at_most_every_edge_that_is_open_gets_all_seeds(first: Plan) -> None:
    looks = Looks.fixed(first.study.seeds, 5, 2)
    every = first.at_most(looks)
    # All but a task's fine-tuning from its own refinement, which is held against nothing.
    assert len(every) == len(first) + 2 * (len(first) / 3 - 3)
    edges = [system.edge for system, *_ in first.comparisons() if system.seed == 0]
    standing = [
        Looked(edge=edge, n_seeds=3, verdict="undecided" if n == 4 else "gain", look=None)
        for n, edge in enumerate(edges)
    ]
    one = looks.after(standing)
    assert {s.id for s in first.at_most(one)} == {
        s.id for s in first.looked(one.another(one.undecided()))
    }
