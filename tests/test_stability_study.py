"""The stability study in the repository: its table follows from the predictions beside it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from transfer_study.analysis.doubt.stability import run_table, stability_table
from transfer_study.analysis.effects.tables import tables
from transfer_study.report.sentences.stability import stability_markdown
from transfer_study.report.tables.edge_files import write_table
from transfer_study.store.compact import CompactAnswers
from transfer_study.store.recorded import recorded_plan
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results" / "stability"


@pytest.fixture(scope="module")
def plan() -> Plan:
    recorded = recorded_plan(read_study(ROOT / "experiments" / "stability.yaml"), RESULTS)
    assert recorded is not None, "the study's file says other inputs than its results"
    return recorded


def test_the_table_follows_from_the_predictions_byte_by_byte(plan: Plan, tmp_path: Path) -> None:
    compact = CompactAnswers(RESULTS)
    scored, _ = tables(plan, compact, failed=())
    scores = scored.table
    runs = run_table(plan, scores, scored.test_sets)
    table = stability_table(runs, scored.test_sets, plan.study.margin, ())
    for name, derived in (("scores", scores), ("stability", table)):
        write_table(derived, tmp_path / name)
        assert (tmp_path / f"{name}.csv").read_bytes() == (RESULTS / f"{name}.csv").read_bytes()
    text = stability_markdown(table, plan.study)
    assert text == (RESULTS / "stability.md").read_text(encoding="utf-8")


def test_every_variant_has_ten_runs_of_every_task(plan: Plan) -> None:
    table = pd.read_csv(RESULTS / "stability.csv")
    assert len(table) == len(plan.study.tasks) * len(plan.study.variants) == 12
    assert set(table["n_seeds"]) == {10}
    assert table[["mean", "sd", "failed_share"]].notna().all(axis=None)
    for suffix in ("svg", "png", "pdf"):
        assert (ROOT / "plots" / "stability" / f"stability.{suffix}").stat().st_size > 0
