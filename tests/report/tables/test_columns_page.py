"""The page of columns is that of the tables: each column has its meaning, and none is left over."""

from __future__ import annotations

import csv
from dataclasses import fields
from pathlib import Path

import pytest

from transfer_study.analysis import edges
from transfer_study.analysis.doubt import false_edges, stability
from transfer_study.analysis.effects import scores
from transfer_study.analysis.paper import choices, systems
from transfer_study.data.leaks.findings import Leak
from transfer_study.report import beside
from transfer_study.report.tables.columns_page import TABLES, columns_page

ROOT = Path(__file__).parents[3]
AXES = {edges.VARIANT, edges.SIZE}
IN_CODE = {
    "deltas.csv": {*edges.COLUMNS},
    "scores.csv": {*scores.SCORE_COLUMNS, *AXES},
    "tables.csv": {*systems.CELL_COLUMNS, edges.SIZE},
    "stability.csv": {*stability.STABILITY_COLUMNS},
    "choices.csv": {*choices.COLUMNS},
    "leaks.csv": {field.name for field in fields(Leak)},
    "costs.csv": {*beside._COSTS},
    "false_edges.csv": {*false_edges.COLUMNS},
}


def test_the_page_is_that_of_the_code() -> None:
    """Otherwise: python -m transfer_study.report.tables.columns_page > docs/tables.md."""
    assert (ROOT / "docs" / "tables.md").read_text(encoding="utf-8") == columns_page()


@pytest.mark.parametrize("name", IN_CODE)
def test_every_column_has_a_meaning(name: str) -> None:
    assert {*TABLES[name][1]} == IN_CODE[name]


@pytest.mark.parametrize("name", TABLES)
def test_committed_tables_have_these_columns_in_this_order(name: str) -> None:
    known = list(TABLES[name][1])
    found = list((ROOT / "results").glob(f"*/{name}"))
    assert found or name == "choices.csv"
    for file in found:
        with file.open(encoding="utf-8", newline="") as lines:
            columns = next(csv.reader(lines))
        assert [column for column in known if column in columns] == columns, file
