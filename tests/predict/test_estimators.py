"""Edges estimated from others: they come out where what was measured says so, and no surer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from transfer_study.predict.known import EdgeEstimator, KnownEdges
from transfer_study.predict.low_rank import LowRank
from transfer_study.predict.random_effects import RandomEffects
from transfer_study.predict.scale import target_scales

TASKS = tuple("abcdefghijklmnop")
ADDITIVE = RandomEffects()


def world(seed: int, noise: float = 0.004) -> tuple[np.ndarray, np.ndarray]:
    """True effects of sources and targets on a scale of each target, and what was measured."""
    random = np.random.default_rng(seed)
    n = len(TASKS)
    sizes = np.exp(random.normal(0, 0.7, n)) * 0.01
    own = random.normal(0, 0.4, (n, n))
    truth = (random.normal(0, 1, (n, 1)) + random.normal(0, 1, n) + own) * sizes
    baselines = random.normal(0, noise, n)
    return truth, truth + random.normal(0, noise, (n, n)) + baselines


def known(measured: np.ndarray, share: float, seed: int = 0, noise: float = 0.004) -> KnownEdges:
    """A share of the pairs of two tasks, with their errors, of which half is the baseline's."""
    random = np.random.default_rng(seed)
    source, target = np.nonzero(~np.eye(len(TASKS), dtype=bool))
    picked = random.permutation(len(source))[: round(share * len(source))]
    s, t = source[picked], target[picked]
    table = pd.DataFrame(
        {
            "source": np.array(TASKS)[s],
            "target": np.array(TASKS)[t],
            "delta": measured[s, t],
            "error": noise * 2**0.5,
            "shared": noise,
        }
    )
    return KnownEdges(TASKS, TASKS, table, dict.fromkeys(TASKS, noise))


def new_pairs(edges: KnownEdges) -> np.ndarray:
    """Which pairs of two tasks were not measured."""
    new = ~np.eye(len(TASKS), dtype=bool)
    new[edges.ends] = False
    return new


def test_signs_of_pairs_that_were_not_measured_are_found() -> None:
    right = []
    for seed in range(5):
        truth, measured = world(seed)
        edges = known(measured, 0.3, seed)
        clear = new_pairs(edges) & (np.abs(truth) > 0.01)
        right.append((np.sign(ADDITIVE.estimate(edges).mean) == np.sign(truth))[clear].mean())
    assert np.mean(right) > 0.85


@pytest.mark.parametrize("share", [0.15, 0.3, 0.8])
def test_intervals_hold_as_often_as_they_say(share: float) -> None:
    held = []
    for seed in range(12):
        truth, measured = world(seed)
        edges = known(measured, share, seed)
        found = ADDITIVE.estimate(edges)
        held += list((np.abs(found.mean - truth) < found.reach())[new_pairs(edges)])
    assert 0.92 < np.mean(held) < 0.99


def test_what_is_measured_well_stands_as_it_was_measured() -> None:
    truth, measured = world(0, noise=1e-5)
    edges = known(measured, 0.5, noise=1e-5)
    found = ADDITIVE.estimate(edges)
    assert found.mean[edges.ends] == pytest.approx(truth[edges.ends], abs=1e-3)
    assert (found.scale[edges.ends] < found.scale[new_pairs(edges)].min()).all()


def test_a_baseline_that_was_off_by_chance_is_no_effect_of_all_partners() -> None:
    """All edges of a target share its baseline's error: their mean is no surer than that."""
    random = np.random.default_rng(1)
    noise = 0.02
    measured = random.normal(0, 1e-3, (len(TASKS), len(TASKS)))
    measured[:, 0] += 2 * noise
    edges = known(measured, 0.9, noise=noise)
    found = ADDITIVE.estimate(edges)
    assert (found.table(0.01)["gain"] < 0.8).all()
    without = KnownEdges(TASKS, TASKS, edges.measured.assign(shared=0.0), edges.noise)
    sure = ADDITIVE.estimate(without)
    assert sure.mean[1:, 0].mean() > 1.5 * found.mean[1:, 0].mean()


def test_other_encoders_help_where_they_agree_and_are_left_alone_where_not() -> None:
    alike, apart, alone = [], [], []
    for seed in range(5):
        truth, measured = world(seed)
        other, _ = world(seed + 100)
        edges = known(measured, 0.15, seed)
        new = new_pairs(edges)

        def error(
            earlier: np.ndarray | None,
            edges: KnownEdges = edges,
            truth: np.ndarray = truth,
            new: np.ndarray = new,
        ) -> float:
            tables = [] if earlier is None else [_whole(earlier)]
            with_them = KnownEdges(TASKS, TASKS, edges.measured, edges.noise, tables)
            found = RandomEffects(earlier=bool(tables)).estimate(with_them)
            usual = np.sqrt((truth**2).mean(axis=0))
            return float((((found.mean - truth) / usual)[new] ** 2).mean())

        alike.append(error(truth))
        apart.append(error(other))
        alone.append(error(None))
    assert np.mean(alike) < 0.5 * np.mean(alone)
    assert np.mean(apart) < 1.3 * np.mean(alone)


def _whole(effects: np.ndarray) -> pd.DataFrame:
    s, t = np.nonzero(~np.eye(len(TASKS), dtype=bool))
    names = np.array(TASKS)
    return pd.DataFrame({"source": names[s], "target": names[t], "delta": effects[s, t]})


def test_a_target_is_taken_to_vary_as_it_does() -> None:
    truth, measured = world(3)
    scales = target_scales(known(measured, 0.8))
    usual = np.sqrt((truth**2).mean(axis=0))
    assert np.corrcoef(np.log(scales), np.log(usual))[0, 1] > 0.8


@pytest.mark.parametrize("estimator", [ADDITIVE, RandomEffects(sources=False), LowRank()])
def test_estimates_do_not_hang_on_the_order_of_what_was_measured(estimator: EdgeEstimator) -> None:
    _, measured = world(0)
    edges = known(measured, 0.5)
    again = edges.measured.sample(frac=1, random_state=1)
    other = KnownEdges(TASKS, TASKS, again, edges.noise)
    if isinstance(estimator, LowRank):  # which edges are left out together does
        assert estimator.estimate(other).mean.shape == (len(TASKS), len(TASKS))
        return
    one, two = estimator.estimate(edges), estimator.estimate(other)
    assert one.mean == pytest.approx(two.mean, abs=1e-4)
    assert one.scale == pytest.approx(two.scale, rel=1e-2)


@pytest.mark.parametrize("estimator", [ADDITIVE, LowRank()])
def test_from_nothing_comes_nothing(estimator: EdgeEstimator) -> None:
    _, measured = world(0)
    none = KnownEdges(TASKS, TASKS, known(measured, 0.1).measured.iloc[:0], {})
    with pytest.raises(ValueError, match="nothing is measured"):
        estimator.estimate(none)


def test_a_table_has_every_pair_once_with_its_chances() -> None:
    _, measured = world(0)
    table = ADDITIVE.estimate(known(measured, 0.5)).table(0.01)
    assert len(table) == len(TASKS) * (len(TASKS) - 1)
    assert not table.duplicated(["source", "target"]).any()
    assert ((table["gain"] + table["loss"]) <= 1).all()
    assert (table["low"] < table["expected"]).all() and (table["expected"] < table["high"]).all()
    wider = ADDITIVE.estimate(known(measured, 0.5)).table(0.03)
    assert (wider["gain"] <= table["gain"]).all()
