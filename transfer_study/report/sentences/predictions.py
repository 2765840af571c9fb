"""Pairs that were not measured, in words and as a table: never as edges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from transfer_study.points import counted, percent
from transfer_study.report.content import Content
from transfer_study.report.tables.table import Table, change, number, span, table_of, text

_SHOWN = 20


def sentence(predicted: pd.DataFrame) -> str:
    """What was estimated, from what, and how far that goes."""
    counts = predicted["likely"].value_counts()
    likely = (
        f"1 is a {word}" if counts[word] == 1 else f"{counts[word]} are {several}"
        for word, several in (("likely gain", "likely gains"), ("likely loss", "likely losses"))
        if word in counts
    )
    were = "was" if len(predicted) == 1 else "were"
    said = ", ".join(likely) or "none is likely a gain or a loss"
    return (
        f"{counted(len(predicted), 'pair')} {were} not measured. Estimated from what these sources "
        f"and targets do elsewhere, {said} (a probability of 80% or more beyond the margin). The "
        "intervals are of what is to be expected of such a pair; no estimate is a verdict, and "
        "none counts among the edges."
    )


def likeliest(content: Content) -> Table:
    """The pairs that are likeliest to be a gain or a loss."""
    predicted = content.predicted
    assert predicted is not None
    chance = predicted[["gain", "loss"]].max(axis=1)
    rows = predicted.loc[chance.sort_values(ascending=False, kind="stable").index[:_SHOWN]]
    # Estimates may be of one encoder alone where several were measured.
    axes = [n for n in ("encoder", "reading", "arm") if content.deltas[n].nunique() > 1]
    return table_of(
        rows.to_dict("records"),
        *(text(name, name) for name in axes),
        text("source", "source"),
        text("target", "target"),
        change("expected", "expected"),
        span("95% interval", "low", "high"),
        number("probability", _chance),
        text("estimate", "likely"),
    )


def _chance(row: Mapping[Any, Any]) -> str:
    larger = "gain" if row["gain"] >= row["loss"] else "loss"
    return f"{percent(row[larger])} {larger}"
