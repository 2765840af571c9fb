"""What became of a study's edges in another, for reading and for other programs."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from transfer_study.analysis.compare.difference import Happened, signs_and_ranks
from transfer_study.analysis.edges import repeated
from transfer_study.points import verdict_text
from transfer_study.report.comparison import Compared, correction_words
from transfer_study.report.tables.table import (
    Column,
    Table,
    change,
    label,
    number,
    span,
    table_of,
    text,
)
from transfer_study.study.arms import source_text
from transfer_study.terminal.console import in_terminal, print_json, records_of, stdout

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
        title = f"{compared.a} against {compared.b}: {said} reading"
        console.print(in_terminal(_table(title, compared, edges)))
    for line in _summary(compared):
        console.print(line, soft_wrap=True)
    for path in compared.figures:
        if path.suffix in (".svg", ".pdf", ".png"):
            console.print(str(path), soft_wrap=True)


def _table(title: str, compared: Compared, edges: pd.DataFrame) -> Table:
    def effect(heading: str, name: str) -> Column:
        # A study's name may be long, and is broken.
        return replace(change(heading, name), whole=False)

    return table_of(
        edges.to_dict("records"),
        text("arm", "arm"),
        text("from", lambda edge: source_text(edge["arm"], edge["source"])),
        text("to", "target"),
        *([number("size", "size")] if "size" in edges else []),
        effect(compared.a, "delta_a"),
        effect(compared.b, "delta_b"),
        effect("difference", "difference"),
        span("95% interval", "adjusted_low", "adjusted_high"),
        label("verdicts", _verdicts),
        text("what happened", lambda edge: _happened(edge, compared)),
        title=title,
        style=lambda edge: "bold " * edge["shown"] + _STYLE[Happened(edge["happened"])],
    )


def _verdicts(edge: Mapping[Any, Any]) -> str:
    return " → ".join(verdict_text(edge[f"verdict_{side}"]) for side in "ab")


def _happened(edge: Mapping[Any, Any], compared: Compared) -> str:
    """What happened, and whether the difference is more than two verdicts."""
    kind = Happened(edge["happened"])
    if kind is Happened.ONLY_A:
        return f"only in {compared.a}"
    if kind is Happened.ONLY_B:
        return f"only in {compared.b}"
    if kind in _OF_VERDICT:
        return f"{kind}{'' if edge['shown'] else '; verdict changed, difference not shown'}"
    return verdict_text(kind)


def _summary(compared: Compared) -> list[str]:
    table = _once(compared.differences)
    both = ~table["happened"].isin([Happened.ONLY_A, Happened.ONLY_B])
    counts = table["happened"].value_counts()
    said = {
        Happened.ONLY_A: f"only in {compared.a}",
        Happened.ONLY_B: f"only in {compared.b}",
    }
    told = ", ".join(
        f"{counts[kind]} {said.get(kind, verdict_text(kind))}"
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
    n, same, ranks = signs_and_ranks(table)
    if not math.isnan(ranks):
        lines.append(
            f"Of the {n} effects measured in both, {same} have the same sign; Spearman's rank "
            f"correlation is {ranks:.2f}."
        )
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
    n, same, ranks = signs_and_ranks(once)
    known = (n, same, None if math.isnan(ranks) else ranks)
    content = {
        "a": compared.a,
        "b": compared.b,
        "correction": compared.correction,
        "counts": {kind: int((once["happened"] == kind).sum()) for kind in Happened},
        "shown": int(once["shown"].sum()),
        **dict(zip(("measured", "same_sign", "rank_correlation"), known, strict=True)),
        "edges": records_of(edges),
        "figures": [str(path) for path in compared.figures],
        "notes": list(compared.notes),
    }
    print_json(content)
