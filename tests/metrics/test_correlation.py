"""Pearson's r against SciPy's at any offset and scale, on whole test sets and on resamples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr

from transfer_study import metrics
from transfer_study.analysis.effects.replicates import TestSet, draw_counts, replicate_scores
from transfer_study.study.tasks.task import MetricName, Task

PEARSON = MetricName.PEARSON
TASK = Task.model_validate(
    {
        "name": "t",
        "kind": "regression",
        "source": {"format": "synthetic", "task": "t", "train": 1, "dev": 1, "test": 1},
    }
)
# Offset and scale of gold: what is left of the digits must tell the differences.
PLACES = [(0, 1), (0, 1e300), (0, 5e307), (0, 1e-300), (1e8, 1), (-1e12, 1), (1e300, 1e290)]


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.clip(rng.normal(0, 1, n), -2, 2)
    return x, np.clip(0.6 * x + rng.normal(0, 0.6, n), -3, 3)


def scored(gold: np.ndarray, predicted: np.ndarray) -> float:
    return metrics.score(PEARSON, TASK, gold.tolist(), predicted.tolist(), [""] * len(gold))


@pytest.mark.parametrize(("offset", "scale"), PLACES)
@pytest.mark.parametrize("seed", range(3))
def test_any_finite_gold_and_answers(offset, scale, seed):
    x, y = drawn(50, seed)
    gold, moved = offset + scale * x, offset + scale * y / 2
    # SciPy is asked about the differences that are left, at a scale it can take.
    expected = pearsonr((gold - offset) / scale, (moved - offset) / scale).statistic
    assert scored(gold, moved) == pytest.approx(expected, abs=1e-9)
    plain = pearsonr((gold - offset) / scale, y).statistic
    assert scored(gold, y) == pytest.approx(plain, abs=1e-9)
    assert scored(-gold, y) == pytest.approx(-plain, abs=1e-9)
    assert scored(y, gold) == pytest.approx(plain, abs=1e-9)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(*[st.integers(-1000, 1000)] * 2), min_size=3, max_size=30),
    st.integers(-300, 290),
    st.sampled_from([0.0, 1e5, -1e9]),
)
def test_any_numbers_as_scipy_says(pairs, power, offset):
    x, y = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert scored(x * 10.0**power, y) == 0
        return
    expected = pearsonr(x, y).statistic
    assert scored(x * 10.0**power, y + offset) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("units", [20, 700])
@pytest.mark.parametrize(("offset", "scale"), PLACES)
def test_resamples_at_any_place_are_those_of_plain_scores(units, offset, scale):
    x, y = drawn(units, 5)
    gold = offset + scale * x
    plain = (gold - offset) / scale

    def replicates(said: np.ndarray, answers: np.ndarray) -> np.ndarray:
        rows = metrics.statistics(
            PEARSON, TASK, said.tolist(), answers.tolist(), [f"{n:04}" for n in range(units)]
        )
        test_set = TestSet.of("t", PEARSON, units, 0.0, {"m": rows})
        counts = list(draw_counts(np.random.default_rng(0), units, 30))
        return replicate_scores(PEARSON, test_set.statistics, counts)[0]

    found = replicates(gold, offset + scale * y)
    assert found == pytest.approx(replicates(plain, y), abs=1e-4)
    (counts,) = draw_counts(np.random.default_rng(0), units, 30)
    for one, times in zip(found, counts, strict=True):
        rows = np.repeat(np.arange(units), times)
        assert one == pytest.approx(pearsonr(plain[rows], y[rows]).statistic, abs=1e-4)


@pytest.mark.parametrize("units", [40, 600])
@pytest.mark.parametrize("far", [1e3, 1e12, 1e25, 1e140])
def test_resamples_without_the_one_far_score_are_of_the_others(units, far):
    x, y = drawn(units, 2)
    x[7] = far
    rows = metrics.statistics(
        PEARSON, TASK, x.tolist(), y.tolist(), [f"{n:04}" for n in range(units)]
    )
    statistics = TestSet.of("t", PEARSON, units, 0.0, {"m": rows}).statistics
    counts = np.concatenate(list(draw_counts(np.random.default_rng(3), units, 40)))
    found = replicate_scores(PEARSON, statistics, [counts])[0]
    assert (counts[:, 7] == 0).any()
    for one, times in zip(found, counts, strict=True):
        if times[7] == 0:
            drawn_rows = np.repeat(np.arange(units), times)
            assert one == pytest.approx(pearsonr(x[drawn_rows], y[drawn_rows])[0], abs=1e-4)
