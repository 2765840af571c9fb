"""The edge table of a study, for reading and for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from transfer_study.analysis.edges import over_a_control, raw_edges
from transfer_study.analysis.paper.choices import STEPS
from transfer_study.outcome import Outcome
from transfer_study.points import MISSING, points, verdict_text
from transfer_study.report.design import Design
from transfer_study.report.sentences import predictions
from transfer_study.report.sentences.captions import adjustment
from transfer_study.report.sentences.cautions import cautions
from transfer_study.report.sentences.words import interval_text
from transfer_study.report.tables.table import (
    Column,
    Table,
    TableCell,
    change,
    label,
    number,
    score,
    span,
    table_of,
    text,
)
from transfer_study.study.arms import CONTROL, source_text
from transfer_study.terminal.console import in_terminal, print_json, records_of, stdout
from transfer_study.terminal.looks import schedule_line
from transfer_study.terminal.preview import preview_as_json, print_preview
from transfer_study.terminal.stability import print_stability

_MOST = 100  # rows of a table that are all shown; all edges are in deltas.csv
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
    console, design, own = stdout(), outcome.design, outcome.edges
    print_preview(console, design.preview)
    for table in _tables(design, outcome.deltas):
        console.print(in_terminal(table))
        for note in table.notes:
            console.print(note.text, style="dim")
    if outcome.pretraining is not None:
        for (encoder, *about), gains in _grouped(outcome.pretraining):
            said = ", ".join([f"{encoder} against the bare encoder", *about])
            console.print(in_terminal(_gain_table(f"{design.name}: {said}", gains)))
    if outcome.stability is not None:
        print_stability(console, outcome.stability)
    if len(own) or outcome.stability is None:
        console.print(outcome.price)
    if len(own):
        _print_certainty(console, outcome)
    if outcome.predicted is not None:
        console.print(predictions.sentence(outcome.predicted))
    if outcome.choices is not None:
        for about, rows in _grouped(outcome.choices):
            title = f"What the paper's choices add ({', '.join(about)})"
            console.print(in_terminal(_choices(title, rows)))
        if len(outcome.choices):
            console.print("95% intervals over seeds, test examples as given.", style="dim")
    _print_paths(console, outcome)


def _print_certainty(console: Console, outcome: Outcome) -> None:
    """Print how sure the edges are, and what must be known to read them."""
    sentence = adjustment(outcome.design.correction, "the edges of a reading")
    console.print(f"{sentence} {_of_examples(outcome.design)}", style="dim")
    if outcome.design.looks is not None:
        console.print(schedule_line(outcome.design.looks), style="dim")
    if outcome.false_edge_rate:
        console.print(outcome.false_edge_rate, style="dim")
    for caution in cautions(outcome.edges, given=outcome.design.given):
        console.print(caution, style="yellow")


def _print_paths(console: Console, outcome: Outcome) -> None:
    """Print where the pictures and the report are."""
    shown = ("transfer_graph", "size", "stability")
    for path in outcome.figures:
        drawn = path.endswith((".svg", ".pdf", ".png"))
        if drawn and Path(path).name.startswith(shown):
            console.print(path, soft_wrap=True)
    if outcome.report is not None:
        console.print(f"Report: {outcome.report}", soft_wrap=True)


def _of_examples(design: Design) -> str:
    if design.answers:
        return "Seeds and test examples are crossed."
    return "Intervals are of seeds alone: they know nothing of the test sample."


def _tables(design: Design, deltas: pd.DataFrame) -> Iterator[Table]:
    """The edges of each view, and what is left of them over their controls."""
    for parts, edges in _grouped(deltas):
        over = over_a_control(edges)
        for view in design.views:
            rows = raw_edges(edges[edges["arm"].isin(view.arms.values())])
            if len(rows):
                said = ", ".join(filter(None, [*parts, view.title]))
                # Of some views the baselines are with all tasks but one.
                alone = score("without" if view.number == "score" else "alone", "baseline")
                yield _table(f"{design.name}: {said}", rows, alone)
        if len(over):
            said = ", ".join([*parts, "pairs over their controls"])
            yield _table(f"{design.name}: {said}", over, number("over", "over"))


def _grouped(table: pd.DataFrame) -> Iterator[tuple[list[str], pd.DataFrame]]:
    """The rows of each encoder, reading and variant of the recipe, with the words for these."""
    by = [name for name in ("encoder", "reading", "variant") if name in table]
    for (encoder, reading, *variant), rows in table.groupby(by, sort=False):
        yield [str(encoder), f"{reading} reading", *map(str, variant)], rows


def _gain_table(title: str, gains: pd.DataFrame) -> Table:
    def partners(gain: Mapping[Any, Any]) -> str:
        if gain["arm"] == CONTROL:
            return "itself"
        return source_text(gain["arm"], gain["source"]) or MISSING

    return table_of(
        gains.to_dict("records"),
        text("task", "target"),
        text("learned with", partners),
        *_sizes(gains),
        score("bare", "baseline"),
        change("change", "delta"),
        span("95% interval", "low", "high"),
        label("verdict", _verdict),
        title=title,
        style=_style,
    )


def _table(title: str, every: pd.DataFrame, what: Column) -> Table:
    """The edges, all sizes and controls of one below the other; of very many the changes alone."""
    changed = every["verdict"].isin(["gain", "loss"])
    edges = every if len(every) <= _MOST else every[changed]
    left = len(every) - len(edges)
    ordered = edges.groupby(["source", "target"], sort=False)
    return table_of(
        (edge for _, rows in ordered for edge in rows.to_dict("records")),
        text("from", lambda edge: source_text(edge["arm"], edge["source"])),
        text("to", "target"),
        *_sizes(edges),
        what,
        change("change", "delta"),
        number("95% interval", interval_text),
        label("verdict", _verdict),
        *([number("seeds", "n_seeds"), number("look", "look")] if "look" in edges else []),
        title=title,
        style=_style,
        notes=[TableCell(f"And {left} that are neither a gain nor a loss.")] if left else [],
    )


def _verdict(edge: Mapping[Any, Any]) -> str:
    words = verdict_text(edge["verdict"])
    return f"{words} (did not learn)" if edge["collapsed"] else words


def _style(edge: Mapping[Any, Any]) -> str:
    return _STYLE[str(edge["verdict"])]


def _sizes(table: pd.DataFrame) -> list[Column]:
    """The training size, where a row is of a task of several."""
    return [number("size", "size")] if "size" in table and table["size"].notna().any() else []


def _choices(title: str, rows: pd.DataFrame) -> Table:
    """The gain of the full model over the single-task one, with one choice more a line."""

    def first(row: Mapping[Any, Any]) -> bool:
        return bool(row["step"] == STEPS[0])

    def task(row: Mapping[Any, Any]) -> str:
        size = f", {row['size']} examples" if pd.notna(row.get("size", pd.NA)) else ""
        return f"{row['task']}{size}" if first(row) else ""

    return table_of(
        rows.to_dict("records"),
        text("task", task),
        text("with", lambda row: row["step"] if first(row) else f"+ {row['step']}"),
        score("alone", "baseline"),
        score("full", "score"),
        change("gain", "gain"),
        span("95% interval", "gain_low", "gain_high"),
        number("adds", lambda row: "" if first(row) else points(row["change"], signed=True)),
        title=title,
    )


def edges_as_json(outcome: Outcome) -> None:
    """Print the deltas, figures and failures as one JSON object."""
    others = {
        "choices": outcome.choices,
        "stability": outcome.stability,
        "pretraining": outcome.pretraining,
        "predicted": outcome.predicted,
    }
    content: dict[str, Any] = {
        "study": outcome.design.name,
        **preview_as_json(outcome.design.preview),
        "edges": records_of(outcome.deltas),
        **{name: records_of(table) for name, table in others.items() if table is not None},
        "figures": outcome.figures,
        "failed": sorted(outcome.failed),
        "lost": list(outcome.lost),
    }
    print_json(content)
