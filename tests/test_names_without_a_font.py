"""A study whose names no font has: figures show numbers, the report their key, and it is said."""

from __future__ import annotations

import warnings

from typer.testing import CliRunner

from transfer_study.cli import app
from transfer_study.figures import fonts, lettering

CHINESE = "疾病实体"


def test_a_run_says_it_once_and_the_report_has_the_key(small_study, tmp_path, monkeypatch):
    text = small_study.read_text().replace("name: entities", f"name: {CHINESE}")
    small_study.write_text(text.replace("name: topics", f"name: {'t' * 60}"))
    folders = [f"--{name}={tmp_path / name}" for name in ("store", "results", "plots")]
    monkeypatch.setattr(fonts, "installed", lambda: ())
    lettering.width.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of glyphs that are missing
        run = CliRunner().invoke(
            app, ["run", str(small_study), *folders, "--executor", "in-process", "--quiet"]
        )
    lettering.width.cache_clear()
    assert run.exit_code == 0, run.output
    (note,) = [line for line in run.stderr.splitlines() if line.startswith("note:")]
    assert f"no font of this machine has all letters of '{CHINESE}': figures show numbers" in note
    assert "report.html" in note
    assert f"transfer-study report {small_study}" in note
    results = tmp_path / "results" / "small"
    assert f"- task 1: {CHINESE}\n- 2: {'t' * 60}" in (results / "report.md").read_text("utf-8")
    page = (results / "report.html").read_text("utf-8")
    assert f"<li><b>task 1</b> {CHINESE}" in page
    graph = (tmp_path / "plots" / "small" / "transfer_graph.json").read_text("utf-8")
    assert '"number": 1' in graph
