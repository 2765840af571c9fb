"""A sheet of paper measured in points: one axes over the whole figure, y downwards from the top."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.text import Text
from numpy.typing import ArrayLike

from transfer_study.figures import lettering, palette
from transfer_study.figures.fonts import font, legible

INCH = 72.0
MARGIN = 14.0
PAGE = 7.2 * INCH  # the least width of a figure: the text width of a page

_LOCK = threading.RLock()
# What matplotlib reads from its settings while artists are made or written; the reader's own style
# must not change a figure, and a figure must not change the reader's style.
_SETTINGS: dict[Any, Any] = {
    "lines.scale_dashes": True,
    "savefig.bbox": "standard",
    "savefig.transparent": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "transfer-study",
    "pdf.fonttype": 42,
    "pdf.compression": 6,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Our settings for as long as it lasts; one thread at a time, since they are global."""
    with _LOCK, matplotlib.rc_context(_SETTINGS):
        yield


class Canvas:
    """A white figure on which paths and lines of text are put at points; `finish` cuts it off.

    All that is put on it, type and lines too, comes out `scale` times as large.
    """

    def __init__(self, width: float, *, scale: float = 1.0, margin: float = MARGIN) -> None:
        self.width, self.margin = width, margin
        self._scale = scale
        self._figure = Figure(dpi=100, facecolor="white")
        FigureCanvasAgg(self._figure)
        self._axes = self._figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self._axes.set_axis_off()

    def finish(self, height: float) -> Figure:
        """Cut the sheet at this height and return it."""
        inch = INCH / self._scale
        self._figure.set_size_inches(self.width / inch, height / inch)
        self._axes.set(xlim=(0, self.width), ylim=(height, 0))
        return self._figure

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = lettering.SMALL,
        bold: bool = False,
        colour: str = palette.INK,
        align: str = "left",
        turned: bool = False,
        gid: str | None = None,
        layer: float = 6,
    ) -> Text:
        """Put one line of text around the height y; turned, it runs upwards from y around x."""
        text = legible(text)
        # Aligned by the baseline, which does not move with a text's own ascenders and brackets.
        shift = 0.36 * size
        return self._axes.text(
            x + (shift if turned else 0),
            y + (0 if turned else shift),
            text,
            fontproperties=font(text, self._scale * size, bold=bold),
            color=colour,
            ha=align,
            va="baseline",
            rotation=90 if turned else 0,
            rotation_mode="anchor",
            parse_math=False,
            gid=gid,
            zorder=layer,
        )

    def lines(
        self,
        x: float,
        y: float,
        lines: Sequence[str],
        *,
        size: float = lettering.SMALL,
        bold: bool = False,
        colour: str = palette.INK,
        align: str = "left",
        gid: str | None = None,
    ) -> float:
        """Put lines below one another from the top y; return where the next would begin."""
        step = size * lettering.LEADING
        for i, line in enumerate(lines):
            middle = y + (i + 0.5) * step
            self.text(x, middle, line, size=size, bold=bold, colour=colour, align=align, gid=gid)
        return y + len(lines) * step

    def shape(
        self,
        vertices: ArrayLike,
        *,
        fill: str | None = None,
        line: str | None = None,
        width: float = 1.0,
        stroke: str | tuple[float, tuple[float, ...]] = "solid",
        codes: Sequence[int] | None = None,
        closed: bool = True,
        gid: str | None = None,
        layer: float = 3,
    ) -> PathPatch:
        """Draw a polygon or, not closed, a line; `codes` make a curve of it."""
        array = np.asarray(vertices, dtype=np.float64)
        if closed:
            array = np.vstack([array, array[:1]])
        path = Path(array, codes=codes, closed=closed and codes is None)
        patch = PathPatch(
            path,
            facecolor=fill or "none",
            edgecolor=line or "none",
            linewidth=self._scale * width if line else 0.0,
            linestyle=stroke,
            capstyle="butt",
            joinstyle="miter",
            gid=gid,
            zorder=layer,
        )
        self._axes.add_patch(patch)
        return patch
