"""The recipe that is chosen is good for all tasks, whatever their metric and however hard."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_study.analysis.advice.tried import Comparison, compare_recipes
from transfer_study.store.trials import Trial

STATES = ("complete", "stopped", "failed", "cut")


def trial(recipe: int, target: int, *dev: float, seed: int = 0, state: str = "complete") -> Trial:
    return Trial(recipe, {"epochs": 4}, target, seed, 4, list(dev), state)


def compared(
    *trials: Trial, constants: tuple[float, ...] = (0.0, 0.0), **more: object
) -> Comparison:
    return compare_recipes(trials, constants, **{"n_seeds": 1, **more})


def chosen(*trials: Trial, **more: object) -> int | None:
    best = compared(*trials, **more).chosen
    return None if best is None else best.recipe


def test_no_task_counts_for_more_because_its_scores_are_higher_or_farther_apart() -> None:
    # On the first task 1 is far ahead in points; on the second 2 is, where all is near nothing.
    easy = trial(1, 0, 0.8), trial(2, 0, 0.7)
    hard = trial(1, 1, 0.01), trial(2, 1, 0.02)
    assert chosen(*easy, *hard) == 2
    first, second = compared(*easy, *hard).tried
    assert first.share == pytest.approx((0.7 / 0.8 + 1) / 2)
    assert second.share == pytest.approx((1 + 0.5) / 2)


def test_what_a_constant_answer_scores_counts_for_nothing() -> None:
    trials = trial(1, 0, 0.9), trial(2, 0, 0.95), trial(1, 1, 0.4), trial(2, 1, 0.36)
    assert chosen(*trials) == 1
    assert chosen(*trials, constants=(0.88, 0.0)) == 2


def test_a_recipe_by_which_more_tasks_learn_goes_before_a_better_mean() -> None:
    three = [trial(1, n, score) for n, score in enumerate((1.0, 1.0, 1.0, 0.0))]
    four = [trial(2, n, 0.5) for n in range(4)]
    more = {"constants": (0.0, 0.0, 0.0, 0.0)}
    found = compared(*three, *four, **more)
    assert [one.recipe for one in found.tried] == [2, 1]
    assert [one.learned for one in found.tried] == [4, 3]
    assert found.tried[1].share > found.tried[0].share


def test_a_task_that_nothing_learns_decides_nothing() -> None:
    trials = trial(1, 0, 0.5), trial(2, 0, 0.6), trial(1, 1, 0.30), trial(2, 1, 0.2)
    assert chosen(*trials, constants=(0.0, 0.3)) == 2


def test_of_equals_the_first_is_chosen_which_is_the_study_s_own() -> None:
    assert chosen(trial(1, 0, 0.5), trial(2, 0, 0.5), constants=(0.0,)) == 1


def test_only_a_recipe_that_was_tried_on_everything_is_chosen() -> None:
    part = trial(2, 0, 0.9), trial(2, 1, 0.9, state="cut")
    whole = trial(1, 0, 0.1), trial(1, 1, 0.1)
    found = compared(*whole, *part)
    assert [(one.recipe, one.whole) for one in found.tried] == [(1, True), (2, False)]
    assert math.isnan(found.tried[1].share)
    assert chosen(*part) is None
    assert chosen(trial(1, 0, 0.1), constants=(0.0, 0.0)) is None
    two_seeds = trial(1, 0, 0.1), trial(1, 0, 0.2, seed=1), trial(2, 0, 0.9)
    assert chosen(*two_seeds, constants=(0.0,), n_seeds=2) == 1


def test_a_trial_counts_by_its_best_epoch_or_its_last_and_a_failed_one_as_a_constant() -> None:
    trials = trial(1, 0, 0.1, 0.9, 0.2), trial(2, 0, 0.1, 0.3), trial(3, 0, 0.8, state="failed")
    best = compared(*trials, constants=(0.05,))
    assert {one.recipe: one.scores for one in best.tried} == {1: (0.9,), 2: (0.3,), 3: (0.05,)}
    last = compared(*trials, constants=(0.05,), last=True)
    assert {one.recipe: one.scores for one in last.tried} == {1: (0.2,), 2: (0.3,), 3: (0.05,)}
    assert last.chosen is not None
    assert last.chosen.recipe == 2


def test_seeds_are_averaged() -> None:
    one = trial(1, 0, 0.2), trial(1, 0, 0.8, seed=1)
    two = trial(2, 0, 0.45), trial(2, 0, 0.5, seed=1)
    found = compared(*one, *two, constants=(0.0,), n_seeds=2)
    assert found.tried[0].scores == pytest.approx((0.5,))
    assert found.tried[1].scores == pytest.approx((0.475,))


@given(
    st.lists(
        st.tuples(
            st.integers(1, 5),
            st.integers(0, 2),
            st.lists(st.floats(-1, 1), min_size=0, max_size=4),
            st.sampled_from(STATES),
        ),
        max_size=30,
    ),
    st.tuples(*[st.floats(-1, 1)] * 3),
)
def test_shares_lie_between_nothing_and_the_best(
    trials: list[tuple[int, int, list[float], str]], constants: tuple[float, ...]
) -> None:
    found = compared(
        *(trial(recipe, target, *dev, state=state) for recipe, target, dev, state in trials),
        constants=constants,
    )
    assert len(found.tried) == len({recipe for recipe, *_ in trials})
    for one in found.tried:
        assert one.whole == (not math.isnan(one.share))
        assert not one.whole or 0 <= one.share <= 1
        assert 0 <= one.learned <= 3
    whole = [one.whole for one in found.tried]
    assert whole == sorted(whole, reverse=True)
