"""One output that fails never costs the others: a run whose figure cannot be drawn."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

from transfer_study import figures
from transfer_study.cli import app
from transfer_study.cli.codes import FAILED
from transfer_study.report import page


def broken(*_: object, **__: object) -> None:
    raise ValueError("cannot convert float NaN to integer")


@pytest.fixture
def folders(tmp_path):
    return [f"--{name}={tmp_path / name}" for name in ("store", "results", "plots")]


def test_a_run_leaves_all_other_outputs_and_says_what_failed(
    small_study, folders, tmp_path, monkeypatch
):
    options = [str(small_study), *folders]
    run = ["run", *options, "--executor", "in-process", "--quiet"]
    with monkeypatch.context() as patch:
        patch.setattr(figures, "draw_column", broken)
        patch.setattr(page, "page", broken)
        failed = CliRunner().invoke(app, run)
    assert failed.exit_code == FAILED
    results, plots = tmp_path / "results" / "small", tmp_path / "plots" / "small"
    told = [line for line in failed.stderr.splitlines() if line.startswith("error:")]
    assert len(told) == 2
    assert all("could not be written (ValueError: cannot convert float NaN" in t for t in told)
    assert "Traceback" not in failed.output
    assert (results / "failed_outputs.log").read_text().count("Traceback") == 2
    written = {path.name for path in (*results.iterdir(), *plots.iterdir())}
    assert not {"transfer_graph-column.pdf", "report.html"} & written
    assert {"deltas.csv", "deltas.md", "deltas.tex", "tables.md", "report.md"} <= written
    assert {"transfer_graph.svg", "heat_map.pdf", "transfer_graph.json"} <= written
    assert len(pd.read_csv(results / "deltas.csv")) == 9

    again = CliRunner().invoke(app, ["report", *options])
    assert again.exit_code == 0, again.output
    assert {"transfer_graph-column.pdf"} <= {path.name for path in plots.iterdir()}
    assert (results / "report.html").is_file()
    assert not (results / "failed_outputs.log").exists()
