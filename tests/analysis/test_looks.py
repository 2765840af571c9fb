"""Verdicts look by look: what stands, and how often chance alone decides an edge."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from transfer_study.analysis.corrections import Edge, corrected
from transfer_study.analysis.deltas import verdict_of
from transfer_study.analysis.looks import edges_of, judged, standing
from transfer_study.analysis.uncertainty import crossed
from transfer_study.spec.correction import Correction
from transfer_study.spec.looks import Looks

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
    table = judged(looks, 3)
    assert list(table["verdict"]) == ["gain", "equivalent", "undecided", "failed"]
    assert list(table["n_seeds"]) == [3, 6, 9, 9]
    assert list(table["look"].astype(object)) == [1, 2, pd.NA, pd.NA]
    assert table["adjusted_p"].tolist() == pytest.approx([0.03] * 4)
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
    table = judged(looks, 3)
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


def look_at(differences: np.ndarray, alpha: float) -> pd.DataFrame:
    """Edges judged by these differences of seeds, [edges, seeds], as one family."""
    seeds = tuple(range(differences.shape[1]))
    replicates = np.zeros((len(seeds), 1))
    edges = [Edge(crossed(d, replicates, 100), seeds, d, replicates) for d in differences]
    levels = corrected(Correction.BH, edges, alpha).levels
    intervals = (e.effect.interval(level) for e, level in zip(edges, levels, strict=True))
    return look(*(str(verdict_of(interval, 0.0)) for interval in intervals))


def test_however_often_one_looks_chance_decides_no_more_than_the_level() -> None:
    rng = np.random.default_rng(5)
    looks = Looks.fixed(range(3), 9, 4)
    studies, paid, peeked = 120, 0, 0
    for _ in range(studies):
        # The edges share a baseline: their differences go together.
        scores = rng.normal(size=(EDGES + 1, 9))
        differences = scores[1:] - scores[0]
        honest, greedy = (
            judged([look_at(differences[:, :n], alpha) for n in looks.counts], 4)["verdict"]
            for alpha in (looks.level(0.05), 0.05)
        )
        paid += "undecided" not in set(honest) or honest.nunique() > 1
        peeked += "undecided" not in set(greedy) or greedy.nunique() > 1
    error = 2 * np.sqrt(0.05 * 0.95 / studies)
    assert paid / studies <= 0.05 + error
    assert peeked / studies > 0.05 + error  # what looking for nothing would do
