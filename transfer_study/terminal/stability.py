"""What the variants of a recipe reach and how they scatter, for reading."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table

from transfer_study.analysis.doubt.stability import by_system
from transfer_study.points import interval, points
from transfer_study.report.stability import learned


def print_stability(console: Console, stability: pd.DataFrame) -> None:
    """Print one table a system: mean, spread and failed runs of each variant, in points."""
    for about, rows in by_system(stability):
        title = f"{learned(about)}: {about['encoder']}, {about['reading']} reading"
        table = Table(
            title=title, title_justify="left", title_style="bold", box=None, pad_edge=False
        )
        table.add_column("variant", overflow="fold")
        for heading in ("mean", "sd", "failed", "change", "95% interval"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in rows.to_dict("records"):
            table.add_row(
                str(row["variant"]),
                points(row["mean"]),
                points(row["sd"]),
                f"{row['failed']} of {row['n_seeds']}",
                points(row["delta"], signed=True),
                interval(row["low"], row["high"], signed=True),
            )
        console.print(table)
