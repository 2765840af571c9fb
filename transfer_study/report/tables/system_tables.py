"""A study's scores in the form of the paper's Tables 2 to 6: Markdown, LaTeX and CSV."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from string import ascii_lowercase
from typing import Any

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
from transfer_study.report.tables.table import (
    Table,
    TableCell,
    as_latex,
    as_markdown,
    latex_notes,
    markdown_notes,
    markdown_text,
    number,
    table_of,
    text,
)
from transfer_study.study.joined import apart
from transfer_study.study.plan import Plan
from transfer_study.study.reading import Reading


def write_system_tables(plan: Plan, scores: pd.DataFrame, folder: Path) -> None:
    """Write `tables.md`, `tables.tex` and `tables.csv` of a study into its results folder."""
    cells = system_table(plan, scores)
    table = lay_out(cells, plan.study.name, about(plan, cells))
    (folder / "tables.md").write_text(system_markdown(table), encoding="utf-8")
    (folder / "tables.tex").write_text(system_latex(table), encoding="utf-8")
    cells.to_csv(folder / "tables.csv", index=False, float_format="%.6f", lineterminator="\n")


def about(plan: Plan, cells: pd.DataFrame) -> tuple[str, ...]:
    """What a reader must know of a study's table."""
    alone, preview = places(plan.study).get(SystemKind.SINGLE), plan.study.preview
    lines = [
        *([] if preview is None else [preview.caution]),
        "Test scores in points: mean ± standard deviation over seeds; the best measured value of "
        f"a column is bold, {MISSING} is missing. The third column counts the tasks that were "
        "learned together.",
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
    columns = [text("encoder", "encoder"), text("system", "system")]
    columns += [number("tasks", "tasks"), number("seeds", "seeds")]
    for task in tasks:
        measure = f" ({task['metric']})" if task["metric"] else ""
        columns.append(number(f"{task['task']}{measure}", ("mean", task["task"])))
        if task["task"] in has_published:
            columns.append(number("published", ("published", task["task"])))
    records = []
    by = ["encoder", "system", "mix"]
    for (encoder, system, mix), rows in cells.groupby(by, sort=False):
        seeds = _range(rows.loc[rows["task"] != AVERAGE, "n_seeds"])
        record: dict[Any, Any] = {"encoder": encoder, "system": system, "seeds": seeds}
        record["tasks"] = len(apart(str(mix))) or 1  # a task by itself is no mix
        for cell in rows.to_dict("records"):
            mean, task = cell["mean"], cell["task"]
            said = _measured(mean, cell["sd"])
            record["mean", task] = TableCell(said, bold=mean == best[task])
            marks = ",".join(letters[note] for note in cell["notes"].split("; ") if note)
            record["published", task] = TableCell(points(cell["published"]), marks=marks)
        records.append(record)
    told = [*map(TableCell, lines), *(TableCell(n, marks=at) for n, at in letters.items())]
    return table_of(records, *columns, title=title, notes=told)


def _measured(mean: float, sd: float) -> str:
    return points(mean) if math.isnan(sd) else f"{points(mean)} ± {points(sd)}"


def _range(counts: Iterable[int]) -> str:
    few, many = min(counts), max(counts)
    if many == 0:
        return MISSING
    return str(many) if few == many else f"{few}–{many}"


def system_markdown(table: Table) -> str:
    """The table as GitHub's Markdown, its notes below."""
    heading = f"# {markdown_text(table.title)}: scores by system"
    notes = (f"{said}\n" for said in markdown_notes(table))
    return "\n".join([heading, "", as_markdown(table), "", *notes])


def system_latex(table: Table) -> str:
    r"""The table for LaTeX with the package booktabs, its notes below."""
    needs = r"% needs \usepackage{booktabs}; \resizebox of graphicx makes a wide table fit"
    notes = (rf"\par {said}" for said in latex_notes(table))
    return "\n".join([needs, as_latex(table), *notes, ""])
