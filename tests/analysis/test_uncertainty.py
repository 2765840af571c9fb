"""The paired interval against SciPy, and its coverage against simulation."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from transfer_study.analysis.effects.tails import strict_p, strict_reach
from transfer_study.analysis.effects.uncertainty import (
    Crossed,
    Interval,
    Variance,
    combined,
    paired_t,
)


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


@pytest.mark.parametrize("same", [0.1, -0.1, 0.0])
def test_equal_differences_have_no_interval(same):
    found = paired_t([same] * 3)
    assert found.mean == same
    assert np.isnan([found.low, found.high, found.p]).all()


def test_an_interval_holds_only_what_is_possible():
    found = Interval(0.5, -0.2, 1.2, 0.1)
    assert found.within(-0.5, 1.0) == Interval(0.5, -0.2, 1.0, 0.1)
    assert found.within(0.0, 2.0) == Interval(0.5, 0.0, 1.2, 0.1)
    nothing = found.within(0.0, 1.0)
    assert (nothing.mean, nothing.p) == (0.5, 0.1)
    assert np.isnan([nothing.low, nothing.high]).all()


@pytest.mark.parametrize("documents", [2, 5, 40])
@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_examples_of_few_documents_alone_have_their_t(documents, alpha):
    effect = combined(0.1, Variance(0.0, 2.0, 0.01**2 * (documents - 1) / documents, documents))
    reach = stats.t.ppf(1 - alpha / 2, documents - 1) * 0.01
    found = effect.strict(alpha)
    assert found.high - 0.1 == pytest.approx(reach, rel=0.01)
    assert found.p == pytest.approx(2 * stats.t.sf(10, documents - 1), rel=0.02)
    assert effect.interval(alpha).high >= found.high - 1e-9  # a part is set aside for seeds


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_covers_95_in_100(seeds):
    draws = np.random.default_rng(7).normal(0.3, 1, (3000, seeds))
    covered = [found.low <= 0.3 <= found.high for found in map(paired_t, draws)]
    assert 0.935 < np.mean(covered) < 0.965


def drawn(simulations: int, seeds: int, share: float) -> list[Crossed]:
    """Null effects whose true error is 1, this share of its variance from examples."""
    rng = np.random.default_rng(11)
    of_seeds = (1 - share) * rng.chisquare(seeds - 1, simulations) / (seeds - 1)
    found = []
    for mean, variance in zip(rng.normal(size=simulations), of_seeds, strict=True):
        error, freedom = variance + share, seeds - 1.0
        satterthwaite = error**2 / (variance**2 / freedom + share**2 / 999)
        sd, rest = math.sqrt(seeds * variance), math.sqrt(share)
        found.append(Crossed(mean, sd, rest, math.sqrt(error), satterthwaite, freedom))
    return found


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_one_edge_among_many_is_not_found_by_the_chance_that_few_seeds_agree(share):
    alpha, nulls = 0.05 / 18, drawn(20_000, 3, share)
    expected = alpha * len(nulls)
    assert sum(one.strict(alpha).p < alpha for one in nulls) < 1.3 * expected
    assert sum(one.interval(alpha).p < alpha for one in nulls) > 1.8 * expected


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 18])
def test_one_edge_is_not_found_by_the_chance_that_few_documents_agree(alpha):
    rng, nulls, documents = np.random.default_rng(13), 3000, 4
    # Differences of three seeds and four documents, a hundredth of their variance from seeds.
    of_document = rng.normal(size=(nulls, documents))
    of_seed = rng.normal(size=(nulls, 3)) * math.sqrt(3 / documents / 99)
    size = np.abs(of_document.mean(axis=1) + of_seed.mean(axis=1))
    seeds, examples = of_seed.var(axis=1, ddof=1) / 3, of_document.var(axis=1, ddof=1) / documents
    nulls_drawn = list(zip(size, seeds, examples, strict=True))
    p, naive = (
        np.array([strict_p(mean, of_seeds, 2.0, rest, f) for mean, of_seeds, rest in nulls_drawn])
        for f in (documents - 1.0, math.inf)
    )
    error = 2 * math.sqrt(alpha / nulls)
    assert (p < alpha).mean() < alpha + error
    assert (naive < alpha).mean() > 1.5 * alpha + error  # as if documents were without number


@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_the_strict_interval_is_student_s_where_only_seeds_vary(alpha):
    effect = Crossed(0.02, 0.01 * math.sqrt(3), 0.0, 0.01, 2.0, 2.0)
    for found, expected in zip(
        dataclasses.astuple(effect.strict(alpha)),
        dataclasses.astuple(effect.interval(alpha)),
        strict=True,
    ):
        assert found == pytest.approx(expected, rel=1e-5)


def test_the_strict_interval_agrees_with_its_p():
    for one in drawn(200, 3, 0.3):
        found = one.strict(0.2)
        assert (found.p < 0.2) == (found.low > 0 or found.high < 0)


@pytest.mark.parametrize("freedom", [1.0, 2.0, 4.7, 30.0])
@pytest.mark.parametrize("least", [0.0, 0.4, 3.0])
def test_the_strict_p_is_the_mean_over_what_the_seeds_variance_may_truly_be(freedom, least):
    """Against SciPy's integral: no true variance is below what is known to be in it."""
    found, examples = 1.0, 0.5

    def tail(q: float, size: float) -> float:
        true = max(found / q, least) + examples
        return stats.chi2.pdf(q * freedom, freedom) * freedom * 2 * stats.norm.sf(size / true**0.5)

    for size in (0.5, 2.0, 6.0):
        bounds = [1e-9, 0.05, 0.2, 1.0, 3.0, 60.0]
        if least:
            bounds = sorted([*bounds, found / least])
        parts = (quad(tail, a, b, args=(size,))[0] for a, b in pairwise(bounds))
        p = strict_p(size, found, freedom, examples, least=least)
        assert p == pytest.approx(sum(parts), rel=0.01)
    reach = strict_reach(found, freedom, examples, math.inf, least, alpha=0.01)
    assert strict_p(reach, found, freedom, examples, least=least) == pytest.approx(0.01)


def test_an_effect_has_no_less_error_than_the_examples_make():
    """Where two seeds agree by chance, and wherever an interaction is known."""
    for seeds, interaction in ((0.0, 4e-4), (1e-4, 4e-4), (9e-4, 4e-4)):
        effect = combined(0.1, Variance(seeds, 2.0, 1e-4, 1_000, interaction), 3)
        assert effect.error**2 == pytest.approx((max(seeds, interaction) + 1e-4), rel=2e-3)
        assert effect.seed_sd**2 / 3 >= interaction
        # Those of the examples make the error better known where it is mostly theirs.
        assert effect.freedom > 2
