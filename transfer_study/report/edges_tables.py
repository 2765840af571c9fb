"""All edges of a study as tables for readers: LaTeX with booktabs, and Markdown.

A table an encoder and reading; rows keep the order of deltas.csv. Scores and effects are in points.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from transfer_study.analysis.edges import SIZE, VARIANT, asked_edges, over_a_control
from transfer_study.points import MISSING, points
from transfer_study.report.captions import adjustment, edges_text
from transfer_study.report.content import family_size
from transfer_study.report.system_tables import latex_text, markdown_text
from transfer_study.report.words import interval_text, source_name
from transfer_study.store.outputs import Outputs, write_text
from transfer_study.study.arms import Control
from transfer_study.study.study import Study

_WORDS = {"not_run": "not run", "not_learned": "not learned"}
_ARM = "arm"


@dataclass(frozen=True)
class EdgeTable:
    """The edges of one encoder and reading; of the columns, the first `words` are words."""

    encoder: str
    reading: str
    headings: tuple[str, ...]
    words: int
    rows: tuple[tuple[str, ...], ...]
    bold: tuple[bool, ...]  # a row that is a gain or a loss
    note: str


def edge_tables(study: Study, deltas: pd.DataFrame) -> Iterator[EdgeTable]:
    """Lay out the edges of deltas.csv, with the effect over each control beside them."""
    edges = asked_edges(deltas)
    for (encoder, reading), rows in edges.groupby(["encoder", "reading"], sort=False):
        of_pair = deltas[(deltas["encoder"] == encoder) & (deltas["reading"] == reading)]
        family = edges_text(family_size(deltas, str(reading)))
        yield _table(
            str(encoder), str(reading), rows, of_pair, adjustment(study.correction, family)
        )


def write_edge_tables(study: Study, deltas: pd.DataFrame, folder: Path, outputs: Outputs) -> None:
    """Write `deltas.md` and `deltas.tex` beside `deltas.csv`."""
    markdown, latex = folder / "deltas.md", folder / "deltas.tex"
    outputs.write([markdown], lambda: write_text(markdown, edges_markdown(study, deltas)))
    outputs.write([latex], lambda: write_text(latex, edges_latex(study, deltas)))


def _table(
    encoder: str, reading: str, edges: pd.DataFrame, deltas: pd.DataFrame, note: str
) -> EdgeTable:
    axes = [name for name in (VARIANT, SIZE) if name in edges and edges[name].notna().any()]
    arms = [_ARM] if edges["arm"].nunique() > 1 else []
    controls = [name for name in Control.known if name in set(deltas["over"])]
    over = _over(deltas, axes)
    rows = []
    for row in edges.to_dict("records"):
        words = [source_name(row["source"], row["target"], row["arm"]), row["target"]]
        words += [str(row[name]) for name in arms]
        words += [MISSING if pd.isna(row[name]) else str(row[name]) for name in axes]
        numbers = [points(row["baseline"]), points(row["score"])]
        numbers += [points(row["delta"], signed=True), interval_text(row)]
        numbers.append(p_text(row["adjusted_p"]))
        held = (over.get((*_edge(row, axes), control)) for control in controls)
        numbers += [over_text(effect) if effect else MISSING for effect in held]
        verdict = str(row["verdict"])
        marked = " (the model did not learn)" if row["collapsed"] else ""
        rows.append((*words, *numbers, _WORDS.get(verdict, verdict) + marked))
    headings = [
        *("source", "target", *arms, *axes, "baseline", "score", "delta", "95% interval", "p"),
        *(f"over {control}" for control in controls),
        "verdict",
    ]
    changed = tuple(verdict in ("gain", "loss") for verdict in edges["verdict"])
    words_first = 2 + len(arms) + len(axes)
    return EdgeTable(encoder, reading, tuple(headings), words_first, tuple(rows), changed, note)


def _edge(row: dict[Any, Any], axes: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("source", "target", "arm", *axes))


def _over(deltas: pd.DataFrame, axes: Sequence[str]) -> dict[tuple[str, ...], dict[Any, Any]]:
    rows = over_a_control(deltas).to_dict("records")
    return {(*_edge(row, axes), str(row["over"])): row for row in rows}


def over_text(row: dict[Any, Any]) -> str:
    """An effect over a control with its interval, in points."""
    if pd.isna(row["delta"]):
        return MISSING
    return f"{points(row['delta'], signed=True)} {interval_text(row)}"


def p_text(p: float) -> str:
    """An adjusted p to three decimals."""
    if pd.isna(p):
        return MISSING
    return "<0.001" if p < 0.0005 else f"{p:.3f}"


def as_markdown(table: EdgeTable) -> str:
    """The table as GitHub's Markdown; gains and losses have a bold delta."""
    sides = ["---"] * table.words + ["---:"] * (len(table.headings) - table.words - 1) + ["---"]
    lines = [_line(map(markdown_text, table.headings)), _line(sides)]
    for row, bold in zip(table.rows, table.bold, strict=True):
        cells = [markdown_text(cell) for cell in row]
        at = table.headings.index("delta")
        lines.append(_line(f"**{c}**" if bold and i == at else c for i, c in enumerate(cells)))
    return "\n".join([*lines, ""])


def edges_markdown(study: Study, deltas: pd.DataFrame) -> str:
    """All tables of a study, each under its encoder and reading."""
    parts = [f"# {markdown_text(study.name)}: edges\n"]
    for table in edge_tables(study, deltas):
        heading = f"{markdown_text(table.encoder)}, {table.reading} reading"
        parts.append(f"## {heading}\n\n{as_markdown(table)}\nIn points. {table.note}\n")
    return "\n".join(parts)


def edges_latex(study: Study, deltas: pd.DataFrame) -> str:
    r"""All tables of a study for LaTeX with booktabs and longtable, gains and losses bold."""
    parts = [
        "% needs \\usepackage{booktabs,longtable}; in a two-column paper set the tables in "
        "\\onecolumn"
    ]
    for table in edge_tables(study, deltas):
        columns = "l" * table.words + "r" * (len(table.headings) - table.words - 1) + "l"
        head = _latex_line(map(latex_text, table.headings))
        what = latex_text(f"{study.name}, {table.encoder}, {table.reading} reading")
        note = latex_text(f"Points of score. {table.note}")
        lines = [
            rf"\begin{{longtable}}{{{columns}}}",
            rf"\caption{{Effect of training the source with the target ({what}). {note}}}\\",
            *(r"\toprule", head, r"\midrule", r"\endfirsthead"),
            *(r"\toprule", head, r"\midrule", r"\endhead", r"\bottomrule", r"\endfoot"),
        ]
        for row, bold in zip(table.rows, table.bold, strict=True):
            cells = [latex_text(cell) for cell in row]
            at = table.headings.index("delta")
            shown = (rf"\textbf{{{c}}}" if bold and i == at else c for i, c in enumerate(cells))
            lines.append(_latex_line(shown))
        parts.append("\n".join([*lines, r"\end{longtable}"]))
    return "\n\n".join([*parts, ""])


def _line(words: Iterable[str]) -> str:
    return f"| {' | '.join(words)} |"


def _latex_line(words: Iterable[str]) -> str:
    return rf"{' & '.join(words)} \\"
