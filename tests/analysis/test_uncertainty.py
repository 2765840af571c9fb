"""The paired interval against SciPy, and its coverage against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from transfer_study.analysis.uncertainty import Interval, paired_t


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_agrees_with_scipy(seeds):
    rng = np.random.default_rng(seeds)
    baseline = rng.normal(0.7, 0.05, seeds)
    score = baseline + rng.normal(0.02, 0.03, seeds)
    found = paired_t(score - baseline)
    test = stats.ttest_rel(score, baseline)
    low, high = test.confidence_interval(0.95)
    assert found == Interval(
        *(pytest.approx(x) for x in ((score - baseline).mean(), low, high, test.pvalue))
    )


def test_p_and_interval_agree_about_zero():
    for row in np.random.default_rng(0).normal(0.5, 1, (200, 4)):
        found = paired_t(row)
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_mirrored_differences_mirror_the_interval():
    found, mirrored = paired_t([0.1, 0.3, 0.2]), paired_t([-0.1, -0.3, -0.2])
    assert mirrored == Interval(-found.mean, -found.high, -found.low, found.p)


def test_one_run_has_a_mean_and_no_interval():
    found = paired_t([0.25])
    assert found.mean == 0.25
    assert all(math.isnan(x) for x in (found.low, found.high, found.p))


def test_no_run_has_nothing():
    found = paired_t([])
    assert all(math.isnan(x) for x in (found.mean, found.low, found.high, found.p))


@pytest.mark.parametrize(("same", "p"), [(0.1, 0.0), (-0.1, 0.0), (0.0, 1.0)])
def test_equal_differences_leave_no_doubt(same, p):
    assert paired_t([same] * 3) == Interval(same, same, same, p)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_covers_95_in_100(seeds):
    draws = np.random.default_rng(7).normal(0.3, 1, (3000, seeds))
    covered = [found.low <= 0.3 <= found.high for found in map(paired_t, draws)]
    assert 0.935 < np.mean(covered) < 0.965
