"""Pairs that a table of scores lacks: estimated, told apart from edges, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.errors import StudyError
from transfer_study.judge.judged import JudgedPlaces, JudgeRequest, judge_runs
from transfer_study.judge.score_table import TableRequest, read_scores
from transfer_study.outcome import Outcome
from transfer_study.study.margin import Margin

TASKS = "abcdefgh"
GIVES = dict(zip(TASKS, (0.06, 0.05, 0.04, 0.0, 0.0, -0.03, -0.04, -0.05), strict=True))


def write_scores(file: Path, left_out: set[tuple[str, str]], seeds: int = 3) -> Path:
    """Every task gives all others the same, and some pairs were never run."""
    random = np.random.default_rng(0)
    models = [("", target) for target in TASKS]
    models += [(s, t) for s in TASKS for t in TASKS if s != t and (s, t) not in left_out]
    rows = [
        (source, target, seed, round(0.6 + GIVES.get(source, 0.0) + random.normal(0, 0.003), 6))
        for source, target in models
        for seed in range(seeds)
    ]
    pd.DataFrame(rows, columns=["source", "target", "seed", "value"]).to_csv(file, index=False)
    return file


def judged(file: Path, folder: Path) -> Outcome:
    asked = JudgeRequest(Judgement(Margin(absolute=0.01)), "transfer-study judge", predict=True)
    places = JudgedPlaces("ours", folder / "results", folder / "plots")
    return judge_runs(read_scores(file, TableRequest()), asked, places)


def test_pairs_that_were_not_run_are_estimated_and_are_no_edges(tmp_path: Path) -> None:
    left_out = {("a", "b"), ("b", "h"), ("h", "a"), ("g", "c"), ("d", "e")}
    outcome = judged(write_scores(tmp_path / "s.csv", left_out), tmp_path)
    folder = tmp_path / "results" / "ours"
    found = pd.read_csv(folder / "predicted.csv").set_index(["source", "target"])
    assert set(found.index) == left_out
    told = found["likely"].to_dict()
    assert told["a", "b"] == told["b", "h"] == "likely gain"
    assert told["h", "a"] == told["g", "c"] == "likely loss"
    assert told["d", "e"] == "open"
    true = np.array([GIVES[source] for source, _ in found.index])
    assert ((found["low"] < true) & (true < found["high"])).sum() >= 4
    assert found.loc[("a", "b"), "expected"] > 0.03
    edges = outcome.deltas
    assert not left_out & set(zip(edges["source"], edges["target"], strict=True))
    for name in ("report.md", "report.html"):
        text = (folder / name).read_text("utf-8")
        assert "5 pairs were not measured" in text
        assert "likely gain" in text and "no estimate is a verdict" in text


def test_what_cannot_be_estimated_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="every pair of the table's tasks was measured"):
        judged(write_scores(tmp_path / "all.csv", set()), tmp_path)
    few = {(s, t) for s in TASKS for t in TASKS if s != t and (s, t) != ("a", "b")}
    with pytest.raises(StudyError, match=r"found 1 measured edges .* on 8 targets"):
        judged(write_scores(tmp_path / "few.csv", few), tmp_path)
    with pytest.raises(StudyError, match="one run alone, which does not tell"):
        judged(write_scores(tmp_path / "one.csv", {("a", "b")}, seeds=1), tmp_path)
    assert not (tmp_path / "results").exists()
