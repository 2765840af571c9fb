"""The edge table of a study, for reading and for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from transfer_study.analysis.edges import over_a_control, raw_edges
from transfer_study.analysis.graph.views import Shown, View
from transfer_study.analysis.paper.choices import STEPS
from transfer_study.outcome import Outcome
from transfer_study.points import MISSING, interval, points
from transfer_study.report.captions import adjustment
from transfer_study.report.cautions import cautions
from transfer_study.report.words import interval_text
from transfer_study.study.arms import CONTROL, source_text
from transfer_study.study.plan import Plan
from transfer_study.study.stage_labels import stage_labels
from transfer_study.terminal.console import stdout
from transfer_study.terminal.looks import schedule_line
from transfer_study.terminal.stability import print_stability

_SCHEMA = 1
_SIZED = {True: ("size",), False: ()}
_STYLE = {
    "gain": "green",
    "loss": "red",
    "equivalent": "bright_black",
    "undecided": "",
    "not_learned": "magenta",
    "failed": "bold red",
    "not_run": "bold",
}


def print_edges(outcome: Outcome) -> None:
    """Print one line an edge to stdout, in points, and where the figures are."""
    console, plan, own = stdout(), outcome.plan, outcome.edges
    for table in _tables(plan, outcome.deltas):
        console.print(table)
    if outcome.pretraining is not None:
        for (encoder, *about), gains in _grouped(outcome.pretraining):
            said = ", ".join([f"{encoder} against the bare encoder", *about])
            console.print(_gain_table(f"{plan.study.name}: {said}", gains))
    if outcome.stability is not None:
        print_stability(console, outcome.stability)
    if len(own) or outcome.stability is None:
        console.print(outcome.price)
    if len(own):
        sentence = adjustment(plan.study.correction, "the edges of a reading")
        console.print(f"{sentence} Seeds and test examples are crossed.", style="dim")
        if plan.looks is not None:
            console.print(schedule_line(plan.looks), style="dim")
        if outcome.false_edge_rate:
            console.print(outcome.false_edge_rate, style="dim")
        for caution in cautions(own):
            console.print(caution, style="yellow")
    if outcome.choices is not None:
        for about, rows in _grouped(outcome.choices):
            console.print(_choices(f"What the paper's choices add ({', '.join(about)})", rows))
        if len(outcome.choices):
            console.print("95% intervals over seeds, test examples as given.", style="dim")
    _print_paths(console, outcome)


def _print_paths(console: Console, outcome: Outcome) -> None:
    """Print where the pictures and the report are."""
    shown = ("transfer_graph", "size", "stability")
    for path in outcome.figures:
        drawn = path.endswith((".svg", ".pdf", ".png"))
        if drawn and Path(path).name.startswith(shown):
            console.print(path, soft_wrap=True)
    if outcome.report is not None:
        console.print(f"Report: {outcome.report}", soft_wrap=True)


def _tables(plan: Plan, deltas: pd.DataFrame) -> Iterator[Table]:
    """The edges of each view, and what is left of them over their controls."""
    for parts, edges in _grouped(deltas):
        over = over_a_control(edges)
        for view in Shown().views(plan.study):
            rows = raw_edges(edges[edges["arm"].isin(view.arms.values())])
            if len(rows):
                said = ", ".join(filter(None, [*parts, view.title]))
                yield _table(f"{plan.study.name}: {said}", view, rows)
        if len(over):
            said = ", ".join([*parts, "pairs over their controls"])
            yield _over_table(f"{plan.study.name}: {said}", over)


def _grouped(table: pd.DataFrame) -> Iterator[tuple[list[str], pd.DataFrame]]:
    """The rows of each encoder, reading and variant of the recipe, with the words for these."""
    by = [name for name in ("encoder", "reading", "variant") if name in table]
    for (encoder, reading, *variant), rows in table.groupby(by, sort=False):
        yield [str(encoder), f"{reading} reading", *map(str, variant)], rows


def _gain_table(title: str, gains: pd.DataFrame) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in ("task", "learned with"):
        table.add_column(heading, overflow="fold")
    sized = _is_sized(gains)
    for heading in (*_SIZED[sized], "bare", "change", "95% interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for gain in gains.to_dict("records"):
        verdict = str(gain["verdict"])
        table.add_row(
            gain["target"],
            "itself"
            if gain["arm"] == CONTROL
            else source_text(gain["arm"], gain["source"]) or MISSING,
            *([_number(gain["size"])] if sized else []),
            points(gain["baseline"]),
            points(gain["delta"], signed=True),
            interval(gain["low"], gain["high"], signed=True),
            _verdict(gain),
            style=_STYLE[verdict],
        )
    return table


def _table(title: str, view: View, edges: pd.DataFrame) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    sized = _is_sized(edges)
    for heading in ("from", "to"):
        table.add_column(heading, overflow="fold")
    without = view.number == "score"  # the baselines are with all tasks but one
    numbers = ("without" if without else "alone", "change", "95% interval")
    for heading in (*_SIZED[sized], *numbers):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    looked = "look" in edges
    for heading in ("seeds", "look") if looked else ():
        table.add_column(heading, justify="right", no_wrap=True)
    # All sizes of an edge one below the other.
    for _, edge_sizes in edges.groupby(["source", "target"], sort=False):
        for edge in edge_sizes.to_dict("records"):
            verdict = str(edge["verdict"])
            size = [_number(edge["size"])] if sized else []
            table.add_row(
                source_text(edge["arm"], edge["source"]),
                edge["target"],
                *size,
                points(edge["baseline"]),
                points(edge["delta"], signed=True),
                interval_text(edge),
                _verdict(edge),
                *([str(edge["n_seeds"]), _number(edge["look"])] if looked else []),
                style=_STYLE[verdict],
            )
    return table


def _verdict(edge: Mapping[Any, Any]) -> str:
    words = str(edge["verdict"]).replace("_", " ")
    return f"{words} (did not learn)" if edge["collapsed"] else words


def _is_sized(table: pd.DataFrame) -> bool:
    """Whether any row is of a task of several training sizes."""
    return "size" in table and bool(table["size"].notna().any())


def _number(value: Any) -> str:
    return "–" if pd.isna(value) else str(value)


def _over_table(title: str, edges: pd.DataFrame) -> Table:
    """What is left of each pair's effect once that of a control is taken away."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    sized = _is_sized(edges)
    for heading in ("from", "to"):
        table.add_column(heading, overflow="fold")
    for heading in (*_SIZED[sized], "over", "change", "95% interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for edge in edges.to_dict("records"):
        verdict = str(edge["verdict"])
        size = [_number(edge["size"])] if sized else []
        table.add_row(
            edge["source"],
            edge["target"],
            *size,
            edge["over"],
            points(edge["delta"], signed=True),
            interval_text(edge),
            _verdict(edge),
            style=_STYLE[verdict],
        )
    return table


def _choices(title: str, rows: pd.DataFrame) -> Table:
    """The gain of the full model over the single-task one, with one choice more a line."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("task", overflow="fold")
    table.add_column("with")
    for heading in ("alone", "full", "gain", "95% interval", "adds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows.to_dict("records"):
        first = row["step"] == STEPS[0]
        size = f", {row['size']} examples" if pd.notna(row.get("size", pd.NA)) else ""
        table.add_row(
            f"{row['task']}{size}" if first else "",
            row["step"] if first else f"+ {row['step']}",
            points(row["baseline"]),
            points(row["score"]),
            points(row["gain"], signed=True),
            interval(row["gain_low"], row["gain_high"], signed=True),
            "" if first else points(row["change"], signed=True),
        )
    return table


def edges_as_json(outcome: Outcome) -> None:
    """Print the deltas, figures and failures as one JSON object."""
    names = stage_labels(outcome.plan)
    others = {
        "choices": outcome.choices,
        "stability": outcome.stability,
        "pretraining": outcome.pretraining,
    }
    content: dict[str, Any] = {
        "schema": _SCHEMA,
        "study": outcome.plan.study.name,
        "edges": _records(outcome.deltas),
        **{name: _records(table) for name, table in others.items() if table is not None},
        "figures": outcome.figures,
        "failed": sorted(names[identity] for identity in outcome.failed),
        "lost": list(outcome.lost),
    }
    print(json.dumps(content, indent=1))


def _records(table: pd.DataFrame) -> Any:
    return json.loads(table.to_json(orient="records", double_precision=15))
