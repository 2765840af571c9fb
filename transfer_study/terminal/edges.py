"""The edge table of a study, for reading and for other programs."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd
from rich.table import Table

from transfer_study.session import Outcome
from transfer_study.spec.plan import Plan
from transfer_study.terminal.console import stdout

_SCHEMA = 1
_STYLE = {
    "gain": "green",
    "loss": "red",
    "equivalent": "bright_black",
    "undecided": "",
    "failed": "bold red",
    "not_run": "bold",
}


def print_edges(plan: Plan, outcome: Outcome) -> None:
    """Print one line an edge to stdout, in points, and where the figures are."""
    console = stdout()
    for (encoder, reading), edges in outcome.deltas.groupby(["encoder", "reading"], sort=False):
        console.print(_table(f"{plan.study.name}: {encoder}, {reading} reading", edges))
    for (encoder, reading), gains in outcome.pretraining.groupby(
        ["encoder", "reading"], sort=False
    ):
        title = f"{plan.study.name}: {encoder} against the bare encoder, {reading} reading"
        console.print(_gain_table(title, gains))
    counts = outcome.deltas["verdict"].value_counts()
    said = ", ".join(f"{counts[v]} {v.replace('_', ' ')}" for v in _STYLE if v in counts)
    console.print(f"{len(outcome.deltas)} edges: {said}" if said else "No edges to compare.")
    for path in outcome.figures:
        if path.suffix in (".svg", ".pdf", ".png") and path.stem.startswith("transfer_graph"):
            console.print(str(path), soft_wrap=True)


def _gain_table(title: str, gains: pd.DataFrame) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in ("task", "learned with"):
        table.add_column(heading, overflow="fold")
    for heading in ("bare", "change", "95% interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for gain in gains.to_dict("records"):
        verdict = str(gain["verdict"])
        table.add_row(
            gain["target"],
            {"full": "all others", "control": "itself"}.get(
                str(gain["arm"]), gain["source"] or "–"
            ),
            _points(gain["baseline"]),
            _points(gain["delta"], signed=True),
            _interval(gain["low"], gain["high"]),
            verdict.replace("_", " "),
            style=_STYLE[verdict],
        )
    return table


def _table(title: str, edges: pd.DataFrame) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in ("from", "to"):
        table.add_column(heading, overflow="fold")
    for heading in ("alone", "change", "95% interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for edge in edges.to_dict("records"):
        verdict = str(edge["verdict"])
        table.add_row(
            "all others" if edge["arm"] == "full" else edge["source"],
            edge["target"],
            _points(edge["baseline"]),
            _points(edge["delta"], signed=True),
            _interval(edge["low"], edge["high"]),
            verdict.replace("_", " "),
            style=_STYLE[verdict],
        )
    return table


def _points(value: float, signed: bool = False) -> str:
    if math.isnan(value):
        return "–"
    return f"{100 * value:+.1f}".replace("-", "−") if signed else f"{100 * value:.1f}"


def _interval(low: float, high: float) -> str:
    if math.isnan(low):
        return "–"
    return f"[{_points(low, signed=True)}, {_points(high, signed=True)}]"


def edges_as_json(plan: Plan, outcome: Outcome) -> None:
    """Print the deltas, figures and failures as one JSON object."""
    names = {stage.id: stage.name for stage in plan}
    content: dict[str, Any] = {
        "schema": _SCHEMA,
        "study": plan.study.name,
        "edges": json.loads(outcome.deltas.to_json(orient="records", double_precision=15)),
        "pretraining": json.loads(
            outcome.pretraining.to_json(orient="records", double_precision=15)
        ),
        "figures": [str(path) for path in outcome.figures],
        "failed": sorted(names[identity] for identity in outcome.failed),
    }
    print(json.dumps(content, indent=1))
