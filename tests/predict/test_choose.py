"""Which pairs are measured next: what decides most for its cost, and never more than is left."""

from __future__ import annotations

import numpy as np
import pytest

from tests.predict.test_estimators import ADDITIVE, known, world
from transfer_study.predict.choose import OpenEdges, choose, settled
from transfer_study.predict.next_pairs import first_pairs
from transfer_study.study.choice import Pair, pair_named

ONES = np.ones(4)


def edges(
    mean: list[float],
    sd: float | list[float] = 0.02,
    error: float = 0.004,
    together: float = 0.0,
) -> OpenEdges:
    """Four pairs of one edge each; what is expected of any two goes together so much."""
    n = len(mean)
    sds = np.broadcast_to(np.array(sd), n)
    covariance = np.outer(sds, sds) * (np.eye(n) * (1 - together) + together)
    errors = np.full(n, error)
    return OpenEdges(np.arange(n), np.array(mean), covariance, errors, 3 * errors, np.full(n, 0.01))


def test_a_pair_that_is_likely_to_be_decided_goes_before_one_that_is_not() -> None:
    # Around the margin an interval that reaches so far seldom decides; far off it does.
    some = edges([0.01, 0.04, 0.01, 0.01], sd=[0.003, 0.02, 0.003, 0.003])
    assert choose([some], ONES, 9.0, 1) == [1]


def test_what_a_pair_costs_counts() -> None:
    same = edges([0.04] * 4)
    assert choose([same], np.array([4.0, 2.0, 1.0, 3.0]), 9.0, 4) == [2, 1, 3]
    assert choose([same], np.array([4.0, 2.0, 1.0, 3.0]), 0.5, 4) == []


def test_a_pair_that_shows_two_edges_goes_before_those_of_one() -> None:
    one = edges([0.04] * 4)
    both = OpenEdges(
        np.array([0, 1, 2, 2]), one.mean, one.covariance, one.error, one.reach, one.margin
    )
    assert choose([both], np.ones(3), 9.0, 1) == [2]
    other = edges([0.01, 0.01, 0.04, 0.01], sd=[0.003, 0.003, 0.02, 0.003])
    assert choose([one, other], ONES, 9.0, 1) == [2]


def test_a_pair_that_tells_of_others_is_worth_what_it_tells() -> None:
    alone, together = (edges([0.03] * 4, together=t).worth(4) for t in (0.0, 0.97))
    assert (together > alone + 0.5).all()
    left = edges([0.03] * 4, together=0.97).given(0)
    assert list(left.pair) == [1, 2, 3]
    assert (left.covariance.diagonal() < 0.1 * 0.02**2).all()


def test_what_is_learned_of_the_others_is_what_measuring_leaves() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(6, 6)) * 0.01
    pair = np.array([2, 0, 1, 2, 0, 1])
    some = OpenEdges(
        pair, rng.normal(0, 0.02, 6), root @ root.T, np.full(6, 0.005), np.ones(6), np.ones(6)
    )
    at, learned = some._learned()
    for n, one in enumerate(at):
        left = some.given(int(one))
        before = some.covariance.diagonal()[pair != one]
        assert before - left.covariance.diagonal() == pytest.approx(learned[pair != one, n])


def test_edges_vary_together_as_each_varies_by_itself() -> None:
    _, measured = world(1)
    given = known(measured, 0.3)
    ends = np.array([0, 1, 1, 5]), np.array([1, 0, 2, 9])
    joint = ADDITIVE.joint(given, ends)
    assert np.sqrt(joint.diagonal()) == pytest.approx(ADDITIVE.estimate(given).scale[ends])
    assert joint == pytest.approx(joint.T)
    assert joint[1, 2] > 0  # of one source
    assert np.linalg.eigvalsh(joint).min() > 0


def test_an_edge_is_settled_by_prediction_where_there_is_hardly_a_doubt() -> None:
    truth, measured = world(2)
    given = known(measured, 0.6)
    sure = settled(ADDITIVE.estimate(given), np.full(truth.shape[1], 0.01))
    sure[given.ends] = False
    np.fill_diagonal(sure, val=False)
    assert sure.any()
    what = np.sign(truth) * (np.abs(truth) > 0.01)
    expected = np.sign(ADDITIVE.estimate(given).mean) * (
        np.abs(ADDITIVE.estimate(given).mean) > 0.01
    )
    assert (what == expected)[sure].mean() > 0.9


@pytest.mark.parametrize("n", [2, 5, 6, 9])
def test_the_first_pairs_give_every_task_one(n: int) -> None:
    names = [f"t{k}" for k in range(n)]
    pairs = [pair_named("m", a, b) for a in names for b in names if a < b]
    order = first_pairs(pairs)
    assert sorted(map(str, order)) == sorted(map(str, pairs))
    first = order[: -(-n // 2)]
    assert {task for pair in first for task in pair.tasks} == set(names)
    assert first_pairs(pairs) == order


def test_a_pair_is_the_same_whichever_task_comes_first() -> None:
    assert (
        pair_named("m", "b", "a")
        == pair_named("m", "a", "b")
        == Pair(encoder="m", tasks=("a", "b"))
    )
