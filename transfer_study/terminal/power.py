"""What a study could show: the smallest effects that its edges can detect, for reading."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table

from transfer_study.analysis.power import POWER

_LISTED = 30


def print_power(console: Console, table: pd.DataFrame) -> None:
    """Print one line an edge, or of many edges one a target with its best and worst."""
    if not len(table):
        return
    known = table["detectable"].notna()
    if not known.any():
        console.print(
            "Smallest detectable effects: unknown until two seeds of the study, or of another as "
            "`--pilot`, were run: `transfer-study run STUDY --set seeds=2`.",
            soft_wrap=True,
        )
        return
    by_target = len(table) > _LISTED
    console.print(_by_target(table) if by_target else _by_edge(table))
    seeds = table.loc[known, "pilot_seeds"]
    least, most = seeds.min(), seeds.max()
    said = f"{least}" if least == most else f"{least} to {most}"
    console.print(
        f"In points, found {100 * POWER:.0f} times in 100; corrected: where no other edge shows an "
        f"effect. From {said} pilot seeds, hence the range.",
        soft_wrap=True,
    )


def _table(*headings: str, left: int) -> Table:
    title = "Smallest detectable effects"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for n, heading in enumerate(headings):
        if n < left:
            table.add_column(heading, overflow="fold")
        else:
            table.add_column(heading, justify="right", no_wrap=True)
    return table


def _by_edge(edges: pd.DataFrame) -> Table:
    headings = (
        "from",
        "to",
        "arm",
        "seeds",
        "tests",
        "detects",
        "(range)",
        "corrected",
        "known by",
    )
    table = _table(*headings, left=3)
    for edge in edges.to_dict("records"):
        table.add_row(
            "all others" if edge["arm"] == "full" else edge["source"],
            edge["target"],
            edge["arm"],
            str(edge["n_seeds"]),
            str(edge["n_test"]),
            _points(edge["detectable"]),
            _range(edge["detectable_low"], edge["detectable_high"]),
            _points(edge["detectable_corrected"]),
            {"own": "its runs", "target": "runs into it", "none": "nothing"}[edge["evidence"]],
        )
    return table


def _by_target(edges: pd.DataFrame) -> Table:
    headings = ("to", "edges", "unknown", "seeds", "tests", "best", "worst", "(range)", "corrected")
    table = _table(*headings, left=1)
    for (target, n_test), rows in edges.groupby(["target", "n_test"], sort=False):
        known = rows[rows["detectable"].notna()].sort_values("detectable")
        best, worst = (known.iloc[0], known.iloc[-1]) if len(known) else (rows.iloc[0],) * 2
        table.add_row(
            str(target),
            str(len(rows)),
            str(len(rows) - len(known)),
            str(rows["n_seeds"].max()),
            str(n_test),
            _points(best["detectable"]),
            _points(worst["detectable"]),
            _range(worst["detectable_low"], worst["detectable_high"]),
            _points(worst["detectable_corrected"]),
        )
    return table


def _points(value: float) -> str:
    return "–" if pd.isna(value) else f"{100 * value:.1f}"


def _range(low: float, high: float) -> str:
    return "" if pd.isna(low) else f"({_points(low)} to {_points(high)})"
