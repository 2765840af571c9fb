"""Corrections against SciPy, against their definitions, and against the edges they are for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from transfer_study.analysis.edges import Verdict
from transfer_study.analysis.effects.corrections import MeasuredEdge, corrected, judged
from transfer_study.analysis.effects.deltas import verdict_of
from transfer_study.analysis.effects.uncertainty import UNKNOWN, crossed
from transfer_study.study.correction import Correction

SEEDS, RESAMPLES, UNITS = 5, 2_000, 1_000


def edge(seeds: np.ndarray, resampled: np.ndarray) -> MeasuredEdge:
    """An edge with these differences, [S], and these of the mean on resampled examples, [B]."""
    again = seeds[:, None] + resampled
    return MeasuredEdge(crossed(seeds, again, UNITS), tuple(range(len(seeds))), seeds, again)


def edges(effects: np.ndarray, seed: int = 0) -> list[MeasuredEdge]:
    """Independent edges of these effects, in standard errors or so."""
    rng = np.random.default_rng(seed)
    return [
        edge(effect + rng.normal(0, 1, SEEDS), rng.normal(0, 0.5, RESAMPLES)) for effect in effects
    ]


def family(seed: int = 0) -> list[MeasuredEdge]:
    return edges(np.array([0, 0.3, 0.8, 1.2, 1.6, 2.0, 3.0, 4.0]), seed)


def ps(some: list[MeasuredEdge], method: Correction = Correction.BH) -> np.ndarray:
    return np.array([judged(method, one.effect, 0.05).p for one in some])


def holm(p: np.ndarray) -> np.ndarray:
    """The definition, edge by edge."""
    order = sorted(range(len(p)), key=p.__getitem__)
    adjusted = np.empty(len(p))
    for rank, at in enumerate(order):
        adjusted[at] = max(min(1, (len(p) - k) * p[order[k]]) for k in range(rank + 1))
    return adjusted


EXPECTED = {
    Correction.NONE: lambda p: p,
    Correction.BH: lambda p: stats.false_discovery_control(p, method="bh"),
    Correction.BY: lambda p: stats.false_discovery_control(p, method="by"),
    Correction.HOLM: holm,
}


@pytest.mark.parametrize("method", EXPECTED)
@pytest.mark.parametrize("seed", range(5))
def test_adjusted_p_are_those_of_the_definition(method, seed):
    some = family(seed)
    assert corrected(method, some).p == pytest.approx(EXPECTED[method](ps(some, method)))


@pytest.mark.parametrize("method", Correction)
@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.2])
@pytest.mark.parametrize("seed", range(5))
def test_intervals_at_the_level_exclude_zero_where_p_says_so(method, alpha, seed):
    some = family(seed)
    found = corrected(method, some, alpha)
    intervals = [
        judged(method, one.effect, level) for one, level in zip(some, found.levels, strict=True)
    ]
    excluded = [interval.low > 0 or interval.high < 0 for interval in intervals]
    assert excluded == list(found.p <= alpha)


@pytest.mark.parametrize("method", Correction)
def test_an_edge_alone_needs_no_correction(method):
    (alone,) = edges(np.array([1.5]))
    found = corrected(method, [alone])
    p = judged(method, alone.effect, 0.05).p
    # max-T has its p from resamples, never below the edge's own.
    assert p <= found.p[0] <= (p + 0.02 if method is Correction.MAX_T else p)
    assert found.levels == pytest.approx(0.05, abs=0.012 if method is Correction.MAX_T else 0)


@pytest.mark.parametrize("method", Correction)
def test_edges_without_a_p_are_not_of_the_family(method):
    some = family()
    missing = MeasuredEdge(UNKNOWN, (), np.zeros(0), np.zeros((0, 1)))
    found = corrected(method, [some[0], missing, *some[1:]])
    without = corrected(method, some)
    assert math.isnan(found.p[1])
    assert np.delete(found.p, 1) == pytest.approx(without.p)
    assert (np.delete(found.levels, 1) == without.levels).all()
    assert math.isnan(corrected(method, [missing]).p[0])


@pytest.mark.parametrize("method", Correction)
def test_the_order_of_edges_means_nothing(method):
    some = family()
    forth, back = corrected(method, some), corrected(method, some[::-1])
    # The degrees of freedom of max-T are drawn edge by edge.
    near = {"abs": 0.03} if method is Correction.MAX_T else {"rel": 1e-12}
    assert back.p[::-1] == pytest.approx(forth.p, **near)


def test_max_t_asks_less_of_edges_that_go_together():
    rng = np.random.default_rng(3)
    seeds, resampled = rng.normal(0, 1, SEEDS), rng.normal(0, 3, RESAMPLES)
    same = [edge(k + seeds, resampled) for k in np.linspace(0, 1e-6, 12)]
    apart = [edge(rng.normal(0, 1, SEEDS), rng.normal(0, 3, RESAMPLES)) for _ in range(12)]
    together, alone = (corrected(Correction.MAX_T, some).levels[0] for some in (same, apart))
    assert 0.05 / 12 / 2 < alone < 0.05 / 12 * 2
    assert together > 3 * alone


def test_max_t_keeps_false_families_rare():
    false = [
        (corrected(Correction.MAX_T, edges(np.zeros(8), seed)).p <= 0.05).any()
        for seed in range(300)
    ]
    assert np.mean(false) < 0.09


def small_and_precise(rng: np.random.Generator) -> tuple[list[MeasuredEdge], np.ndarray]:
    """40 true effects of half a margin, measured precisely, and 16 nulls with much noise."""
    true = np.repeat([0.005, 0.0], [40, 16])
    noise = np.repeat([0.0005, 0.03], [40, 16])
    some = []
    for effect, sd in zip(true, noise, strict=True):
        seeds = effect + rng.normal(0, sd, SEEDS)
        some.append(edge(seeds, np.zeros(1)))
    return some, true


def called(some: list[MeasuredEdge], levels: np.ndarray, margin: float) -> np.ndarray:
    """Which edges are called gain or loss."""
    found = np.zeros(len(some), bool)
    for n, (one, level) in enumerate(zip(some, levels, strict=True)):
        verdict = verdict_of(judged(Correction.BH, one.effect, level), margin)
        found[n] = verdict in (Verdict.GAIN, Verdict.LOSS)
    return found


def test_precise_effects_within_the_margin_pay_for_no_false_gain():
    rng, margin, studies = np.random.default_rng(0), 0.01, 60
    with_margin = without = 0
    for _ in range(studies):
        some, true = small_and_precise(rng)
        levels = corrected(Correction.BH, some, margins=margin).levels
        with_margin += called(some, levels, margin)[true == 0].any()
        # Counted first and dropped for the margin afterwards, they raise the level of all others.
        dropped = corrected(Correction.BH, some).levels
        without += called(some, dropped, margin)[true == 0].any()
    assert with_margin / studies <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / studies)
    assert without / studies > 0.3


@pytest.mark.parametrize("method", Correction)
def test_levels_go_with_verdicts_beyond_and_within_the_margin(method):
    some, _ = small_and_precise(np.random.default_rng(4))
    some += edges(np.array([0.1, 0.2]), 3)
    margin = 0.01
    found = corrected(method, some, margins=margin)
    size = np.array([abs(one.effect.mean) for one in some])
    within = size <= margin
    assert (found.p[within] == 1).all()
    assert within.sum() >= 40
    # Each test counts all edges, but only its own rejections.
    p = np.array([judged(method, one.effect, 0.05).p for one in some])
    nearer = [
        judged(method, replace(one.effect, mean=margin - abs(one.effect.mean)), 0.05).p
        for one in some
    ]
    if method in EXPECTED:
        assert found.p == pytest.approx(EXPECTED[method](np.where(within, 1, p)))
        equivalent = EXPECTED[method](np.where(within, nearer, 1)) <= 0.05
        verdicts = [
            verdict_of(judged(method, one.effect, level), margin)
            for one, level in zip(some, found.levels, strict=True)
        ]
        assert [v is Verdict.EQUIVALENT for v in verdicts] == list(equivalent & within)
        assert [v in (Verdict.GAIN, Verdict.LOSS) for v in verdicts] == list(found.p <= 0.05)
