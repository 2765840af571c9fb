"""Verdicts look by look: what stands, and how often chance alone decides an edge."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from transfer_study.analysis.effects.corrections import MeasuredEdge, corrected
from transfer_study.analysis.effects.corrections import judged as judge
from transfer_study.analysis.effects.deltas import verdict_of
from transfer_study.analysis.effects.looks import edges_of, judged, standing
from transfer_study.analysis.effects.sequential import Sequential
from transfer_study.analysis.effects.uncertainty import crossed
from transfer_study.study.correction import Correction
from transfer_study.study.looks import Looks

ABOUT = {"encoder": "tiny", "arm": "pair", "reading": "refine", "metric": "accuracy"}


def look(*verdicts: str, n_seeds: int = 3, over: str = "") -> pd.DataFrame:
    rows = [
        {**ABOUT, "source": f"s{n}", "target": "t", "over": over, "verdict": verdict}
        for n, verdict in enumerate(verdicts)
    ]
    return pd.DataFrame(rows).assign(n_seeds=n_seeds, adjusted_p=0.01)


def test_the_first_verdict_stands() -> None:
    looks = [
        look("gain", "undecided", "undecided", "failed", n_seeds=3),
        look("undecided", "equivalent", "undecided", "failed", n_seeds=6),
        look("loss", "gain", "undecided", "failed", n_seeds=9),
    ]
    table = judged(looks)
    assert list(table["verdict"]) == ["gain", "equivalent", "undecided", "failed"]
    assert list(table["n_seeds"]) == [3, 6, 9, 9]
    assert list(table["look"].astype(object)) == [1, 2, pd.NA, pd.NA]
    assert table["adjusted_p"].tolist() == [0.01] * 4
    assert [(e.edge.source, e.n_seeds, e.look) for e in standing(table)] == [
        ("s0", 3, 1),
        ("s1", 6, 2),
        ("s2", 9, None),
        ("s3", 9, None),
    ]


def test_rows_over_a_control_go_with_the_edge_and_do_not_decide_it() -> None:
    looks = [
        pd.concat([look(raw, n_seeds=n), look(over, n_seeds=n, over="placebo")], ignore_index=True)
        for n, raw, over in (
            (3, "undecided", "gain"),
            (6, "gain", "undecided"),
            (9, "gain", "gain"),
        )
    ]
    table = judged(looks)
    assert list(table["n_seeds"]) == [6, 6]
    assert list(table["verdict"]) == ["gain", "undecided"]
    assert list(table["look"]) == [2, 2]
    assert len(standing(table)) == 1


def test_edges_are_named_by_what_their_study_has() -> None:
    (plain,) = edges_of(look("gain"))
    assert (plain.protocol, plain.variant, plain.size) == ("clean", "", None)
    (sized,) = edges_of(look("gain").assign(size=pd.array([300], "Int64"), variant="slow"))
    assert (sized.variant, sized.size) == ("slow", 300)


EDGES = 6


def look_at(differences: np.ndarray, counts: tuple[int, ...]) -> pd.DataFrame:
    """Edges judged by these differences of seeds, [edges, seeds], as one family."""
    seeds = tuple(range(differences.shape[1]))
    replicates = np.zeros((len(seeds), 1))
    edges = [MeasuredEdge(crossed(d, replicates, 1000), seeds, d, replicates) for d in differences]
    levels = corrected(Correction.BH, edges, looks=Sequential(counts)).levels
    intervals = (e.effect.interval(level) for e, level in zip(edges, levels, strict=True))
    return look(*(str(verdict_of(interval, 0.0)) for interval in intervals))


def test_however_often_one_looks_chance_decides_no_more_than_the_level() -> None:
    rng = np.random.default_rng(5)
    counts = Looks.fixed(range(3), 9, 4).counts
    studies, paid, peeked = 200, 0, 0
    for _ in range(studies):
        # The edges share a baseline: their differences go together.
        scores = rng.normal(size=(EDGES + 1, 9))
        differences = scores[1:] - scores[0]
        honest, greedy = (
            judged([look_at(differences[:, :n], at) for n in counts])["verdict"]
            for at in (counts, ())
        )
        paid += "undecided" not in set(honest) or honest.nunique() > 1
        peeked += "undecided" not in set(greedy) or greedy.nunique() > 1
    error = 2 * np.sqrt(0.05 * 0.95 / studies)
    assert paid / studies <= 0.05 + error
    assert peeked / studies > 0.05 + error  # what looking for nothing would do


@pytest.mark.parametrize("counts", [(3, 6, 10), (3, 4), (2, 5, 8, 12)])
def test_the_p_of_a_sequence_is_that_of_its_formula(counts: tuple[int, ...]) -> None:
    looks, normal = Sequential(counts), stats.norm
    for p, n in product((1e-9, 0.003, 0.04, 0.7, 1.0), counts):
        c = math.sqrt(n / counts[-1]) * normal.isf(p / 2)
        worth = sum(2 * normal.sf(c / math.sqrt(m / counts[-1])) for m in counts)
        assert looks.p(p, n) == pytest.approx(min(worth, 1), rel=1e-9)
        # A level and a p are two sides of one thing.
        if worth < 1:
            assert looks.level(worth, n) == pytest.approx(p, rel=1e-6)
    assert np.isnan(looks.p(math.nan, counts[0]))
    # The last look is held to nearly the whole level, the first to very little of it.
    first, last = (looks.level(0.05, n) for n in (counts[0], counts[-1]))
    assert first < 0.05 / len(counts) < last < 0.05
    assert Sequential().level(0.05, 7) == 0.05
    assert Sequential((7,)).p(0.03, 7) == 0.03


@pytest.mark.parametrize("method", Correction)
def test_at_each_look_intervals_go_with_the_p_that_pays_for_all(method: Correction) -> None:
    rng, counts = np.random.default_rng(2), (3, 6, 9)
    some = []
    for n, effect in product((3, 6, 9), (0.0, 1.0, 3.0, 12.0)):
        seeds = effect + rng.normal(size=n)
        replicates = seeds[:, None] + rng.normal(0, 0.3, 2000)
        some.append(
            MeasuredEdge(crossed(seeds, replicates, 500), tuple(range(n)), seeds, replicates)
        )
    found = corrected(method, some, looks=Sequential(counts))
    for one, p, level in zip(some, found.p, found.levels, strict=True):
        interval = judge(method, one.effect, level)
        assert (interval.low > 0 or interval.high < 0) == (p <= 0.05)
    assert (found.p >= corrected(method, some).p - 1e-12).all()
