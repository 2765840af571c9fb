"""What became of a study's edges in another, for reading and for other programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.table import Table

from transfer_study.analysis.compare.difference import Happened
from transfer_study.analysis.edges import repeated
from transfer_study.points import interval, points
from transfer_study.report.comparison import Compared, correction_words
from transfer_study.study.arms import source_text
from transfer_study.terminal.console import stdout

_SCHEMA = 1
_STYLE = {
    Happened.FLIPPED: "magenta",
    Happened.APPEARED: "blue",
    Happened.VANISHED: "yellow",
    Happened.CHANGED: "bold",
    Happened.KEPT: "bright_black",
    Happened.ONLY_A: "bright_black",
    Happened.ONLY_B: "bright_black",
    Happened.NOT_MEASURED: "bright_black",
}
_OF_VERDICT = (Happened.FLIPPED, Happened.APPEARED, Happened.VANISHED)


def print_differences(compared: Compared) -> None:
    """Print one line an edge to stdout, what happened first, in points; notes go to stderr."""
    for note in compared.notes:
        print(f"note: {note}", file=sys.stderr)
    console = stdout()
    by = ["encoder", "reading", *[name for name in ("variant",) if name in compared.differences]]
    for about, edges in compared.differences.groupby(by, sort=False):
        said = ", ".join(map(str, about))
        console.print(_table(f"{compared.a} against {compared.b}: {said} reading", compared, edges))
    for line in _summary(compared):
        console.print(line, soft_wrap=True)
    for path in compared.figures:
        if path.suffix in (".svg", ".pdf", ".png"):
            console.print(str(path), soft_wrap=True)


def _table(title: str, compared: Compared, edges: pd.DataFrame) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in ("arm", "from", "to"):
        table.add_column(heading, overflow="fold")
    sized = "size" in edges
    numbers = [compared.a, compared.b, "difference", "95% interval"]
    for heading in ["size", *numbers] if sized else numbers:
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("verdicts", no_wrap=True)
    table.add_column("what happened", overflow="fold")
    for edge in edges.to_dict("records"):
        size = [] if not sized else ["–" if pd.isna(edge["size"]) else str(edge["size"])]
        kind = Happened(edge["happened"])
        table.add_row(
            edge["arm"],
            source_text(edge["arm"], edge["source"]),
            edge["target"],
            *size,
            *(points(edge[name], signed=True) for name in ("delta_a", "delta_b", "difference")),
            interval(edge["adjusted_low"], edge["adjusted_high"], signed=True),
            " → ".join(_verdict(edge[f"verdict_{side}"]) for side in "ab"),
            _happened(edge, compared),
            style=("bold " if edge["shown"] else "") + _STYLE[kind],
        )
    return table


def _verdict(verdict: object) -> str:
    return verdict.replace("_", " ") if isinstance(verdict, str) else "–"


def _happened(edge: Mapping[Any, Any], compared: Compared) -> str:
    """What happened, and whether the difference is more than two verdicts."""
    kind = Happened(edge["happened"])
    if kind is Happened.ONLY_A:
        return f"only in {compared.a}"
    if kind is Happened.ONLY_B:
        return f"only in {compared.b}"
    if kind in _OF_VERDICT:
        return f"{kind}{'' if edge['shown'] else '; verdict changed, difference not shown'}"
    return kind.replace("_", " ")


def _summary(compared: Compared) -> list[str]:
    table = _once(compared.differences)
    both = ~table["happened"].isin([Happened.ONLY_A, Happened.ONLY_B])
    counts = table["happened"].value_counts()
    said = {
        Happened.ONLY_A: f"only in {compared.a}",
        Happened.ONLY_B: f"only in {compared.b}",
    }
    told = ", ".join(
        f"{counts[kind]} {said.get(kind, kind.replace('_', ' '))}"
        for kind in Happened
        if kind in counts
    )
    unpaired = table[both & ~table["same_test"].astype(bool)]["target"].unique()
    lines = [
        f"{int(both.sum())} edges in both studies; {told}.",
        f"{int(table['shown'].sum())} differences are shown: their 95% interval, "
        f"{correction_words(compared.correction)}, excludes zero. "
        f"A difference is {compared.b} minus {compared.a}, in points; it is judged by the runs of "
        "its two edges alone, not also by other models of the target as the edges of a study are.",
    ]
    if len(unpaired):
        lines.append(
            f"Test examples could not be paired for {', '.join(unpaired)}: those differences take "
            "the two studies as independent."
        )
    return lines


def _once(edges: pd.DataFrame) -> pd.DataFrame:
    """The edges without second names for them."""
    return edges[~repeated(edges)]


def differences_as_json(compared: Compared) -> None:
    """Print the same as one JSON object; values are fractions of 1, unknown ones null."""
    edges = compared.differences
    once = _once(edges)
    content = {
        "schema": _SCHEMA,
        "a": compared.a,
        "b": compared.b,
        "correction": compared.correction,
        "counts": {kind: int((once["happened"] == kind).sum()) for kind in Happened},
        "shown": int(once["shown"].sum()),
        "edges": json.loads(edges.to_json(orient="records", double_precision=15)),
        "figures": [str(path) for path in compared.figures],
        "notes": list(compared.notes),
    }
    print(json.dumps(content, indent=1, allow_nan=False))
