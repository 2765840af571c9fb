"""All edges of a study as tables for readers: LaTeX with booktabs, and Markdown.

A table an encoder and reading; rows keep the order of deltas.csv. Scores and effects are in points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from transfer_study.analysis.edges import SIZE, VARIANT, asked_edges, over_a_control
from transfer_study.points import MISSING, counted, p_text, points, verdict_text
from transfer_study.report.content import corrected_together
from transfer_study.report.design import Design
from transfer_study.report.sentences.captions import adjustment
from transfer_study.report.sentences.words import interval_text, source_name
from transfer_study.report.tables.table import (
    Column,
    Table,
    TableCell,
    as_latex,
    as_markdown,
    markdown_text,
    number,
    score,
    table_of,
    text,
)
from transfer_study.store.outputs import Outputs, write_text
from transfer_study.study.arms import Control

_ARM = "arm"


def edge_tables(design: Design, deltas: pd.DataFrame) -> Iterator[Table]:
    """Lay out the edges of deltas.csv, with the effect over each control beside them.

    A table's note says how its intervals are adjusted; the delta of a gain or a loss is bold.
    """
    edges = asked_edges(deltas)
    previewed = "" if design.preview is None else f" {design.preview.caution}"
    for (encoder, reading), rows in edges.groupby(["encoder", "reading"], sort=False):
        of_pair = deltas[(deltas["encoder"] == encoder) & (deltas["reading"] == reading)]
        family = counted(corrected_together(design, deltas, str(reading)), "edge")
        note = f"{adjustment(design.correction, family)}{previewed}"
        yield _table(f"{encoder}, {reading} reading", rows, of_pair, note)


def write_edge_tables(design: Design, deltas: pd.DataFrame, folder: Path, outputs: Outputs) -> None:
    """Write `deltas.md` and `deltas.tex` beside `deltas.csv`."""
    markdown, latex = folder / "deltas.md", folder / "deltas.tex"
    outputs.write([markdown], lambda: write_text(markdown, edges_markdown(design, deltas)))
    outputs.write([latex], lambda: write_text(latex, edges_latex(design, deltas)))


def _table(title: str, edges: pd.DataFrame, deltas: pd.DataFrame, note: str) -> Table:
    axes = [name for name in (VARIANT, SIZE) if name in edges and edges[name].notna().any()]
    arms = [_ARM] if edges["arm"].nunique() > 1 else []
    over = _over(deltas, axes)

    def over_control(control: str) -> Column:
        return number(
            f"over {control}", lambda edge: over_text(over.get((*_edge(edge, axes), control)))
        )

    return table_of(
        edges.to_dict("records"),
        text("source", lambda edge: source_name(edge["source"], edge["target"], edge["arm"])),
        text("target", "target"),
        *(text(name, name) for name in (*arms, *axes)),
        score("baseline", "baseline"),
        score("score", "score"),
        number("delta", _delta),
        number("95% interval", interval_text),
        number("p", lambda edge: p_text(edge["adjusted_p"])),
        *(over_control(name) for name in Control.known if name in set(deltas["over"])),
        text("verdict", _verdict),
        title=title,
        notes=[TableCell(note)],
    )


def _delta(edge: dict[Any, Any]) -> TableCell:
    changed = edge["verdict"] in ("gain", "loss")
    return TableCell(points(edge["delta"], signed=True), bold=changed)


def _verdict(edge: dict[Any, Any]) -> str:
    marked = " (the model did not learn)" if edge["collapsed"] else ""
    return verdict_text(edge["verdict"]) + marked


def _edge(row: dict[Any, Any], axes: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("source", "target", "arm", *axes))


def _over(deltas: pd.DataFrame, axes: Sequence[str]) -> dict[tuple[str, ...], dict[Any, Any]]:
    rows = over_a_control(deltas).to_dict("records")
    return {(*_edge(row, axes), str(row["over"])): row for row in rows}


def over_text(row: dict[Any, Any] | None) -> str:
    """An effect over a control with its interval, in points; a dash where there is none."""
    if row is None or pd.isna(row["delta"]):
        return MISSING
    return f"{points(row['delta'], signed=True)} {interval_text(row)}"


def edges_markdown(design: Design, deltas: pd.DataFrame) -> str:
    """All tables of a study, each under its encoder and reading."""
    parts = [f"# {markdown_text(design.name)}: edges\n"]
    for table in edge_tables(design, deltas):
        (note,) = table.notes
        parts.append(
            f"## {markdown_text(table.title)}\n\n{as_markdown(table)}\n\nIn points. {note.text}\n"
        )
    return "\n".join(parts)


def edges_latex(design: Design, deltas: pd.DataFrame) -> str:
    r"""All tables of a study for LaTeX with booktabs and longtable, gains and losses bold."""
    parts = [
        "% needs \\usepackage{booktabs,longtable}; in a two-column paper set the tables in "
        "\\onecolumn"
    ]
    for table in edge_tables(design, deltas):
        (note,) = table.notes
        about = f"{design.name}, {table.title}"
        caption = f"Effect of training the source with the target ({about}). Points of score. "
        parts.append(as_latex(table, caption + note.text))
    return "\n\n".join([*parts, ""])
