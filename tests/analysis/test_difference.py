"""Differences of two studies: their errors against other authorities, and what is said of them."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from transfer_study.analysis.compare.difference import (
    Side,
    differences,
    happened,
    shared,
    signs_and_ranks,
)
from transfer_study.analysis.effects.corrections import MeasuredEdge
from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.double_difference import independent, joint
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.analysis.effects.uncertainty import Crossed, crossed
from transfer_study.errors import StudyError
from transfer_study.metrics import Statistics
from transfer_study.study.correction import Correction
from transfer_study.study.margin import Margin
from transfer_study.study.tasks.task import MetricName

RANDOM = np.random.default_rng(4)


def edge(observed, replicates=None, seeds=None) -> MeasuredEdge:
    observed = np.asarray(observed, dtype=np.float64)
    if replicates is None:
        replicates = np.repeat(observed[:, None], 2, axis=1)
    seeds = tuple(range(len(observed))) if seeds is None else tuple(seeds)
    return MeasuredEdge(crossed(observed, replicates, 50), seeds, observed, replicates)


# --- the error of a difference


def test_with_all_seeds_in_common_it_is_the_crossed_interval_of_paired_differences():
    a, b = RANDOM.normal(size=(2, 5))
    on_examples = RANDOM.normal(size=(2, 5, 400)) + RANDOM.normal(size=(2, 1, 400))
    found = joint(edge(a, on_examples[0]), edge(b, on_examples[1]), 50)
    expected = crossed(b - a, on_examples[1] - on_examples[0], 50)
    for name in ("mean", "example_error", "error", "freedom"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name))
    assert found.seed_sd == pytest.approx(expected.seed_sd / math.sqrt(5))


def test_without_common_seeds_and_example_error_it_is_welchs_test():
    a, b = RANDOM.normal(size=4), 1 + 2 * RANDOM.normal(size=7)
    apart = joint(edge(a), edge(b, seeds=range(10, 17)), 50)
    of_a, of_b = (crossed(d, np.zeros((len(d), 1)), 50) for d in (a, b))
    sums = [
        replace(effect, seed_sd=effect.seed_sd / math.sqrt(len(d)))
        for effect, d in ((of_a, a), (of_b, b))
    ]
    welch = stats.ttest_ind(b, a, equal_var=False)
    low, high = welch.confidence_interval()
    for found in (apart, independent(*sums)):
        interval = found.interval()
        assert (interval.low, interval.high) == pytest.approx((low, high))
        assert interval.p == pytest.approx(welch.pvalue)
        assert found.freedom == pytest.approx(welch.df)


def test_a_study_with_further_seeds_of_the_same_models_differs_by_those_alone():
    """Of 9 runs 3 are the other study's too: the difference is of the 3 and the 6 others."""
    b = RANDOM.normal(size=9)
    found = joint(edge(b[:3]), edge(b), 50)
    assert found.mean == pytest.approx(2 / 3 * (b[3:].mean() - b[:3].mean()))
    # Var(mean of 9 - mean of 3): each common run has 1/3 - 1/9, each other one 1/9.
    assert found.error**2 == pytest.approx(
        3 * (2 / 9) ** 2 * b[:3].var(ddof=1) + 6 / 81 * b.var(ddof=1)
    )
    assert found.error < joint(edge(b[:3]), edge(b, seeds=range(20, 29)), 50).error


def test_the_same_models_do_not_differ_and_have_no_interval():
    a = edge(RANDOM.normal(size=3), RANDOM.normal(size=(3, 100)))
    interval = joint(a, a, 50).interval()
    assert interval.mean == 0
    assert np.isnan([interval.low, interval.high, interval.p]).all()


def test_of_an_effect_without_an_interval_no_difference_is_sure():
    """Runs that all answer alike are no exact knowledge that another study could be held to."""
    alike, varies = edge(np.zeros(3)), edge([0.28, 0.30, 0.32], RANDOM.normal(0.3, 0.01, (3, 100)))
    assert not alike.effect.known
    for found in (joint(alike, varies, 50), joint(varies, alike, 50)):
        assert abs(found.mean) == pytest.approx(0.3)
        assert math.isnan(found.interval().low)
    assert math.isnan(independent(alike.effect, varies.effect).interval().low)


@pytest.mark.parametrize("documents", [1, 3])
def test_few_documents_are_few_in_a_difference_of_tables_too(documents):
    """With three documents a side an interval is a t's, with one there is none."""
    names = [str(n % documents) for n in range(60)]
    sides = []
    for name in ("a", "b"):
        hits = {}
        for stage, seed in product(("B", "AB"), SEEDS):
            right = (RANDOM.random(60) < 0.5 + 0.2 * (stage == "AB")).astype(np.float64)
            values = np.column_stack([right, np.ones(60)])
            hits[f"{stage}-{seed}"] = Statistics(values, tuple(names))
        test_set = TestSet.of("B", MetricName.ACCURACY, 60, 0.1, hits)
        comparisons = study(name, {"A": 0.1}).comparisons
        sides.append(judged(name, comparisons, {"B": test_set}))
    of_tables = differences(*(Side(s.name, s.deltas) for s in sides), Correction.NONE).iloc[0]
    if documents == 1:
        assert math.isnan(of_tables["low"])
    else:
        assert of_tables["freedom"] < 12


def test_one_seed_tells_no_interval():
    found = joint(edge([0.1]), edge([0.2, 0.3, 0.4]), 50)
    assert found.mean == pytest.approx(0.2)
    assert math.isnan(found.error)
    assert math.isnan(joint(edge([]), edge([0.2, 0.3]), 50).mean)


def simulated(random: np.random.Generator, shared_seeds: int, seeds=(4, 6), n=80) -> Crossed:
    """The difference of two effects of equal means over correlated runs and examples."""
    counts = random.multinomial(n, np.full(n, 1 / n), size=300) / n
    of_examples = random.normal(size=n)  # what both studies find hard
    of_seeds = random.normal(size=20)
    found = []
    for number, size in enumerate(seeds):
        names = [*range(shared_seeds), *range(5 + 7 * number, 5 + 7 * number + size)][:size]
        values = (
            0.7 * of_examples
            + random.normal(size=n)
            + 0.15 * of_seeds[names][:, None]
            + 0.15 * random.normal(size=(size, 1))
            + 2.0 * random.normal(size=(size, n))
        )
        found.append(edge(values.mean(axis=1), values @ counts.T, names))
    return joint(*found, n)


@pytest.mark.parametrize("shared_seeds", [0, 3, 4])
def test_intervals_cover_no_difference_as_often_as_they_say(shared_seeds):
    random = np.random.default_rng(shared_seeds)
    intervals = [simulated(random, shared_seeds).interval() for _ in range(400)]
    covered = np.mean([i.low <= 0 <= i.high for i in intervals])
    # Of a share of 400 three standard errors are 3.3 points.
    assert 0.917 <= covered <= 0.983


# --- what happened


@pytest.mark.parametrize(
    ("before", "after", "shown", "said"),
    [
        ("gain", "loss", True, "flipped"),
        ("loss", "gain", False, "flipped"),
        ("undecided", "gain", False, "appeared"),
        ("equivalent", "loss", True, "appeared"),
        ("gain", "undecided", True, "vanished"),
        ("gain", "gain", True, "changed"),
        ("gain", "gain", False, "kept"),
        ("undecided", "equivalent", False, "kept"),
        ("undecided", "equivalent", True, "changed"),
        ("gain", "failed", False, "not_measured"),
        ("not_run", "loss", False, "not_measured"),
        ("gain", math.nan, False, "only_a"),
        (math.nan, "failed", False, "only_b"),
    ],
)
def test_what_happened(before, after, shown, said):
    assert happened(before, after, shown) == said


# --- tables of two studies

SEEDS = range(5)
UNITS = 200


def answers(share: float, random: np.random.Generator, hard: np.ndarray) -> Statistics:
    """Hits of a model that is right on about this share of examples, the same ones hard to all."""
    hits = (0.8 * hard + 0.2 * random.random(UNITS) < share).astype(np.float64)
    return Statistics(
        np.column_stack([hits, np.ones(UNITS)]), tuple(f"{i:03}" for i in range(UNITS))
    )


def study(name: str, effects: dict[str, float], encoder="tiny", random=None, prefix="") -> Side:
    """A study of effects on one target by source, at five seeds."""
    random = random or np.random.default_rng(7)
    hard = np.random.default_rng(0).random(UNITS)
    alone = {f"{prefix}B-{s}": answers(0.5, random, hard) for s in SEEDS}
    rows = [
        {
            **{"encoder": encoder, "reading": "refine", "arm": "pair", "metric": "accuracy"},
            **{"source": source, "target": "B", "over": "", "seed": seed},
            **{"stage": f"{prefix}{source}B-{seed}", "baseline": f"{prefix}B-{seed}"},
        }
        for source in effects
        for seed in SEEDS
    ]
    models = {
        f"{prefix}{source}B-{s}": answers(0.5 + effect, random, hard)
        for source, effect in effects.items()
        for s in SEEDS
    }
    test_sets = {"B": TestSet.of("B", MetricName.ACCURACY, UNITS, 0.1, {**alone, **models})}
    return judged(name, pd.DataFrame(rows), test_sets)


def judged(name, comparisons, test_sets) -> Side:
    judgement = Judgement(Margin(absolute=0.01), Correction.NONE)
    return Side(name, deltas(comparisons, test_sets, judgement, ()), comparisons, test_sets)


def on_one_test_set(a: Side, b: Side) -> tuple[Side, Side]:
    both = {"B": shared(a.test_sets["B"], b.test_sets["B"])}
    return tuple(judged(side.name, side.comparisons, both) for side in (a, b))


A = {"up": 0.2, "down": -0.2, "same": 0.1, "gone": 0.1}
B = {"up": -0.2, "down": -0.2, "same": 0.1, "new": 0.1}


@pytest.fixture(scope="module")
def two() -> tuple[Side, Side]:
    b = study("b", B, encoder="other", random=np.random.default_rng(8), prefix="b-")
    return on_one_test_set(study("a", A), b)


def test_a_row_an_edge_of_either_study_in_the_order_of_what_happened(two):
    table = differences(*two, Correction.BH)
    said = dict(zip(table["source"], table["happened"], strict=True))
    assert said == {
        "up": "flipped",
        "down": "kept",
        "same": "kept",
        "gone": "only_a",
        "new": "only_b",
    }
    assert table["source"].iloc[0] == "up"
    assert list(table["source"])[-2:] == ["gone", "new"]
    up = table.iloc[0]
    assert up["shown"]
    assert up["difference"] == pytest.approx(up["delta_b"] - up["delta_a"])
    assert up["adjusted_low"] <= up["low"] < up["difference"] < up["high"] <= up["adjusted_high"]
    assert (up["encoder"], up["encoder_b"]) == ("tiny", "other")
    assert up["same_test"]
    assert not table["shown"][1:].any()


def test_paired_examples_tell_more_than_a_table_of_deltas(two):
    paired = differences(*two, Correction.NONE).set_index("source")
    # Each edge by its own runs alone, as those are that are paired.
    tables = [
        Side(
            side.name,
            pd.concat(
                judged(side.name, runs, side.test_sets).deltas
                for _, runs in side.comparisons.groupby("source", sort=False)
            ),
        )
        for side in two
    ]
    apart = differences(*tables, Correction.NONE).set_index("source")
    assert not apart["same_test"].any()
    common = ["up", "down", "same"]
    assert apart["difference"][common].to_list() == pytest.approx(
        paired["difference"][common].to_list()
    )
    wide, narrow = (t["high"][common] - t["low"][common] for t in (apart, paired))
    assert (narrow < wide).all()


def test_what_was_not_learned_is_of_no_family_of_differences(two):
    flat = [
        replace(side, deltas=side.deltas.assign(verdict=side.deltas["verdict"].mask(unlearned)))
        for side in two
        for unlearned in [side.deltas["source"] == "up"]
    ]
    flat = [replace(s, deltas=s.deltas.fillna({"verdict": "not_learned"})) for s in flat]
    table = differences(*flat, Correction.HOLM).set_index("source")
    up = table.loc["up"]
    assert (up["happened"], up["shown"]) == ("not_measured", False)
    assert math.isnan(up["adjusted_p"])
    assert table["adjusted_p"].notna().sum() == 2


def test_a_study_against_itself_differs_in_nothing(two):
    table = differences(two[0], two[0], Correction.BH)
    assert set(table["happened"]) == {"kept"}
    assert (table["difference"] == 0).all()
    assert table[["low", "high"]].isna().all(axis=None)
    assert not table["shown"].any()


def test_the_correction_is_over_all_common_edges(two):
    by_itself, holm, max_t = (
        differences(*two, correction)
        for correction in (Correction.NONE, Correction.HOLM, Correction.MAX_T)
    )
    p, adjusted = (t.set_index("source")["adjusted_p"].dropna() for t in (by_itself, holm))
    assert len(p) == 3
    # Holm's least is three times an edge's own, which stricter intervals do not make smaller.
    assert adjusted.min() >= min(1, 3 * p.min())
    assert (adjusted >= p).all()
    pd.testing.assert_frame_equal(holm, max_t)


def test_a_table_of_an_earlier_version_is_refused(two):
    old = Side("old", two[0].deltas.drop(columns="seed_sd"))
    with pytest.raises(StudyError, match=r"old have no column 'seed_sd'.*transfer-study report"):
        differences(old, two[1], Correction.BH)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0.03, -0.02, 0.01, math.nan], [0.3, -0.1, -0.2, 0.1], (3, 2, 0.5)),
        ([0.01, 0.02, 0.03], [0.1, 0.4, 0.9], (3, 3, 1.0)),
        ([0.01, 0.01, 0.01], [0.1, 0.4, 0.9], (3, 3, math.nan)),
        ([0.01, -0.01], [0.1, 0.4], (2, 1, math.nan)),
        ([], [], (0, 0, math.nan)),
    ],
)
def test_how_alike_two_studies_sign_and_rank_their_effects(
    a: list[float], b: list[float], expected: tuple[int, int, float]
) -> None:
    table = pd.DataFrame({"delta_a": a, "delta_b": b}, dtype=float)
    assert signs_and_ranks(table) == pytest.approx(expected, nan_ok=True)
