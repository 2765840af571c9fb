"""A finished sheet of paper, measured in points: paths and lines of text, y downwards from the top.

It is turned into a figure of matplotlib, or into SVG in a page (`embedded`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.text import Text
from numpy import float64
from numpy.typing import NDArray

from transfer_study.figures.fonts import font

INCH = 72.0
Align = Literal["left", "center", "right"]


@dataclass(frozen=True, eq=False)
class Shape:
    """A path; without `codes` a polygon, whose last point is its first, or a line of segments."""

    vertices: NDArray[float64]
    codes: Sequence[int] | None
    closed: bool
    fill: str | None
    line: str | None
    width: float
    dashes: tuple[float, ...]  # in widths of the line; empty where it is solid
    gid: str | None
    layer: float

    def artist(self, scale: float) -> PathPatch:
        """The path in matplotlib's terms, its line so many times as wide."""
        return PathPatch(
            Path(self.vertices, codes=self.codes, closed=self.closed and self.codes is None),
            facecolor=self.fill or "none",
            edgecolor=self.line or "none",
            linewidth=scale * self.width if self.line else 0.0,
            linestyle=(0.0, self.dashes) if self.dashes else "solid",
            capstyle="butt",
            joinstyle="miter",
            gid=self.gid,
            zorder=self.layer,
        )


@dataclass(frozen=True)
class Line:
    """A line of text; x and y are of its baseline."""

    x: float
    y: float
    text: str
    size: float
    bold: bool
    colour: str
    align: Align
    turned: bool
    gid: str | None
    layer: float

    def artist(self, scale: float) -> Text:
        """The text in matplotlib's terms, so many times as large."""
        return Text(
            self.x,
            self.y,
            self.text,
            fontproperties=font(self.text, scale * self.size, bold=self.bold),
            color=self.colour,
            ha=self.align,
            va="baseline",
            rotation=90 if self.turned else 0,
            rotation_mode="anchor",
            parse_math=False,
            gid=self.gid,
            zorder=self.layer,
        )


@dataclass(frozen=True)
class Sheet:
    """A sheet of this size with what is on it, in the order in which it was put there."""

    width: float
    height: float
    scale: float
    parts: tuple[Shape | Line, ...]

    def figure(self) -> Figure:
        """The sheet on white, type and lines too `scale` times as large."""
        inch = INCH / self.scale
        figure = Figure((self.width / inch, self.height / inch), dpi=100, facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        axes.set(xlim=(0, self.width), ylim=(self.height, 0))
        for part in self.parts:
            axes.add_artist(part.artist(self.scale))
        return figure
