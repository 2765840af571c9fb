"""Two encoders from the study file to the comparison with the paper, and the committed study."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.test_compare_studies import call as call_in
from transfer_study.report.tables.system_tables import write_system_tables
from transfer_study.store.recorded import recorded_plan
from transfer_study.study.file.study_file import read_study

ROOT = Path(__file__).resolve().parents[1]
COMMITTED = ROOT / "experiments" / "public_biomedical.yaml"

# Tasks by the names of the paper's, of made-up words, and one of its encoders by name.
TWO = """\
name: two
encoder:
  - {name: BlueBERT-PubMed, source: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
  - {name: a_small & one, source: tiny, tiny: {hidden_size: 24, layers: 1, heads: 2}}
tasks:
  - &task
    name: chemprot
    kind: classification
    domain: biomedical
    labels: [herb, beast]
    metric: micro_f1
    source: {format: synthetic, task: relation, train: 30, dev: 20, test: 40}
  - <<: *task
    name: ddi2013-type
    source: {format: synthetic, task: relation, train: 34, dev: 20, test: 40}
arms: [single, pairs, full]
seeds: 2
refine: {epochs: 3, learning_rate: 0.003, precision: float32}
"""


def call(folder: Path, *words: str, code: int = 0) -> str:
    """What a verb prints, called in a folder with nothing set in the environment."""
    found, said = call_in(folder, *words)
    assert found == code, said
    return said


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of a study with two encoders."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "two.yaml").write_text(TWO, encoding="utf-8")
    planned = call(folder, "plan", "two.yaml")
    for encoder in ("BlueBERT-PubMed", "a_small & one"):
        assert f"refine-chemprot+ddi2013-type-s1 ({encoder})" in planned
    said = call(folder, "run", "two.yaml", "--executor", "in-process", "-q")
    (folder / "said").write_text(said, encoding="utf-8")
    return folder


def test_each_encoder_has_its_edges_and_figures(two: Path) -> None:
    deltas = pd.read_csv(two / "results" / "two" / "deltas.csv")
    encoders = ["BlueBERT-PubMed", "a_small & one"]
    assert deltas.groupby("encoder", sort=False).size().to_dict() == dict.fromkeys(encoders, 4)
    assert set(deltas["n_seeds"]) == {2}
    of = {encoder: deltas[deltas["encoder"] == encoder]["score"] for encoder in encoders}
    scores = pd.read_csv(two / "results" / "two" / "scores.csv")
    stages = [set(scores.loc[scores["encoder"] == encoder, "stage"]) for encoder in encoders]
    assert stages[0] and stages[1] and not stages[0] & stages[1]
    assert all(len(of[encoder]) == 4 for encoder in encoders)
    plots = two / "plots" / "two"
    for stem in ("transfer_graph", "heat_map"):
        for suffix in ("", "-a_small-one-refine"):
            assert (plots / f"{stem}{suffix}.svg").stat().st_size > 0
    graphs = [plots / f"transfer_graph{suffix}.json" for suffix in ("", "-a_small-one-refine")]
    assert [json.loads(g.read_bytes())["graph"]["encoder"] for g in graphs] == encoders
    said = (two / "said").read_text(encoding="utf-8")
    for encoder in encoders:
        assert f"two: {encoder}, refine reading" in said
    # With two tasks the full mix is the pair: two edges an encoder.
    assert "\n4 edges: " in said
    states = json.loads(call(two, "status", "two.yaml", "--json"))
    assert states["counts"]["done"] == len(states["stages"]) == 2 * 2 * 3


def test_the_tables_have_a_row_a_system_of_each_encoder(two: Path) -> None:
    results = two / "results" / "two"
    cells = pd.read_csv(results / "tables.csv", keep_default_na=False)
    scores = pd.read_csv(results / "scores.csv", keep_default_na=False)
    for encoder in ("BlueBERT-PubMed", "a_small & one"):
        for system, arm in (("single task", "single"), ("MT-Refinement", "full")):
            of = (cells["encoder"] == encoder) & (cells["system"] == system)
            cell = cells[of & (cells["task"] == "chemprot") & (cells["mean"] != "")].iloc[0]
            values = scores[
                (scores["encoder"] == encoder)
                & (scores["arm"] == arm)
                & (scores["task"] == "chemprot")
                & (scores["metric"] == "micro_f1")
            ]["value"]
            assert float(cell["mean"]) == pytest.approx(values.mean(), abs=1e-6)
            assert float(cell["sd"]) == pytest.approx(values.std(), abs=1e-6)
            assert cell["n_seeds"] == 2
    alone = cells[(cells["encoder"] == "BlueBERT-PubMed") & (cells["task"] == "chemprot")].iloc[0]
    assert float(alone["published"]) == 0.725
    assert r"a\_small & one" in (results / "tables.md").read_text(encoding="utf-8")
    assert r"a\_small \& one" in (results / "tables.tex").read_text(encoding="utf-8")


def test_compare_holds_each_encoder_against_the_paper(two: Path) -> None:
    found = json.loads(call(two, "compare", "two.yaml", "--published", "--json"))
    assert {claim["encoder"] for claim in found["claims"]} == {"BlueBERT-PubMed", "a_small & one"}
    measured = [s for s in found["scores"] if s["n_seeds"]]
    assert {(s["encoder"], s["system"], s["task"]) for s in measured} == {
        ("BlueBERT-PubMed", "single task", "chemprot"),
        ("BlueBERT-PubMed", "single task", "ddi2013-type"),
    }
    for score in measured:
        if score["low"] is None:  # two seeds may leave everything open
            assert score["outcome"] == "cannot decide"
            continue
        inside = score["low"] - 0.0005 <= score["published"] <= score["high"] + 0.0005
        assert score["outcome"] == ("agrees" if inside else "disagrees")
    for kind in ("claims", "scores"):
        assert sum(found["counts"][kind].values()) == len(found[kind])
    text = call(two, "compare", "two.yaml", "--published")
    assert "The paper has no scores of the encoder a_small & one" in text
    assert "BlueBERT-PubMed, single task, chemprot (micro_f1): measured" in text


def test_each_protocol_is_compared_with_its_own_recipe(two: Path) -> None:
    options = ("--set", "protocol=both", "--store", str(two / "empty"))
    words = ("compare", str(two / "two.yaml"), "--published", "--json")
    found = json.loads(call(two, *words, *options))
    protocols = {"clean", "recipe", "paper"}
    for kind in ("scores", "claims"):
        assert {held["protocol"] for held in found[kind]} == protocols
    text = call(two, *words[:-1], *options)
    assert {p for p in protocols if f"two, {p} protocol, against" in text} == protocols


def test_the_committed_study_is_compared_from_its_results_alone(tmp_path: Path) -> None:
    # A store may lie beside the committed results.
    committed = tmp_path / "results" / "public_biomedical"
    shutil.copytree(ROOT / "results" / "public_biomedical", committed)
    text = call(tmp_path, "compare", str(COMMITTED), "--published")
    agreed, rest = text.split("Disagreements")
    disagreed, rest = rest.split("What the evidence cannot decide")
    undecided, lacking = rest.split("Not measured")
    assert "Agreements: 0 claims, 0 scores" in agreed
    assert "0 claims, 0 scores" in disagreed
    assert "every other task barely improves bc5cdr-disease" in undecided
    # What is decided speaks neither for nor against the paper, whose data are whole.
    assert "bc5cdr-chemical → bc5cdr-disease: gain (+1.7); limits leave a part of" in undecided
    assert undecided.count("; limits leave a part of the data\n") == 4
    assert ": 1 undecided, 2 loss; limits leave a part of the data" in undecided
    assert "another task improves ddi2013-type" in undecided
    assert "mednli does not improve clinicalsts" in lacking
    assert "no encoder BlueBERT-biomedical in the study" in lacking
    assert not (tmp_path / "results" / "stages").exists()


def test_the_committed_tables_are_those_that_report_writes(tmp_path: Path) -> None:
    results = ROOT / "results" / "public_biomedical"
    plan = recorded_plan(read_study(COMMITTED), results)
    assert plan is not None
    # The scores are those of the predictions: tests/test_public_study.py.
    write_system_tables(plan, pd.read_parquet(results / "scores.parquet"), tmp_path)
    for name in ("tables.md", "tables.tex", "tables.csv"):
        assert (tmp_path / name).read_bytes() == (results / name).read_bytes()


def test_a_study_of_other_tasks_is_one_sentence(tmp_path: Path) -> None:
    demo = str(ROOT / "experiments" / "demo.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "transfer_study", "compare", demo, "--published"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    begin = "error: the study demo has none of the tasks of Peng, Chen and Lu (2020): found"
    assert done.stderr.startswith(begin)
    assert list(tmp_path.iterdir()) == []
