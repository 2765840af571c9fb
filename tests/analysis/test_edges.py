"""The one schema of tables of edges: what is no such table is refused, and rows are selected."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.report.conftest import row
from transfer_study.analysis.edges import (
    COLUMNS,
    asked_edges,
    checked,
    distinct_edges,
    edge_table,
    key_of,
    over_a_control,
    raw_edges,
)


def table(*rows: dict[str, object]) -> pd.DataFrame:
    spread = {"score_sd": 0.01, "seed_freedom": 4.0}
    return edge_table([{**spread, **one} for one in rows], _KEY)


_KEY = [name for name, column in COLUMNS.items() if column.key and not column.optional]
PAIR = row("a", "b", "pair", "gain", 0.02)
FULL = row("a", "b", "full", "gain", 0.02)
OVER = row("a", "b", "pair", "undecided", 0.01, over="placebo")
PLACEBO = row("a", "b", "placebo", "loss", -0.01)


def test_rows_are_selected_by_what_they_are() -> None:
    edges = table(PAIR, OVER, PLACEBO, FULL)
    assert key_of(edges) == _KEY
    assert [*raw_edges(edges)["arm"]] == ["pair", "placebo", "full"]
    assert [*over_a_control(edges)["over"]] == ["placebo"]
    assert [*asked_edges(edges)["arm"]] == ["pair", "full"]
    assert [*distinct_edges(edges)["arm"]] == ["pair"], "of two tasks the pair is the full mix"


def test_what_is_no_table_of_edges_is_refused() -> None:
    edges = table(PAIR, FULL)
    assert checked(edges) is edges
    for wrong, said in (
        (edges.drop(columns="level"), r"lacks \['level'\]"),
        (edges.assign(look_=1), r"\['look_'\] are unknown or wrong"),
        (edges.assign(n_seeds=3.0), r"\['n_seeds'\] are unknown or wrong"),
        (edges.assign(over=None), r"\['over'\] are unknown or wrong"),
        (edges.assign(verdict="win"), "verdicts .*'win'"),
        (pd.concat([edges, edges]), "an edge has two rows"),
    ):
        with pytest.raises(ValueError, match=said):
            checked(wrong)
