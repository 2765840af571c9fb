"""One cell of a matrix: colour only where something changed, and a frame that says the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from transfer_study.figures import palette
from transfer_study.figures.canvas import Canvas
from transfer_study.figures.edge import MARK, Label, draw_mark, label_of
from transfer_study.figures.geometry.outline import Points
from transfer_study.figures.lettering import BODY, SMALL, width
from transfer_study.figures.palette import VERDICTS, VerdictStyle
from transfer_study.points import MINUS

_MISSING = "#F4F4F4"
_SIGNS = {"gain": "+", "loss": MINUS, "equivalent": "=", "undecided": "\u00b7"}


@dataclass(frozen=True)
class CellStyle:
    """How much a cell says: the number with its interval, the number alone, or only its sign."""

    says: str
    size: float  # of the number's type
    pad: float  # added to the width of the text
    least: tuple[float, float]  # width and height at least
    inset: float  # of the frame, so that neighbours' frames stay apart
    lines: tuple[float, float]  # the frame's line where something changed, and elsewhere
    mark: float = MARK


INTERVALS = CellStyle("interval", BODY, 10.0, (30.0, 32.0), 1.6, (1.3, 0.8))
NUMBERS = CellStyle("number", SMALL, 7.0, (30.0, 22.0), 1.6, (1.3, 0.8))
DENSE = CellStyle("number", 7.0, 4.0, (20.0, 15.0), 0.9, (1.0, 0.6), 3.2)
SIGNS = CellStyle("sign", SMALL, 0.0, (7.2, 8.6), 0.2, (0.0, 0.0), 2.2)


@dataclass(frozen=True)
class DrawnCell:
    """An effect as a cell shows it."""

    verdict: VerdictStyle
    label: Label
    delta: float
    style: CellStyle

    @property
    def width(self) -> float:
        """The width of the text in points."""
        if self.style.says == "interval":
            number = width(self.text, self.style.size, bold=True)
            return max(number, width(self.label.detail, SMALL))
        return 0.0 if self.verdict.mark else width(self.text, self.style.size, bold=True)

    @property
    def text(self) -> str:
        """The number, or its sign."""
        if self.style.says == "sign":
            return _SIGNS.get(self.verdict.word, "")
        return self.label.number


def cell_of(effect: Mapping[str, Any], style: CellStyle, *, prefix: str = "") -> DrawnCell:
    """The cell of an edge, or with prefix `full_` of what the full mix does to a node."""
    verdict = VERDICTS[effect[f"{prefix}verdict"]]
    return DrawnCell(verdict, label_of(effect, prefix), float(effect[f"{prefix}delta"]), style)


def frame(centre: Points, size: Points, inset: float = INTERVALS.inset) -> Points:
    """The corners (4, 2) of a cell's frame."""
    a, b = size / 2 - inset
    return np.array([(-a, -b), (a, -b), (a, b), (-a, b)]) + centre


def draw_cell(
    canvas: Canvas, centre: Points, size: Points, cell: DrawnCell, *, largest: float, name: str
) -> None:
    """Draw a cell; `largest` is the end of the scale, gids are `cell:` and `label:` and name."""
    verdict, style = cell.verdict, cell.style
    heavy, light = style.lines
    canvas.shape(
        frame(centre, size, style.inset),
        fill=_fill(cell, largest),
        line=verdict.colour if heavy else None,
        width=heavy if verdict.coloured else light,
        dashes=verdict.dashes,
        gid=f"cell:{name}",
    )
    x, y = map(float, centre)
    if verdict.mark:
        _draw_absent(canvas, centre, cell, name)
        return
    two_lines = bool(cell.label.detail) and style.says == "interval"
    colour = palette.INK if verdict.coloured else palette.MUTED
    canvas.text(
        x,
        y - 5.6 if two_lines else y,
        cell.text,
        size=style.size,
        bold=verdict.coloured,
        colour=colour,
        align="center",
        gid=f"label:{name}",
    )
    if two_lines:
        canvas.text(
            x, y + 5.8, cell.label.detail, colour=colour, align="center", gid=f"interval:{name}"
        )


def draw_missing(
    canvas: Canvas, centre: Points, size: Points, inset: float = INTERVALS.inset
) -> None:
    """Draw the place of an effect that the study does not ask for."""
    canvas.shape(frame(centre, size, inset), fill=_MISSING)


def _draw_absent(canvas: Canvas, centre: Points, cell: DrawnCell, name: str) -> None:
    words = cell.style.says == "interval"
    up = np.array([0.0, 5.5 if words else 0.0])
    draw_mark(canvas, centre - up, cell.verdict, name=name, reach=cell.style.mark)
    if words:
        canvas.text(
            float(centre[0]),
            float(centre[1]) + 6.5,
            cell.label.number,
            colour=cell.verdict.text,
            align="center",
            gid=f"label:{name}",
        )


def _fill(cell: DrawnCell, largest: float) -> str:
    if cell.verdict.coloured:
        return palette.shade(cell.delta, largest)
    fills = {"equivalent": palette.EQUIVALENT_FILL, "not learned": palette.NOT_LEARNED_FILL}
    return fills.get(cell.verdict.word, palette.WHITE)
