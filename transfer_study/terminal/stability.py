"""What the variants of a recipe reach and how they scatter, for reading."""

from __future__ import annotations

import math

import pandas as pd
from rich.console import Console
from rich.table import Table

from transfer_study.analysis.stability import SYSTEM


def print_stability(console: Console, stability: pd.DataFrame) -> None:
    """Print one table a system: mean, spread and failed runs of each variant, in points."""
    for _, rows in stability.groupby(SYSTEM, sort=False):
        first = rows.iloc[0]
        learned = f" after {first['source']}" if first["source"] else ""
        title = f"{first['task']}{learned}: {first['encoder']}, {first['reading']} reading"
        table = Table(
            title=title, title_justify="left", title_style="bold", box=None, pad_edge=False
        )
        table.add_column("variant", overflow="fold")
        for heading in ("mean", "sd", "failed", "change", "95% interval"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in rows.to_dict("records"):
            low, high = (_points(row[side], signed=True) for side in ("low", "high"))
            table.add_row(
                str(row["variant"]),
                _points(row["mean"]),
                _points(row["sd"]),
                f"{row['failed']} of {row['n_seeds']}",
                _points(row["delta"], signed=True),
                "–" if math.isnan(row["low"]) else f"[{low}, {high}]",
            )
        console.print(table)


def _points(value: float, signed: bool = False) -> str:
    if math.isnan(value):
        return "–"
    return (f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}").replace("-", "−")
