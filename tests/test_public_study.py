"""The real study in the repository: tables follow from predictions, stages from the file.

It was run by looks, fixed before the first: an edge has the seeds of the look that decided it.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from transfer_study.analysis.effects.tables import tables
from transfer_study.cli import app
from transfer_study.report.tables.edge_files import write_table
from transfer_study.session.places import Places
from transfer_study.session.plans import as_begun, make_plan
from transfer_study.store.compact import CompactAnswers
from transfer_study.store.recorded import recorded_plan
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.study.study import Study

ROOT = Path(__file__).resolve().parents[1]
STUDY = ROOT / "experiments" / "public_biomedical.yaml"
RESULTS = ROOT / "results" / "public_biomedical"
CORPORA = Path(os.environ.get("TRANSFER_STUDY_DATA") or ROOT.parent / "shared" / "data" / "blue")


@pytest.fixture(scope="module")
def study() -> Study:
    return read_study(STUDY, data=CORPORA)


@pytest.fixture(scope="module")
def plan(study: Study) -> Plan:
    recorded = recorded_plan(study, RESULTS)
    assert recorded is not None, (
        "the study's file says other inputs than its results were made from"
    )
    return recorded


@pytest.fixture(scope="module")
def judged(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """With the seeds that looks have added."""
    nowhere = tmp_path_factory.mktemp("nowhere")
    return as_begun(plan, Places(nowhere / "store", ROOT / "results", nowhere / "plots"))


def test_the_recorded_stages_are_those_that_the_file_plans(plan: Plan, judged: Plan) -> None:
    record = json.loads((RESULTS / "stages.json").read_bytes())
    assert [(s.id, s.family) for s in judged] == [(s["id"], s["name"]) for s in record["stages"]]
    assert len(plan) == 44


def test_the_corpora_give_the_recorded_stages(study: Study, plan: Plan) -> None:
    if not CORPORA.is_dir():
        pytest.skip(f"the public corpora are not at {CORPORA}")
    assert [stage.id for stage in make_plan(study)] == [stage.id for stage in plan]


def test_the_tables_follow_from_the_predictions_byte_by_byte(judged: Plan, tmp_path: Path) -> None:
    scored, deltas = tables(judged, CompactAnswers(RESULTS), failed=())
    for name, table in (("scores", scored.table), ("deltas", deltas)):
        write_table(table, tmp_path / name)
        derived = (tmp_path / f"{name}.csv").read_bytes()
        assert derived == (RESULTS / f"{name}.csv").read_bytes()


def test_every_edge_was_measured(judged: Plan) -> None:
    deltas = pd.read_csv(RESULTS / "deltas.csv")
    assert len(deltas) == 4 * 3 + 4
    assert judged.looks is not None
    assert judged.looks.done == len(judged.looks.counts)
    assert set(deltas["n_seeds"]) <= set(judged.looks.counts)
    assert set(deltas["verdict"]) <= {"gain", "loss", "equivalent", "undecided"}
    assert deltas[["delta", "low", "high", "p"]].notna().all(axis=None)


def test_the_figures_are_there() -> None:
    plots = ROOT / "plots" / "public_biomedical"
    for suffix in ("svg", "png", "pdf", "graphml", "json"):
        assert (plots / f"transfer_graph.{suffix}").stat().st_size > 0


def test_no_path_of_a_machine_is_recorded() -> None:
    for path in RESULTS.glob("*.json"):
        assert str(ROOT.parent) not in path.read_text(encoding="utf-8")


def test_it_is_judged_otherwise_into_a_folder_of_its_own(tmp_path: Path) -> None:
    shutil.copytree(RESULTS, tmp_path / "results" / "public_biomedical")
    before = (tmp_path / "results" / "public_biomedical" / "deltas.csv").read_bytes()
    places = ["--store", str(tmp_path / "none"), "--results", str(tmp_path / "results")]
    places += ["--plots", str(tmp_path / "plots")]
    words = ["report", str(STUDY), *places, "--metric", "chemprot=accuracy", "--margin", "0.2"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    judged = tmp_path / "results" / "public_biomedical" / "chemprot=accuracy+margin=0.2"
    found = pd.read_csv(judged / "deltas.csv")
    assert set(found[found["target"] == "chemprot"]["metric"]) == {"accuracy"}
    # Nothing differs by as much as 20 points.
    assert set(found["verdict"]) == {"equivalent"}
    assert (judged / "report.html").is_file()
    assert (tmp_path / "results" / "public_biomedical" / "deltas.csv").read_bytes() == before


def test_a_study_that_was_not_run_ends_apart_from_one_that_failed(tmp_path: Path) -> None:
    results = tmp_path / "results" / "public_biomedical"
    results.mkdir(parents=True)
    shutil.copy(RESULTS / "stages.json", results)
    places = ["--store", str(tmp_path / "none"), "--results", str(tmp_path / "results")]
    done = CliRunner().invoke(app, ["report", str(STUDY), *places, "--plots", str(tmp_path / "p")])
    assert done.exit_code == 3, done.output
    assert "16 not run" in done.output


def test_what_the_readme_says_of_the_studies_is_in_their_tables() -> None:
    first, second, tagging = (
        pd.read_csv(ROOT / "results" / name / "deltas.csv").set_index(["source", "target"])
        for name in ("public_biomedical", "public_steady", "public_tagging")
    )
    assert "says\n[the same of all sixteen edges]" in (ROOT / "README.md").read_text("utf-8")
    assert len(first) == 16
    assert first["verdict"].to_dict() == second["verdict"].to_dict()
    assert (tagging["verdict"] == "gain").sum() == 8
    assert (tagging["verdict"] == "loss").sum() == 1
