"""Pairs that a table of scores lacks: estimated, told apart from edges, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.errors import StudyError
from transfer_study.judge.judged import JudgedPlaces, JudgeRequest, judge_runs
from transfer_study.judge.score_table import TableRequest, read_scores
from transfer_study.outcome import Outcome
from transfer_study.predict.unmeasured import predicted_edges
from transfer_study.study.margin import Margin
from transfer_study.terminal.edges import edges_as_json, print_edges

MARGIN = Margin(absolute=0.01)
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


def judged(file: Path, folder: Path, *, predict: bool = True) -> Outcome:
    asked = JudgeRequest(Judgement(Margin(absolute=0.01)), "transfer-study judge", predict=predict)
    places = JudgedPlaces("ours", folder / "results", folder / "plots")
    return judge_runs(read_scores(file, TableRequest()), asked, places)


def predicted(file: Path, margin: Margin, **asked: Any) -> pd.DataFrame:
    """The estimates of a table alone, by source and target."""
    given = read_scores(file, TableRequest(**asked))
    edges = deltas(given.comparisons(), given.test_sets, Judgement(margin), ())
    return predicted_edges(edges, given.alone, margin, "table").set_index(
        ["encoder", "reading", "source", "target"]
    )


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
        assert "2 are likely gains, 2 are likely losses (a probability of 80%" in text
        assert "no estimate is a verdict" in text


def test_what_cannot_be_estimated_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="every pair of the table's tasks was measured"):
        judged(write_scores(tmp_path / "all.csv", set()), tmp_path)
    few = {(s, t) for s in TASKS for t in TASKS if s != t and (s, t) != ("a", "b")}
    with pytest.raises(StudyError, match=r"found 1 measured edge of .* on 8 targets"):
        judged(write_scores(tmp_path / "few.csv", few), tmp_path)
    with pytest.raises(StudyError, match="one run alone, which does not tell"):
        judged(write_scores(tmp_path / "one.csv", {("a", "b")}, seeds=1), tmp_path)
    mixes = pd.read_csv(tmp_path / "all.csv", keep_default_na=False).query("source in ['', 'a']")
    mixes.loc[mixes["source"] == "a", "source"] = "x+y"
    mixes.to_csv(tmp_path / "mixes.csv", index=False)
    with pytest.raises(StudyError, match="no run is of a pair of tasks"):
        judged(tmp_path / "mixes.csv", tmp_path)
    assert not (tmp_path / "results").exists()


def test_a_target_that_was_not_learned_is_likely_nothing(tmp_path: Path) -> None:
    file = write_scores(tmp_path / "s.csv", {("a", "b"), ("a", "c")})
    found = predicted(file, MARGIN, constants={"b": 0.9})
    assert [*found.index] == [("model", "refine", "a", "c")]
    write_scores(tmp_path / "one.csv", {("a", "b")})
    with pytest.raises(StudyError, match="or is on a target that was not learned by itself"):
        predicted(tmp_path / "one.csv", MARGIN, constants={"b": 0.9})


def test_pairs_on_a_target_without_a_baseline_are_left_out(tmp_path: Path) -> None:
    """An effect, and a margin that is a share, are of the encoder's own baseline."""
    whole = pd.read_csv(write_scores(tmp_path / "s.csv", set()), keep_default_na=False)
    other = whole[(whole["target"] != "h") & ~whole["source"].eq("a") | whole["target"].eq("c")]
    both = pd.concat([whole.assign(encoder="m"), other.assign(encoder="n")])
    both.to_csv(tmp_path / "both.csv", index=False)
    found = predicted(tmp_path / "both.csv", Margin(relative=0.05))
    assert {encoder for encoder, *_ in found.index} == {"n"}
    assert {target for *_, target in found.index} == set("bdefg")


def test_estimates_know_the_baselines_of_their_own_reading_alone(tmp_path: Path) -> None:
    """Pairs and sequences of one table are estimated as each by itself."""
    pairs = pd.read_csv(write_scores(tmp_path / "s.csv", {("a", "b")}), keep_default_na=False)
    own = pairs.assign(arm="", reading="refine")
    later = pairs.assign(arm="sequential", reading="finetune", value=pairs["value"] - 0.5)
    later.loc[later["source"] == "", "arm"] = ""
    pd.concat([own, later]).to_csv(tmp_path / "both.csv", index=False)
    alone, both = (
        predicted(tmp_path / name, Margin(relative=0.05)) for name in ("s.csv", "both.csv")
    )
    numbers = ["expected", "low", "high", "gain", "loss"]
    at = ("model", "refine", "a", "b")
    assert both.loc[[at], numbers].iloc[0].tolist() == pytest.approx(
        alone.loc[[at], numbers].iloc[0].tolist()
    )


def test_what_was_estimated_is_told_at_once_and_not_kept_beyond_its_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_scores(tmp_path / "ours.csv", {("a", "b")})
    outcome = judged(file, tmp_path)
    print_edges(outcome)
    assert "1 pair was not measured." in " ".join(capsys.readouterr().out.split())
    edges_as_json(outcome)
    (one,) = json.loads(capsys.readouterr().out)["predicted"]
    assert (one["source"], one["target"], one["likely"]) == ("a", "b", "likely gain")
    kept = tmp_path / "results" / "ours" / "predicted.csv"
    assert kept.is_file()
    assert judged(file, tmp_path, predict=False).predicted is None
    assert not kept.exists() and not kept.with_suffix(".parquet").exists()


def test_where_the_best_score_leaves_no_room_no_gain_is_expected(tmp_path: Path) -> None:
    file = write_scores(tmp_path / "s.csv", {("a", "b"), ("h", "b")})
    table = pd.read_csv(file)
    near = table["target"] == "b"
    table.loc[near, "value"] = (0.995 + (table.loc[near, "value"] - 0.6) / 50).clip(upper=1.0)
    table.to_csv(file, index=False)
    judged(file, tmp_path)
    found = pd.read_csv(tmp_path / "results" / "ours" / "predicted.csv")
    assert (found["target"] == "b").all()
    assert (found["high"] <= 0.0051).all() and (found["gain"] == 0).all()
    assert "likely gain" not in set(found["likely"])
