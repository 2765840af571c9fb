"""Spearman's rho against SciPy's, and its resamples against ranks that are taken anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from transfer_study import metrics
from transfer_study.study.tasks.task import MetricName, Task

SPEARMAN = MetricName.SPEARMAN
TASK = Task.model_validate(
    {
        "name": "t",
        "kind": "regression",
        "metric": "spearman",
        "source": {"format": "synthetic", "task": "t", "train": 1, "dev": 1, "test": 1},
    }
)


@settings(max_examples=200)
@given(st.lists(st.tuples(*[st.integers(-4, 4)] * 2), min_size=2, max_size=30))
def test_any_numbers_with_ties_as_scipy_says(pairs):
    gold, predicted = ([float(v) for v in side] for side in zip(*pairs, strict=True))
    expected = 0.0
    if len(set(gold)) > 1 and len(set(predicted)) > 1:
        expected = spearmanr(gold, predicted).statistic
    found = metrics.score(SPEARMAN, TASK, gold, predicted, [""] * len(gold))
    assert found == pytest.approx(expected, abs=1e-9)


def test_ranks_know_no_scale():
    gold, predicted = [1.0, 2.0, 1e300, 4.0], [-1e300, 0.1, 5.0, 0.2]
    assert metrics.score(SPEARMAN, TASK, gold, predicted, [""] * 4) == pytest.approx(1)


@pytest.mark.parametrize("levels", [None, 6])  # of gold: any numbers, or a scale with ties
@pytest.mark.parametrize("slope", [0.0, 0.8, 3.0])
def test_differences_of_models_vary_as_with_ranks_taken_anew(levels, slope):
    rng = np.random.default_rng(4)
    n, draws = 400, 400
    gold = rng.normal(0, 1, n) if levels is None else rng.integers(0, levels, n) / 2
    shared = rng.normal(0, 1, n)
    models = [slope * gold + shared + rng.normal(0, 0.7, n) for _ in range(2)]
    rows = [
        metrics.statistics(SPEARMAN, TASK, gold.tolist(), said.tolist(), [""] * n).values
        for said in models
    ]
    samples = rng.integers(0, n, (draws, n))
    counts = np.stack([np.bincount(sample, minlength=n) for sample in samples])
    fast = np.stack([metrics.from_sums(SPEARMAN, counts @ values) for values in rows])
    anew = np.array([[spearmanr(gold[s], m[s]).statistic for s in samples] for m in models])
    assert fast.mean(axis=1) == pytest.approx(anew.mean(axis=1), abs=0.01)
    for found, expected in ((fast[0], anew[0]), (fast[0] - fast[1], anew[0] - anew[1])):
        assert np.corrcoef(found, expected)[0, 1] > 0.97
        assert found.std() == pytest.approx(expected.std(), rel=0.05)


@pytest.mark.parametrize("levels", [3, 100])
def test_an_influence_is_what_one_more_of_an_example_changes(levels):
    rng = np.random.default_rng(levels)
    n, copies = 12, 4000
    gold = rng.integers(0, levels, n).astype(float)
    said = gold + rng.integers(0, levels, n)
    rows = metrics.statistics(SPEARMAN, TASK, gold.tolist(), said.tolist(), [""] * n).values
    rho = rows[:, 0].mean()
    for example, value in enumerate(rows[:, 0]):
        more = np.append(np.tile(np.arange(n), copies), example)
        changed = spearmanr(gold[more], said[more]).statistic
        assert (changed - rho) * len(more) == pytest.approx(value - rho, abs=2e-3)
