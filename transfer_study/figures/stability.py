"""The runs of every variant of a recipe on a line of scores: what they reach, and how they scatter.

A block a task, a row a variant. Every run is a dot at its score, a failed one a cross.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.path import Path

from transfer_study.figures import palette
from transfer_study.figures.canvas import MARGIN, PAGE, Canvas, house_style
from transfer_study.figures.geometry.outline import outline
from transfer_study.figures.legend import Entry, Row, draw_foot, draw_title
from transfer_study.figures.lettering import (
    BODY,
    SMALL,
    height,
    metric_name,
    width,
    wrap_name,
)
from transfer_study.figures.naming import Labels, fit_names, one_line, plain_label
from transfer_study.figures.palette import VERDICTS
from transfer_study.metrics.rows import Floats
from transfer_study.points import MINUS, interval, points

_ROW = 25.0  # the height of a variant's row
_HEAD = 20.0  # of a task's heading
_AXIS = 18.0  # of the numbers below a block
_BETWEEN = 16.0  # from one block to the next
_DOT = 2.5  # the radius of a run
_LEVELS = (0.0, 4.4, -4.4, 8.8, -8.8)  # heights at which runs of like scores are set
_LONGEST = 110.0  # a line of a variant's name
_GAP = 14.0  # between columns
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)
_MOST_TICKS = 7
_DASHES, _DOTS = (4.0, 2.6), (1.0, 2.0)
_CROSS = [int(Path.MOVETO), int(Path.LINETO)] * 2
_COLUMNS = ("mean ± sd", "failed", "change and 95% interval")


@dataclass(frozen=True)
class _Axis:
    """A line of scores from `low` to `high` between two places on the page."""

    low: float
    high: float
    left: float
    right: float

    def at(self, score: float) -> float:
        return self.left + (score - self.low) / (self.high - self.low) * (self.right - self.left)

    @property
    def ticks(self) -> list[float]:
        span = self.high - self.low
        step = next((s for s in _STEPS if span / s <= _MOST_TICKS), _STEPS[-1])
        first = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


@dataclass(frozen=True, eq=False)
class _Block:
    """A task's variants, a row each, and the runs of all; `edges` are where columns end."""

    axis: _Axis
    rows: pd.DataFrame
    runs: pd.DataFrame
    labels: Labels
    edges: Floats


def draw_stability(runs: pd.DataFrame, table: pd.DataFrame, *, title: str, caption: str) -> Figure:
    """Draw every run of a study's variants, of one encoder, reading and arm.

    `runs` has a row a run (task, variant, value as a fraction of 1, failed), `table` a row a task
    and variant as `analysis.stability.stability_table` makes them.
    """
    with house_style():
        canvas = Canvas(PAGE)
        texts = [_texts(row) for row in table.to_dict("records")]
        numbers = {str(name): n for n, name in enumerate(table["variant"].unique(), start=1)}
        labels = fit_names(numbers, _LONGEST, BODY, lines=2, plain=_variant)
        names = max(width(line, BODY) for label in labels.values() for line in label)
        widths = [
            max(width(t, SMALL, bold=True) for t in (heading, *column))
            for heading, column in zip(_COLUMNS, zip(*texts, strict=True), strict=True)
        ]
        left = MARGIN + names + _GAP
        right = canvas.width - MARGIN - sum(widths) - _GAP * len(widths)
        y = draw_title(canvas, title)
        for number, (_, rows) in enumerate(table.groupby("task", sort=False), start=1):
            of_task = runs[runs["task"] == rows["task"].iloc[0]]
            axis = _axis(of_task["value"], rows, left, right)
            y = _draw_task(canvas, y, plain_label(str(rows["task"].iloc[0]), number), axis)
            block = _Block(
                axis, rows, of_task, labels, right + np.cumsum([_GAP + w for w in widths])
            )
            y = _draw_block(canvas, y, block) + _BETWEEN
        legend = _legend(one_line(next(iter(labels.values()))))
        return draw_foot(canvas, y, legend, caption, labels, numbers).figure()


def _texts(row: dict[Any, Any]) -> tuple[str, str, str]:
    """What stands beside the runs of a variant, by column."""
    mean, change = points(row["mean"]), ""
    if not math.isnan(row["sd"]):
        mean = f"{mean} ± {points(row['sd'])}"
    if not math.isnan(row["delta"]):
        change = points(row["delta"], signed=True)
        if not math.isnan(row["low"]):
            change = f"{change} {interval(row['low'], row['high'])}"
    return mean, f"{row['failed']} of {row['n_seeds']}", change


def _variant(name: str, number: int) -> str:
    return plain_label(name, number, "variant")


def _draw_task(canvas: Canvas, y: float, name: str, axis: _Axis) -> float:
    """Draw the name of a task above its block where it has no room beside the metric's."""
    if width(name, BODY, bold=True) <= axis.left - _GAP - MARGIN:
        canvas.text(MARGIN, y + 6.0, name, size=BODY, bold=True, gid="task")
        return y
    lines = wrap_name(name, 0.95 * (canvas.width - 2 * MARGIN), BODY, bold=True)
    return canvas.lines(MARGIN, y, lines, size=BODY, bold=True, gid="task") + 3.0


def _axis(values: pd.Series[float], rows: pd.DataFrame, left: float, right: float) -> _Axis:
    """The axis on which all runs of a task and the constant answer have room."""
    known = [value for value in (*values, *rows["constant"]) if not math.isnan(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    room = 0.06 * (high - low) or 0.05
    return _Axis(low - room, high + room, left, right)


def _draw_block(canvas: Canvas, y: float, block: _Block) -> float:
    """Draw the runs of a task from the top y; return where it ends."""
    axis, rows = block.axis, block.rows
    first = rows.iloc[0]
    task = str(first["task"])
    metric = metric_name(str(first["metric"]))
    canvas.text(axis.left, y + 6.0, metric, colour=palette.MUTED, gid=f"metric:{task}")
    for heading, edge in zip(_COLUMNS, block.edges, strict=True):
        canvas.text(edge, y + 6.0, heading, bold=True, align="right", gid=f"heading:{task}")
    top = y + _HEAD
    bottom = top + _ROW * len(rows)
    for tick in axis.ticks:
        x = axis.at(tick)
        canvas.shape([(x, top), (x, bottom)], line=palette.GRID, width=0.7, closed=False, layer=1)
        canvas.text(
            x,
            bottom + 9.0,
            f"{100 * tick:.0f}".replace("-", MINUS),
            align="center",
            colour=palette.MUTED,
            gid=f"tick:{task}",
        )
    for score, dashes in ((first["mean"], _DASHES), (first["constant"], _DOTS)):
        if not math.isnan(score):
            _line(canvas, axis.at(score), top, bottom, dashes)
    for n, row in enumerate(rows.to_dict("records")):
        middle = top + (n + 0.5) * _ROW
        if n:
            rule = [(MARGIN, middle - _ROW / 2), (canvas.width - MARGIN, middle - _ROW / 2)]
            canvas.shape(rule, line=palette.GRID, width=0.6, closed=False, layer=1)
        _draw_row(canvas, middle, block, row)
    return bottom + _AXIS


def _draw_row(canvas: Canvas, y: float, block: _Block, row: dict[Any, Any]) -> None:
    axis, lines = block.axis, block.labels[row["variant"]]
    runs = block.runs[block.runs["variant"] == row["variant"]]
    name = f"{row['task']}/{row['variant']}"
    start = y - height(len(lines), BODY) / 2
    canvas.lines(axis.left - _GAP, start, lines, size=BODY, align="right", gid=f"variant:{name}")
    if not math.isnan(row["sd"]):
        start, end = (
            min(max(axis.at(row["mean"] + side * row["sd"]), axis.left), axis.right)
            for side in (-1, 1)
        )
        _band(canvas, start, end, y, gid=f"band:{name}")
    if not math.isnan(row["mean"]):
        _mean(canvas, axis.at(row["mean"]), y, gid=f"mean:{name}")
    known = runs[runs["value"].notna()].sort_values("value")
    places = _spread([axis.at(value) for value in known["value"]])
    for (x, up), failed in zip(places, known["failed"], strict=True):
        mark = _cross if failed else _dot
        mark(canvas, x, y + up, gid=f"run:{name}")
    verdict = VERDICTS.get(str(row["verdict"]))
    for text, edge, column in zip(
        _texts(row), block.edges, ("mean", "failed", "change"), strict=True
    ):
        told = verdict if column == "change" else None
        bold = bool(told and told.coloured) or (column == "failed" and row["failed"] > 0)
        colour = told.text if told else palette.INK
        canvas.text(edge, y, text, bold=bold, colour=colour, align="right", gid=f"{column}:{name}")


def _spread(places: Sequence[float]) -> list[tuple[float, float]]:
    """Places in ascending order with heights at which neighbours do not cover one another."""
    set_down: list[tuple[float, float]] = []
    for x in places:
        near = {up for other, up in set_down if x - other < 2 * _DOT}
        set_down.append((x, next((up for up in _LEVELS if up not in near), 0.0)))
    return set_down


def _dot(canvas: Canvas, x: float, y: float, *, gid: str | None = None) -> None:
    circle = outline("regression", _DOT, _DOT) + np.array([x, y])
    canvas.shape(circle, fill=palette.RUN, line=palette.WHITE, width=0.5, gid=gid, layer=5)


def _cross(canvas: Canvas, x: float, y: float, *, gid: str | None = None) -> None:
    r = 2.6
    ends = [(x - r, y - r), (x + r, y + r), (x - r, y + r), (x + r, y - r)]
    canvas.shape(ends, line=palette.LOSS, width=1.4, codes=_CROSS, closed=False, gid=gid, layer=5)


def _band(canvas: Canvas, left: float, right: float, y: float, *, gid: str | None = None) -> None:
    box = [(left, y - 8.5), (right, y - 8.5), (right, y + 8.5), (left, y + 8.5)]
    canvas.shape(box, fill=palette.SPREAD, gid=gid, layer=2)


def _mean(canvas: Canvas, x: float, y: float, *, gid: str | None = None) -> None:
    canvas.shape(
        [(x, y - 8.5), (x, y + 8.5)], line=palette.INK, width=1.8, closed=False, gid=gid, layer=4
    )


def _line(canvas: Canvas, x: float, top: float, bottom: float, dashes: tuple[float, ...]) -> None:
    ends = [(x, top), (x, bottom)]
    canvas.shape(ends, line=palette.MUTED, width=0.9, dashes=dashes, closed=False, layer=3)


def _legend(first: str) -> list[Row]:
    def sample(draw: Callable[..., None], at: float) -> Callable[[Canvas, float, float], None]:
        return lambda canvas, x, y: draw(canvas, x + at, y)

    def band(canvas: Canvas, x: float, y: float) -> None:
        _band(canvas, x, x + 20.0, y)
        _mean(canvas, x + 10.0, y)

    def line(dashes: tuple[float, ...]) -> Callable[[Canvas, float, float], None]:
        return lambda canvas, x, y: _line(canvas, x + 3.0, y - 8.0, y + 8.0, dashes)

    return [
        (
            "A run, one seed",
            [
                Entry("test score", 6.0, sample(_dot, 3.0)),
                Entry("failed: no better than a constant answer", 6.0, sample(_cross, 3.0)),
            ],
        ),
        ("Over the seeds", [Entry("mean, and one standard deviation to each side", 20.0, band)]),
        (
            "For comparison",
            [
                Entry(f"mean of {first}", 6.0, line(_DASHES)),
                Entry("a constant answer", 6.0, line(_DOTS)),
            ],
        ),
    ]
