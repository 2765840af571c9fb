"""Replicate scores against scoring each resample by itself."""

from __future__ import annotations

import numpy as np
import pytest

from transfer_study.analysis.effects import replicates
from transfer_study.analysis.effects.replicates import TestSet, draw_counts, replicate_scores
from transfer_study.metrics import Statistics, from_sums
from transfer_study.study.tasks.task import MetricName


def of_pearson(n: int, models: int = 3, spread: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(n)
    x = rng.normal(0, 1, n)
    said = spread * (x + rng.normal(0, 0.7, (models, n)) + np.arange(models)[:, None])
    rows = [np.column_stack([x**0, x, y, x * x, y * y, x * y]) for y in said]
    return np.stack(rows, axis=1)


def of_f1(n: int, models: int = 3) -> np.ndarray:
    rng = np.random.default_rng(n)
    gold = rng.poisson(1, n)
    right = [rng.binomial(gold, 0.8) for _ in range(models)]
    rows = [np.column_stack([r, r + rng.poisson(0.2, n), gold]) for r in right]
    return np.stack(rows, axis=1).astype(np.float64)


def test_counts_draw_as_many_as_there_are():
    chunks = list(draw_counts(np.random.default_rng(0), 300, 600))
    counts = np.concatenate(chunks)
    assert counts.shape == (600, 300)
    assert counts.dtype == np.uint8
    assert (counts.sum(axis=1) == 300).all()
    # A multinomial count has mean 1 and variance 1 - 1/units.
    assert counts.mean() == 1
    assert counts.var() == pytest.approx(1 - 1 / 300, rel=0.02)
    assert {len(chunk) for chunk in chunks[:-1]} == {replicates._CHUNK}


@pytest.mark.parametrize("units", [1, 2, 40, 499, 500, 3000])
@pytest.mark.parametrize(
    ("metric", "rows"), [(MetricName.PEARSON, of_pearson), (MetricName.ENTITY_F1, of_f1)]
)
def test_every_resample_is_scored_as_by_itself(metric, rows, units):
    statistics = rows(units)
    counts = list(draw_counts(np.random.default_rng(1), units, 300))
    found = replicate_scores(metric, statistics, counts)
    assert found.shape == (3, 300)
    drawn = np.repeat(np.arange(units), counts[0][7])
    assert found[:, 7] == pytest.approx(from_sums(metric, statistics[drawn].sum(axis=0)), abs=1e-5)


def test_counts_come_out_alike_in_whatever_order_a_machine_adds():
    statistics, order = of_f1(3000), np.random.default_rng(2).permutation(3000)
    (counts,) = draw_counts(np.random.default_rng(1), 3000, 200)
    found, otherwise = (
        replicate_scores(MetricName.ENTITY_F1, statistics[n], [counts[:, n]])
        for n in (np.arange(3000), order)
    )
    assert (found == otherwise).all()


@pytest.mark.parametrize("spread", [1e-18, 1e25])
def test_no_scale_of_answers_is_lost(spread):
    counts = list(draw_counts(np.random.default_rng(1), 800, 20))
    usual, odd = (
        replicate_scores(MetricName.PEARSON, of_pearson(800, spread=s), counts) for s in (1, spread)
    )
    assert odd == pytest.approx(usual, abs=1e-5)


@pytest.mark.parametrize("units", [30, 600])
def test_constant_answers_score_nothing_on_every_resample(units):
    statistics = of_pearson(units)
    statistics[:, 1, [2, 4, 5]] = 0
    counts = list(draw_counts(np.random.default_rng(1), units, 50))
    found = replicate_scores(MetricName.PEARSON, statistics, counts)
    assert (found[1] == 0).all()
    assert (found[[0, 2]] > 0.3).all()


def test_documents_are_drawn_whole_and_the_same_for_every_model(monkeypatch):
    monkeypatch.setattr(replicates, "RESAMPLES", 400)
    right = np.array([1, 1, 1, 0, 0, 0, 1, 0.0])
    documents = tuple("aaabbbcd")
    rows = Statistics(np.column_stack([right, np.ones(8)]), documents)
    other = Statistics(np.column_stack([1 - right, np.ones(8)]), documents)
    test_set = TestSet.of("t", MetricName.ACCURACY, 8, 0.1, {"one": rows, "other": other})
    assert test_set.units == 4
    assert test_set.scores() == {"one": 0.5, "other": 0.5}
    one, opposite = test_set.replicates(["one", "other"])
    assert one + opposite == pytest.approx(np.ones(400))
    assert one.std() > 0.2  # of 8 single examples it would be 0.18
    again = TestSet.of("t", MetricName.ACCURACY, 8, 0.1, {"other": other, "one": rows})
    assert (again.replicates(["one"])[0] == one).all()
