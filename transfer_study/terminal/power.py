"""What a study could show: the smallest effects that its edges can detect, for reading."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console

from transfer_study.points import points
from transfer_study.report.tables.table import Column, Table, number, table_of, text
from transfer_study.study.arms import source_text
from transfer_study.terminal.console import in_terminal

if TYPE_CHECKING:
    import pandas as pd

_TITLE = "Smallest detectable effects"
_KNOWN_BY = {"own": "its runs", "target": "runs into it", "none": "nothing"}
_LISTED = 30
_FEW = 3
_AXES = ("protocol", "encoder", "reading", "variant", "size")  # told where there are several


def print_power(console: Console, table: pd.DataFrame | None) -> None:
    """Print one line an edge, or of many edges one a target with its best and worst."""
    if table is None or table["detectable"].isna().all():
        why = (
            "unknown until some seeds were run, of this study or of another as `--pilot`: "
            "`transfer-study run STUDY --set seeds=3`."
            if table is None
            else "unknown, for what was run tells nothing of noise: its tasks were not learned, "
            "its runs score alike, or its test examples are of one document."
        )
        console.print(f"Smallest detectable effects: {why}", soft_wrap=True)
        return
    shown = _by_edge(table) if len(table) <= _LISTED else _by_target(table)
    console.print(in_terminal(shown))
    seeds = table["pilot_seeds"]
    least, most = seeds.min(), seeds.max()
    said = f"{least}" if least == most else f"{least} to {most}"
    by_looks = (
        " over all looks, though edges end for want of a chance (first: at the first look)"
        if "max_seeds" in table
        else ""
    )
    console.print(
        f"In points, found in 80 of 100 such studies at 5%{by_looks}; corrected: where no other "
        f"edge shows an effect. Known from {said} pilot seeds, so only within the range"
        f"{', of two seeds its upper end' if least < _FEW else ''}.",
        soft_wrap=True,
    )


def _by_edge(edges: pd.DataFrame) -> Table:
    first = [_detects("first", "detectable_first")] if "max_seeds" in edges else []
    axes = [name for name in _AXES if name in edges and edges[name].nunique(dropna=False) > 1]
    return table_of(
        edges.to_dict("records"),
        text("from", lambda edge: source_text(edge["arm"], edge["source"])),
        *(text(heading, name) for heading, name in (("to", "target"), ("arm", "arm"))),
        *(text(name, name) for name in axes),
        number("seeds", _seeds),
        number("tests", "n_test"),
        *first,
        _detects("detects", "detectable"),
        number("(range)", _range),
        _detects("corrected", "detectable_corrected"),
        number("known by", lambda edge: _KNOWN_BY[edge["evidence"]]),
        title=_TITLE,
    )


def _by_target(edges: pd.DataFrame) -> Table:
    targets = []
    for _, rows in edges.groupby(["target", "n_test"], sort=False):
        found = rows[rows["detectable"].notna()].sort_values("detectable")
        best, worst = (rows if found.empty else found).iloc[[0, -1]].to_dict("records")
        about: dict[Any, Any] = {"edges": len(rows), "unknown": len(rows) - len(found)}
        about["seeds"] = max(map(_seeds, rows.to_dict("records")), key=len)
        targets.append({**worst, **about, "best": best["detectable"]})
    return table_of(
        targets,
        text("to", "target"),
        *(number(name, name) for name in ("edges", "unknown", "seeds")),
        number("tests", "n_test"),
        _detects("best", "best"),
        _detects("worst", "detectable"),
        number("(range)", _range),
        _detects("corrected", "detectable_corrected"),
        title=_TITLE,
    )


def _seeds(edge: Mapping[Any, Any]) -> str:
    """The seeds of an edge, at the first look and the last, and of a baseline that has more."""
    most = edge.get("max_seeds", edge["n_seeds"])
    said = f"{edge['n_seeds']} to {most}" if most > edge["n_seeds"] else str(edge["n_seeds"])
    more = edge["n_baseline_seeds"]
    return f"{said}, alone {more}" if more > edge["n_seeds"] else said


def _detects(heading: str, name: str) -> Column:
    return number(heading, lambda edge: _points(edge[name]))


def _points(value: float) -> str:
    return "none" if math.isinf(value) else points(value)  # not even the largest possible effect


def _range(edge: Mapping[Any, Any]) -> str:
    low, high = edge["detectable_low"], edge["detectable_high"]
    return "" if math.isnan(low) else f"({_points(low)} to {_points(high)})"
