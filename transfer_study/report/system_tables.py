"""A study's scores in the form of the paper's Tables 2 to 6: Markdown, LaTeX and CSV."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase

import pandas as pd

from transfer_study.analysis.paper.systems import (
    AVERAGE,
    cut_splits,
    largest_sizes,
    places,
    system_table,
)
from transfer_study.points import MISSING, points
from transfer_study.published import CAUTION, SOURCE, SystemKind
from transfer_study.study.plan import Plan
from transfer_study.study.reading import Reading
from transfer_study.visible import visible

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "–": "--",
    "−": "$-$",
    "…": r"\ldots{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A text of a table, and the letters of its notes."""

    text: str
    bold: bool = False
    marks: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table for readers, in no format yet; the first two columns are words, others numbers."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    lines: tuple[str, ...]  # what must be known to read it
    notes: tuple[str, ...]  # by letter


def write_system_tables(plan: Plan, scores: pd.DataFrame, folder: Path) -> None:
    """Write `tables.md`, `tables.tex` and `tables.csv` of a study into its results folder."""
    cells = system_table(plan, scores)
    table = lay_out(cells, plan.study.name, about(plan, cells))
    (folder / "tables.md").write_text(as_markdown(table), encoding="utf-8")
    (folder / "tables.tex").write_text(as_latex(table), encoding="utf-8")
    cells.to_csv(folder / "tables.csv", index=False, float_format="%.6f", lineterminator="\n")


def about(plan: Plan, cells: pd.DataFrame) -> tuple[str, ...]:
    """What a reader must know of a study's table."""
    alone = places(plan.study).get(SystemKind.SINGLE)
    lines = [
        "Test scores in points: mean ± standard deviation over seeds; the best measured value of "
        f"a column is bold, {MISSING} is missing. The third column counts the tasks that were "
        "learned together."
    ]
    if alone:
        how = {
            Reading.FINETUNE: "fine-tuned from the encoder",
            Reading.REFINE: "trained from the encoder by the joint recipe",
        }[alone[0]]
        lines.append(f"Single task: {how}, on the task alone.")
    if sizes := largest_sizes(plan.study):
        said = ", ".join(f"{size} examples of {task}" for task, size in sizes.items())
        lines.append(f"Of several training sizes the largest is shown: {said}.")
    recipes = {Reading.REFINE: plan.study.refine, Reading.FINETUNE: plan.study.finetune}
    lines += [
        f"Not the clean protocol ({reading}): {', '.join(departures)}."
        for reading in plan.study.readings
        if (departures := recipes[reading].departures())
    ]
    cut: dict[str, list[str]] = {}
    for task, split in cut_splits(plan):
        cut.setdefault(task, []).append(split)
    if cut:
        parts = "; ".join(f"{task}: {', '.join(splits)}" for task, splits in cut.items())
        lines.append(f"Limits leave a part of the data: {parts}.")
    if cells["published"].notna().any():
        tables = sorted({n for text in cells["published_tables"] for n in text.split("+") if n})
        lines.append(f"Published: {SOURCE}, Tables {', '.join(tables)}; {CAUTION}.")
    return tuple(lines)


def lay_out(cells: pd.DataFrame, title: str, lines: tuple[str, ...]) -> Table:
    """Put the cells of `system_table` into rows of systems and columns of tasks."""
    tasks = cells.drop_duplicates("task")[["task", "metric"]].to_dict("records")
    best = cells.groupby("task")["mean"].max()
    has_published = {*cells.loc[cells["published"].notna(), "task"]}
    notes = [note for text in cells["notes"] for note in text.split("; ") if note]
    letters = dict(zip(dict.fromkeys(notes), ascii_lowercase, strict=False))
    headings = ["encoder", "system", "tasks", "seeds"]
    for task in tasks:
        measure = f" ({task['metric']})" if task["metric"] else ""
        headings.append(f"{task['task']}{measure}")
        if task["task"] in has_published:
            headings.append("published")
    rows = []
    for (encoder, system, mix), row in cells.groupby(["encoder", "system", "mix"], sort=False):
        seeds = row.loc[row["task"] != AVERAGE, "n_seeds"]
        learned = len(str(mix).split("+"))
        texts = [Cell(str(word)) for word in (encoder, system, learned, _range(seeds))]
        for cell in row.to_dict("records"):
            mean, task = cell["mean"], cell["task"]
            texts.append(Cell(_measured(mean, cell["sd"]), bold=mean == best[task]))
            if task in has_published:
                said = [letters[note] for note in cell["notes"].split("; ") if note]
                texts.append(Cell(points(cell["published"]), marks=",".join(said)))
        rows.append(tuple(texts))
    return Table(title, tuple(headings), tuple(rows), lines, tuple(letters))


def _measured(mean: float, sd: float) -> str:
    return points(mean) if math.isnan(sd) else f"{points(mean)} ± {points(sd)}"


def _range(counts: Iterable[int]) -> str:
    few, many = min(counts), max(counts)
    if many == 0:
        return MISSING
    return str(many) if few == many else f"{few}–{many}"


def as_markdown(table: Table) -> str:
    """The table as GitHub's Markdown, its notes below."""

    def text(cell: Cell) -> str:
        words = markdown_text(cell.text)
        words = f"**{words}**" if cell.bold else words
        return f"{words} <sup>{cell.marks}</sup>" if cell.marks else words

    def line(words: Iterable[str]) -> str:
        return f"| {' | '.join(words)} |"

    sides = ["---" if column < 2 else "---:" for column in range(len(table.headings))]
    return "\n".join(
        [
            f"# {markdown_text(table.title)}: scores by system",
            "",
            line(map(markdown_text, table.headings)),
            line(sides),
            *(line(map(text, row)) for row in table.rows),
            "",
            *(f"{said}\n" for said in _remarks(table, markdown_text, "<sup>{}</sup> {}")),
        ]
    )


def as_latex(table: Table) -> str:
    r"""The table for LaTeX with the package booktabs, its notes below."""

    def text(cell: Cell) -> str:
        words = latex_text(cell.text)
        words = rf"\textbf{{{words}}}" if cell.bold else words
        return f"{words}$^{{{cell.marks}}}$" if cell.marks else words

    def line(words: Iterable[str]) -> str:
        return rf"{' & '.join(words)} \\"

    said = _remarks(table, latex_text, "$^{{{}}}$ {}")
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}; \resizebox of graphicx makes a wide table fit",
            rf"\begin{{tabular}}{{ll{'r' * (len(table.headings) - 2)}}}",
            r"\toprule",
            line(map(latex_text, table.headings)),
            r"\midrule",
            *(line(map(text, row)) for row in table.rows),
            r"\bottomrule",
            r"\end{tabular}",
            *(rf"\par {words}" for words in said),
            "",
        ]
    )


def _remarks(table: Table, escape: Callable[[str], str], form: str) -> list[str]:
    noted = zip(ascii_lowercase, table.notes, strict=False)
    return [
        *map(escape, table.lines),
        *(form.format(letter, escape(note)) for letter, note in noted),
    ]


def markdown_text(words: str) -> str:
    """Words that Markdown shows as they are, on one line and inside a table's cell."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", _one_line(words))


def latex_text(words: str) -> str:
    """Words that LaTeX sets as they are."""
    return "".join(_LATEX.get(sign, sign) for sign in _one_line(words))


def _one_line(words: str) -> str:
    return visible(" ".join(words.split()))
