"""One cell of a matrix: colour only where something changed, and a frame that says the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from transfer_study.figures import palette
from transfer_study.figures.canvas import Canvas
from transfer_study.figures.edge import Label, draw_mark, label_of
from transfer_study.figures.lettering import BODY, SMALL, width
from transfer_study.figures.outline import Points
from transfer_study.figures.palette import VERDICTS, Verdict

_INSET = 1.6  # of the frame, so that neighbours' frames stay apart
_MISSING = "#F4F4F4"


@dataclass(frozen=True)
class Cell:
    """An effect as a cell shows it; `brief` leaves the interval out."""

    verdict: Verdict
    label: Label
    delta: float
    brief: bool

    @property
    def width(self) -> float:
        """The width of the text in points."""
        if self.brief and self.verdict.mark:
            return 0.0  # a mark without words
        number = width(self.label.number, self._size, bold=True)
        return number if self.brief else max(number, width(self.label.detail, SMALL))

    @property
    def _size(self) -> float:
        return SMALL if self.brief else BODY


def cell_of(effect: Mapping[str, Any], *, brief: bool, prefix: str = "") -> Cell:
    """The cell of an edge, or with prefix `full_` of what the full mix does to a node."""
    verdict = VERDICTS[effect[f"{prefix}verdict"]]
    return Cell(verdict, label_of(effect, prefix), float(effect[f"{prefix}delta"]), brief)


def frame(centre: Points, size: Points) -> Points:
    """The corners (4, 2) of a cell's frame."""
    a, b = size / 2 - _INSET
    return np.array([(-a, -b), (a, -b), (a, b), (-a, b)]) + centre


def draw_cell(
    canvas: Canvas, centre: Points, size: Points, cell: Cell, *, largest: float, name: str
) -> None:
    """Draw a cell; `largest` is the end of the scale, gids are `cell:` and `label:` and name."""
    verdict = cell.verdict
    canvas.shape(
        frame(centre, size),
        fill=_fill(cell, largest),
        line=verdict.colour,
        width=1.3 if verdict.coloured else 0.8,
        stroke=verdict.stroke,
        gid=f"cell:{name}",
    )
    x, y = map(float, centre)
    if verdict.mark:
        _draw_absent(canvas, centre, cell, name)
        return
    two_lines = bool(cell.label.detail) and not cell.brief
    canvas.text(
        x,
        y - 5.6 if two_lines else y,
        cell.label.number,
        size=SMALL if cell.brief else BODY,
        bold=verdict.coloured,
        colour=palette.INK if verdict.coloured else palette.MUTED,
        align="center",
        gid=f"label:{name}",
    )
    if two_lines:
        colour = palette.INK if verdict.coloured else palette.MUTED
        canvas.text(
            x, y + 5.8, cell.label.detail, colour=colour, align="center", gid=f"interval:{name}"
        )


def draw_missing(canvas: Canvas, centre: Points, size: Points) -> None:
    """Draw the place of an effect that the study does not ask for."""
    canvas.shape(frame(centre, size), fill=_MISSING)


def _draw_absent(canvas: Canvas, centre: Points, cell: Cell, name: str) -> None:
    up = np.array([0.0, 0.0 if cell.brief else 5.5])
    draw_mark(canvas, centre - up, cell.verdict, name=name)
    if not cell.brief:
        canvas.text(
            float(centre[0]),
            float(centre[1]) + 6.5,
            cell.label.number,
            colour=cell.verdict.text,
            align="center",
            gid=f"label:{name}",
        )


def _fill(cell: Cell, largest: float) -> str:
    if cell.verdict.coloured:
        return palette.shade(cell.delta, largest)
    return palette.EQUIVALENT_FILL if cell.verdict.word == "equivalent" else palette.WHITE
