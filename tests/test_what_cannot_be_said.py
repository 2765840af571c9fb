"""Studies whose numbers carry nothing: not learned, one document, two seeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from transfer_study.cli import app

STUDY = """\
name: said
encoder: {{name: tiny, tiny: {{hidden_size: 32, layers: 1, heads: 2}}}}
tasks:
  - name: noise
    kind: classification
    labels: ["yes", "no"]
    metric: accuracy
    source: {{format: tsv, folder: noise, columns: {{text: text, label: label{document}}}}}
  - name: relation
    kind: classification
    labels: [herb, beast]
    source: {{format: synthetic, task: relation, train: 300, dev: 60, test: 60}}
arms: [single, pairs]
readings: [refine]
seeds: {seeds}
refine: {{epochs: {epochs}, learning_rate: 0.004, precision: float32}}
"""


def write(
    folder: Path, seeds: int = 3, epochs: int = 12, document: str = "", learnable: bool = False
) -> Path:
    """A study of a task that is chance, or said by a word, and one that can be learned."""
    random = np.random.default_rng(0)
    (folder / "noise").mkdir()
    for split, n in (("train", 120), ("dev", 40), ("test", 60)):
        labels = ["yes" if random.random() < 0.8 else "no" for _ in range(n)]
        texts = [
            ("war " if label == "no" else "sea ") if learnable else "the same text "
            for label in labels
        ]
        rows = [f"{t}{i}\t{y}\tsame" for i, (t, y) in enumerate(zip(texts, labels, strict=True))]
        lines = "\n".join(["text\tlabel\tdoc", *rows, ""])
        (folder / "noise" / f"{split}.tsv").write_text(lines, encoding="utf-8")
    path = folder / "said.yaml"
    path.write_text(STUDY.format(seeds=seeds, epochs=epochs, document=document), encoding="utf-8")
    return path


def call(folder: Path, *words: str) -> Any:
    takes: dict[str, tuple[str, ...]] = {"tasks": (), "plan": ("store",)}
    takes["recommend"] = ("store", "results")
    options = takes.get(words[0], ("store", "results", "plots"))
    places = [word for name in options for word in (f"--{name}", str(folder / name))]
    return CliRunner().invoke(app, [*words, *places])


def deltas(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "results/said/deltas.parquet").set_index("target")


def test_a_task_that_is_not_learned_is_told_wherever_edges_are(tmp_path: Path) -> None:
    study = write(tmp_path)
    done = call(tmp_path, "run", str(study), "--executor", "in-process")
    assert done.exit_code == 0, done.output
    # As soon as it is seen, and with the edges.
    said = " ".join(done.stderr.replace("\N{NO-BREAK SPACE}", " ").split())
    assert "NOT LEARNED: noise (no better than a constant answer)" in said
    assert "NOT LEARNED: relation" not in said
    told = " ".join(done.stdout.split())
    assert "noise was not learned: in half of the seeds or more" in told
    edges = deltas(tmp_path)
    assert edges.loc["noise", "verdict"] == "not_learned"
    assert edges.loc["relation", "verdict"] != "not_learned"
    assert edges.loc[["noise"], ["adjusted_low", "adjusted_high"]].isna().all(axis=None)
    # The family is the other edge alone.
    assert edges.loc["relation", "level"] == 0.05
    results = tmp_path / "results/said"
    report, page = ((results / f"report.{kind}").read_text("utf-8") for kind in ("md", "html"))
    for text in (report, page):
        assert "noise was not learned" in text
        assert "not learned" in text
    graph = json.loads((tmp_path / "plots/said/transfer_graph.json").read_text("utf-8"))
    verdicts = {edge["target"]: edge["verdict"] for edge in graph["edges"]}
    assert verdicts["noise"] == "not_learned"

    advice = call(tmp_path, "recommend", str(study), "--task", "noise", "--json")
    (one,) = json.loads(advice.stdout)["recommendations"]
    assert one["text"].startswith("noise was not learned")
    assert (one["enough"], one["regret"]) == (False, None)

    # No seeds are spent on it, at any look; on the other they are, which may be equivalent by this.
    more = ("--until-decided", "--max-seeds", "4", "--looks", "2", "--executor", "in-process")
    more += ("--set", "margin=0.24")
    done = call(tmp_path, "run", str(study), *more)
    assert done.exit_code == 0, done.output
    edges = deltas(tmp_path)
    assert edges.loc["noise", ["verdict", "n_seeds"]].tolist() == ["not_learned", 3]
    assert edges.loc["relation", "n_seeds"] == 4
    assert not list((tmp_path / "store/stages").glob("refine-noise-s3-*"))


@pytest.mark.parametrize("seeds", [2, 3])
def test_one_document_and_two_seeds_leave_no_interval(tmp_path: Path, seeds: int) -> None:
    study = write(tmp_path, seeds=seeds, epochs=16, document=", document: doc", learnable=True)
    tasks = call(tmp_path, "tasks", str(study))
    assert tasks.exit_code == 0, tasks.output
    done = call(tmp_path, "run", str(study), "--executor", "in-process")
    assert done.exit_code == 0, done.output
    edges = deltas(tmp_path)
    assert edges.loc["noise", "n_documents"] == 1
    ends = ["low", "high", "p", "adjusted_low", "adjusted_high", "adjusted_p"]
    assert edges.loc[["noise"], ends].isna().all(axis=None)
    assert edges.loc["noise", "verdict"] == "undecided"
    told = " ".join(done.stdout.split())
    assert "All test examples of noise are of one document" in told
    others = edges.loc[["relation"], ["low", "high", "adjusted_low", "adjusted_high"]]
    assert others.fillna(0).abs().le(1).all(axis=None)
    advice = call(tmp_path, "recommend", str(study), "--task", "noise", "--json")
    (one,) = json.loads(advice.stdout)["recommendations"]
    assert one["regret"] is None
    assert "one test document" in one["text"]
    # Seeds cannot settle it, so that no look spends any on it.
    more = ("--until-decided", "--max-seeds", str(seeds + 1), "--looks", "2")
    done = call(tmp_path, "run", str(study), *more, "--executor", "in-process")
    assert done.exit_code in (0, 3), done.output
    assert deltas(tmp_path).loc["noise", ["verdict", "n_seeds"]].tolist() == ["undecided", seeds]
    assert not list((tmp_path / "store/stages").glob(f"refine-noise-s{seeds}-*"))


def test_a_plan_proposes_no_study_of_two_seeds(tmp_path: Path) -> None:
    done = call(tmp_path, "plan", str(write(tmp_path)))
    assert "--set seeds=3" in done.stdout
    assert "seeds=2" not in done.stdout
