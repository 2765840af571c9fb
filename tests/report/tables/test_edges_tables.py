"""The tables of all edges: what each row says, and that LaTeX takes them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from transfer_study.report.content import Content
from transfer_study.report.tables.edges_tables import edge_tables, edges_latex, edges_markdown
from transfer_study.report.tables.table import Table


@pytest.fixture
def table(content: Content) -> Table:
    (table,) = edge_tables(content.design, content.deltas)
    return table


def _headings(table: Table) -> list[str]:
    return [column.heading for column in table.columns]


def _rows(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def test_a_row_has_the_numbers_in_points_and_the_adjusted_interval(table: Table) -> None:
    said = dict(zip(_headings(table), _rows(table)[0], strict=True))
    assert said == {
        "source": "a_1",
        "target": "b",
        "arm": "pair",
        "baseline": "60.0",
        "score": "65.0",
        "delta": "+5.0",
        "95% interval": "[+3.0, +7.0]",
        "p": "<0.001",
        "over placebo": "+4.0 [+2.0, +6.0]",
        "verdict": "gain",
    }


def test_every_edge_is_a_row_and_no_control_is(content: Content, table: Table) -> None:
    assert len(table.rows) == len(content.edges) == 7
    assert {row[2] for row in _rows(table)} == {"pair", "full"}


def test_what_failed_and_what_was_not_run_have_no_numbers_and_differ(table: Table) -> None:
    rows = {tuple(row[:2]): row for row in _rows(table)}
    for ends, verdict in ((("c", "a_1"), "failed"), (("b", "c"), "not run")):
        *numbers, word = rows[ends][3:]
        assert set(numbers) == {"–"}
        assert word == verdict


def test_the_note_says_how_the_family_was_corrected(table: Table) -> None:
    # Seven edges, of which the two without a p are none of the family.
    assert "Benjamini-Hochberg over 5 edges" in table.notes[0].text


def test_columns_that_say_nothing_are_left_out(content: Content) -> None:
    pairs = content.deltas[(content.deltas["arm"] == "pair") & (content.deltas["over"] == "")]
    (table,) = edge_tables(content.design, pairs)
    assert "arm" not in _headings(table)
    assert not any(heading.startswith("over") for heading in _headings(table))
    sized = pairs.assign(size=100, variant="plain")
    (table,) = edge_tables(content.design, sized)
    assert {"size", "variant"} <= {*_headings(table)}


def test_markdown_is_a_table_with_gains_and_losses_bold(content: Content) -> None:
    lines = edges_markdown(content.design, content.deltas).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len({row.replace(r"\|", "").count("|") for row in rows}) == 1
    assert sum("**" in row for row in rows) == 2
    assert any(row.startswith(r"| a\_1 | b | pair |") and "**+5.0**" in row for row in rows)


def test_an_encoder_and_reading_has_a_table_of_its_own(content: Content) -> None:
    other = content.deltas.assign(encoder="large")
    both = pd.concat([content.deltas, other])
    text = edges_markdown(content.design, both)
    assert "## tiny, refine reading" in text
    assert "## large, refine reading" in text


def test_latex_compiles(content: Content, tmp_path: Path) -> None:
    text = edges_latex(content.design, content.deltas)
    assert r"a\_1 & b & pair" in text
    assert r"\textbf{$-$3.0}" in text
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-recommended)")
    (tmp_path / "deltas.tex").write_text(text, "utf-8")
    document = (
        r"\documentclass{article}\usepackage{booktabs,longtable}"
        r"\begin{document}\input{deltas.tex}\end{document}"
    )
    (tmp_path / "paper.tex").write_text(document, "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
