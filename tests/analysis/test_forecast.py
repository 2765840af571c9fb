"""What looks will show and take, against the formulas for one look and a plain simulation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.analysis.test_power import pilot, planned
from transfer_study.analysis.doubt.courses import Noise, courses, smallest_by_looks
from transfer_study.analysis.doubt.forecast import (
    LOOKED_COLUMNS,
    expected_courses,
    looked_power_table,
)
from transfer_study.analysis.doubt.power import FUTILE, power_table
from transfer_study.analysis.effects.sequential import Sequential
from transfer_study.study.correction import Correction
from transfer_study.study.margin import Margin

COUNTS = (3, 6, 10)


def edges(seeds: int = 3) -> pd.DataFrame:
    return planned(400, seeds).assign(reading="refine", arm="pair")


def runs(**changes: object) -> pd.DataFrame:
    return pilot(**{"baseline": 0.6, "reading": "refine", "arm": "pair"} | changes)


def test_a_single_look_is_a_study_of_fixed_seeds() -> None:
    fixed = power_table(edges(10), runs(), Correction.BH)
    looked = looked_power_table(edges(10), runs(), Correction.BH, (10,))
    assert list(looked)[-len(LOOKED_COLUMNS) :] == LOOKED_COLUMNS
    for name in ("detectable", "detectable_low", "detectable_high", "detectable_corrected"):
        expected = fixed[name].to_numpy()
        assert looked[name].to_numpy() == pytest.approx(expected, rel=0.06, nan_ok=True)


def test_looks_detect_less_than_all_seeds_at_once_and_more_than_the_first() -> None:
    fixed = power_table(edges(10), runs(), Correction.BH)["detectable"]
    looked = looked_power_table(edges(), runs(), Correction.BH, COUNTS)
    known = looked["detectable"].notna()
    assert known.sum() == 3
    assert (looked["detectable"] > fixed)[known].all()
    assert (looked["detectable"] < 1.3 * fixed)[known].all()
    assert (looked["detectable_first"] > looked["detectable"])[known].all()
    assert (looked["max_seeds"] == 10).all()


def test_so_many_studies_find_it_and_so_many_go_on() -> None:
    """Run by run: the sums of runs, their own variance, Student's t and the chance to go on."""
    sd, n = 0.02, 4_000
    looks = Sequential(COUNTS)
    counts = np.array(COUNTS)
    of_seeds, freedom = sd**2 / counts[None], counts[None] - 1.0
    levels = np.array([looks.level(0.05, count) for count in COUNTS])
    reach = stats.t.ppf(1 - levels / 2, freedom) * np.sqrt(of_seeds)
    noise = Noise(of_seeds, freedom, reach, np.zeros(1), np.zeros(1))
    (effect,) = smallest_by_looks(noise)
    rng = np.random.default_rng(0)
    all_runs = effect + sd * rng.standard_normal((n, COUNTS[-1]))
    found, taken = np.zeros(n, dtype=bool), np.zeros(n)
    for k in range(n):
        for look, count in enumerate(COUNTS):
            taken[k] += 1
            mean, spread = all_runs[k, :count].mean(), all_runs[k, :count].std(ddof=1)
            if abs(mean) > reach[0, look] * spread / sd:
                found[k] = True
                break
            if count == COUNTS[-1]:
                break
            to_come = spread * math.sqrt(1 / count - 1 / COUNTS[-1])
            last = reach[0, -1] * spread / sd
            chance = stats.norm.cdf((mean - last) / to_come)
            chance += stats.norm.cdf((-mean - last) / to_come)
            if chance < FUTILE:
                break
    assert found.mean() == pytest.approx(0.8, abs=0.03)
    assert courses(np.array([effect]), noise).looks.mean() == pytest.approx(taken.mean(), abs=0.06)


def test_edges_without_an_effect_end_early_and_clear_ones_are_found() -> None:
    few = runs(delta=[0.0, 0.2, 0.0], seed_sd=[0.02, 0.02, 0.05])
    found = expected_courses(edges().iloc[:2], few, Correction.BH, Margin(absolute=0.01), COUNTS)
    assert found is not None
    null, clear = found.looks.mean(axis=0)
    assert 1 <= null < clear <= 3
    assert found.changed[:, 1].mean() > 0.9
    assert found.changed[:, 0].mean() < 0.5


def test_what_was_not_learned_gets_no_further_seeds_and_what_is_unknown_is_not_guessed() -> None:
    asked = Correction.BH, Margin(absolute=0.01), COUNTS
    # Of the last edge, into a task of which only one seed was run, nothing is known.
    assert expected_courses(edges(), runs(), *asked) is None
    some = runs(verdict=["not_learned", "undecided", "undecided"])
    found = expected_courses(edges().iloc[:2], some, *asked)
    assert found is not None
    assert (found.looks[:, 0] == 1).all()
    assert found.looks[:, 1].mean() > 1
