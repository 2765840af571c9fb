"""What the variants of a recipe reach and how they scatter, for reading."""

from __future__ import annotations

import pandas as pd
from rich.console import Console

from transfer_study.analysis.doubt.stability import by_system
from transfer_study.report.sentences.stability import COLUMNS, learned
from transfer_study.report.tables.table import table_of
from transfer_study.terminal.console import in_terminal

_COLUMNS = [c for c in COLUMNS if c.heading not in ("lowest", "highest", "verdict")]


def print_stability(console: Console, stability: pd.DataFrame) -> None:
    """Print one table a system: mean, spread and failed runs of each variant, in points."""
    for about, rows in by_system(stability):
        title = f"{learned(about)}: {about['encoder']}, {about['reading']} reading"
        console.print(in_terminal(table_of(rows.to_dict("records"), *_COLUMNS, title=title)))
