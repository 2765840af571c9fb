"""The table of variants of a recipe as Markdown, for reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from transfer_study.analysis.doubt.stability import by_system
from transfer_study.points import points, verdict_text
from transfer_study.report.tables.table import (
    as_markdown,
    change,
    number,
    score,
    span,
    table_of,
    text,
)
from transfer_study.study.study import Study

_AS_IT_IS = "the recipe as it is"
COLUMNS = (
    text("variant", "variant"),
    *(score(name, name) for name in ("mean", "sd", "lowest", "highest")),
    number("failed", lambda row: f"{row['failed']} of {row['n_seeds']}"),
    change("change", "delta"),
    span("95% interval", "low", "high"),
    text("verdict", lambda row: verdict_text(row["verdict"])),
)


def stability_markdown(table: pd.DataFrame, study: Study) -> str:
    """A table of `analysis.stability.stability_table` in points, one part a system."""
    lines = [f"# {study.name}", ""]
    if study.preview is not None:
        lines += [study.preview.caution, ""]
    for about, rows in by_system(table):
        first = rows.iloc[0]
        lines += [
            f"## {learned(about)}: {about['metric']}, {about['arm']}, "
            f"{about['reading']} reading, {about['encoder']}",
            "",
            as_markdown(table_of(rows.to_dict("records"), *COLUMNS)),
            "",
            f"Points of {about['metric']}; sd is the standard deviation over seeds. Failed: not "
            f"above the {points(first['constant'])} of a constant answer, or broken off. "
            f"Change: from `{first['variant']}`, paired by seed.",
            "",
        ]
    return "\n".join(lines)


def learned(about: Mapping[str, Any]) -> str:
    """What a system learned: its task, after which others, from how many rows where that varies."""
    after = f" after {about['source']}" if about["source"] else ""
    size = about.get("size", pd.NA)
    return f"{about['task']}{after}" + ("" if pd.isna(size) else f", {size} training examples")


def stability_caption(study: Study, margin: str) -> str:
    """What a reader must know to read the figure of a study's variants."""
    first, *others = study.variants
    previewed = "" if study.preview is None else f"{study.preview.caution} "
    said = "; ".join(f"{name}: {_changes(study, name)}" for name in others)
    return (
        f"{previewed}Test scores in points over {len(study.seeds)} seeds, each changing the head, "
        f"the order of the data, dropout and what is drawn anew. {said}. Change: the mean "
        f"difference from {first} with its 95% t interval, paired by seed; bold where it is a gain "
        f"or a loss beyond the margin of {margin}, not corrected for the number of variants."
    )


def _changes(study: Study, variant: str) -> str:
    changes = study.variants[variant].options
    return ", ".join(f"{name} {_said(value)}" for name, value in changes.items()) or _AS_IT_IS


def _said(value: object) -> str:
    if isinstance(value, dict) and isinstance(kind := value.get("kind"), str):
        return " ".join([kind, *(f"{key} {said}" for key, said in value.items() if key != "kind")])
    if isinstance(value, dict):
        return " and ".join(f"{number:g} of {task}" for task, number in value.items())
    return str(value).lower()
