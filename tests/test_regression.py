"""A study of scores judged by ranks, from its file to its table of scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import transfer_study
from transfer_study.session.places import Places

STUDY = """\
name: ranks
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
tasks:
  - name: likeness
    kind: regression
    metric: spearman
    source: {format: tsv, folder: likeness, columns: {text: text, label: score}}
  - name: other
    kind: regression
    source: {format: tsv, folder: other, columns: {text: text, label: score}}
arms: [single]
readings: [refine]
seeds: 1
refine: {epochs: 4, learning_rate: 0.003, precision: float32}
"""
WORDS = ("low", "some", "much", "high")


def test_a_study_is_judged_by_ranks(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("likeness", "other"):
        (tmp_path / name).mkdir()
        for split, n in (("train", 60), ("dev", 20), ("test", 40)):
            levels = rng.integers(0, 4, n)
            rows = [f"{WORDS[v]} {WORDS[v]} {n}\t{v / 2}\n" for n, v in enumerate(levels)]
            (tmp_path / name / f"{split}.tsv").write_text("text\tscore\n" + "".join(rows))
    (tmp_path / "study.yaml").write_text(STUDY, encoding="utf-8")
    places = Places(tmp_path / "stages", tmp_path / "results", tmp_path / "plots")
    transfer_study.run(tmp_path / "study.yaml", places=places, executor="in-process")
    results = tmp_path / "results" / "ranks"
    scores = pd.read_csv(results / "scores.csv")
    gold = pd.read_parquet(results / "gold.parquet")
    predictions = pd.read_parquet(results / "predictions.parquet").set_index(["stage", "task"])
    by_rank = scores[scores["metric"] == "spearman"]
    assert len(by_rank) == 2
    for row in by_rank.itertuples():
        said = [json.loads(text) for text in predictions.loc[row.stage, row.task]["prediction"]]
        true = [float(text) for text in gold[gold["task"] == row.task]["gold"]]
        assert row.value == pytest.approx(spearmanr(true, said).statistic, abs=1e-6)
    by_metric = scores.groupby("task")["metric"].first()
    assert dict(by_metric) == {"likeness": "spearman", "other": "pearson"}
