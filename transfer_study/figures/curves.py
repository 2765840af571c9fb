"""Dev scores by epoch of every recipe tried, a panel a task: what learns, and what does not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from transfer_study.figures import palette
from transfer_study.figures.canvas import MARGIN, PAGE, Canvas, house_style
from transfer_study.figures.legend import Entry, draw_foot, draw_title
from transfer_study.figures.lettering import BODY, SMALL, metric_name, shorten, width
from transfer_study.figures.naming import plain_label
from transfer_study.points import MINUS

_COLUMNS = 2
_PANEL = 120.0  # the height of the curves of a task
_HEAD, _FOOT, _BETWEEN = 20.0, 20.0, 18.0
_LEFT = 30.0  # of a panel, for the numbers of its axis
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)
_MOST_TICKS = 5
_DASHES, _DOTS = (4.0, 2.6), (1.0, 2.0)
_Line = tuple[str, tuple[float, ...], float, float]
# Colour and dashes, width, and which lies on which: of the chosen recipe, the study's, the others.
_CHOSEN: _Line = (palette.RUN, (), 2.0, 5.0)
_OWN: _Line = (palette.INK, _DASHES, 1.2, 4.0)
_OTHER: _Line = (palette.FAINT, (), 0.8, 3.0)
_FIRST = 1  # the recipe of the study itself


def draw_curves(
    curves: pd.DataFrame, targets: pd.DataFrame, chosen: int, *, title: str, caption: str
) -> Figure:
    """Draw `curves` (target, recipe, seed, epoch, dev), a line a recipe and seed.

    `targets` has a row a panel (target, metric, constant: the best constant answer's dev score).
    Recipe 1 is the study's own.
    """
    with house_style():
        canvas = Canvas(PAGE)
        y = draw_title(canvas, title)
        step = (canvas.width - 2 * MARGIN + _BETWEEN) / _COLUMNS
        longest = int(curves["epoch"].max())
        for n, row in enumerate(targets.to_dict("records")):
            left = MARGIN + (n % _COLUMNS) * step
            top = y + n // _COLUMNS * (_HEAD + _PANEL + _FOOT + _BETWEEN)
            box = (left + _LEFT, left + step - _BETWEEN, top + _HEAD, top + _HEAD + _PANEL)
            name = plain_label(str(row["target"]), n + 1)
            name = shorten(name, step - _BETWEEN, BODY, bold=True)
            canvas.text(left, top + 6.0, name, size=BODY, bold=True, gid="target")
            metric = metric_name(str(row["metric"]))
            if width(name, BODY, bold=True) + width(metric, SMALL) + 8.0 < step - _BETWEEN:
                canvas.text(box[1], top + 6.0, metric, colour=palette.MUTED, align="right")
            of_target = curves[curves["target"] == row["target"]]
            _draw_panel(canvas, box, of_target, float(row["constant"]), chosen, longest)
        rows = -(-len(targets) // _COLUMNS)
        y += rows * (_HEAD + _PANEL + _FOOT + _BETWEEN)
        return draw_foot(canvas, y, [("Dev by epoch", _entries(chosen))], caption).figure()


def _draw_panel(
    canvas: Canvas,
    box: tuple[float, float, float, float],
    curves: pd.DataFrame,
    constant: float,
    chosen: int,
    longest: int,
) -> None:
    left, right, top, bottom = box
    values = [constant, *curves["dev"]]
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.05

    def across(epoch: Any) -> Any:
        return left + (epoch - 1) / max(longest - 1, 1) * (right - left)

    def down(score: Any) -> Any:
        return bottom - (score - low + room) / (high - low + 2 * room) * (bottom - top)

    step = next((s for s in _STEPS if (high - low) / s <= _MOST_TICKS), _STEPS[-1])
    for n in range(math.ceil((low - room) / step), math.floor((high + room) / step) + 1):
        y = down(n * step)
        canvas.shape([(left, y), (right, y)], line=palette.GRID, width=0.7, closed=False, layer=1)
        number = f"{100 * n * step:.0f}".replace("-", MINUS)
        canvas.text(left - 6.0, y, number, colour=palette.MUTED, align="right", gid="tick")
    for epoch in sorted({1, (1 + longest) // 2, longest}):
        x = across(epoch)
        canvas.text(x, bottom + 9.0, str(epoch), colour=palette.MUTED, align="center", gid="epoch")
    ends = [(left, down(constant)), (right, down(constant))]
    _stroke(canvas, ends, (palette.MUTED, _DOTS, 0.9, 2.0), "constant")
    for (recipe, _), rows in curves.groupby(["recipe", "seed"], sort=False):
        line = _CHOSEN if recipe == chosen else _OWN if recipe == _FIRST else _OTHER
        points = np.column_stack([across(rows["epoch"]), down(rows["dev"])])
        if len(points) == 1:  # a line of one epoch would not be seen
            points = points + np.array([[0.0, 0.0], [4.0, 0.0]])
        _stroke(canvas, points, line, f"curve:{recipe}")


def _stroke(canvas: Canvas, points: ArrayLike, line: _Line, gid: str | None = None) -> None:
    colour, dashes, thick, layer = line
    canvas.shape(
        points, line=colour, width=thick, dashes=dashes, closed=False, gid=gid, layer=layer
    )


def _entries(chosen: int) -> list[Entry]:
    def sample(line: _Line) -> Callable[[Canvas, float, float], None]:
        return lambda canvas, x, y: _stroke(canvas, [(x, y), (x + 20.0, y)], line)

    known: list[tuple[str, _Line]] = [
        (f"recipe {chosen}, the best for all tasks", _CHOSEN),
        *([] if chosen == _FIRST else [("the study's own", _OWN)]),
        ("others, to where they were stopped", _OTHER),
        ("a constant answer", (palette.MUTED, _DOTS, 0.9, 2.0)),
    ]
    return [Entry(text, 20.0, sample(line)) for text, line in known]
