"""Tables of the page that are shown as they are: headings and rows of words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import pandas as pd

from transfer_study.figures.lettering import metric_name
from transfer_study.report.content import Content
from transfer_study.study.sizes import data_sets

_MOST = 200  # rows of a table whose length the data decide


@dataclass(frozen=True)
class Plain:
    """A table as words; `numeric` says which columns stand to the right."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    left_out: int = 0


def frame_rows(table: pd.DataFrame | None) -> Plain | None:
    """A data frame as words, the first rows of a very long one; None stays None."""
    if table is None:
        return None
    numeric = tuple(pd.api.types.is_numeric_dtype(table[column]) for column in table)
    shown = table.head(_MOST)
    rows = tuple(tuple(map(_word, row)) for row in shown.itertuples(index=False, name=None))
    headings = tuple(str(column).replace("_", " ") for column in table)
    return Plain(headings, rows, numeric, len(table) - len(shown))


def card_rows(content: Content) -> Plain:
    """What each task's data are: labels, sizes as used, and the hash of what is trained on."""
    rows = []
    for name, task in data_sets(content.study).items():
        used = content.plan.fingerprints.data[name]
        sizes = (str(getattr(used, split).n) for split in ("train", "dev", "test"))
        labels = task.kind.answered or f"{len(task.outputs)} labels"
        about = (name, str(task.kind), task.domain, metric_name(str(task.metric)), labels)
        rows.append((*about, *sizes, used.train.sha256[:12], used.test.sha256[:12]))
    headings = ("task", "kind", "domain", "metric", "answers", "train", "dev", "test")
    numeric = (False,) * 5 + (True,) * 3 + (False,) * 2
    return Plain((*headings, "sha256 of train", "sha256 of test"), tuple(rows), numeric)


def _word(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, Real):
        return str(value)
    number = float(value)
    return f"{int(number):,}" if number == int(number) else f"{number:.4g}"
