"""Drawing on a sheet of paper measured in points, y downwards from the top."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import ArrayLike

from transfer_study.figures import lettering, palette
from transfer_study.figures.fonts import legible
from transfer_study.figures.sheet import INCH, Align, Line, Shape, Sheet

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
    """A sheet of this width on which paths and lines of text are put; `finish` cuts it off.

    All that is put on it, type and lines too, comes out `scale` times as large.
    """

    def __init__(self, width: float, *, scale: float = 1.0, margin: float = MARGIN) -> None:
        self.width, self.margin = width, margin
        self._scale = scale
        self._parts: list[Shape | Line] = []

    def finish(self, height: float) -> Sheet:
        """Cut the sheet at this height and return it."""
        return Sheet(self.width, height, self._scale, tuple(self._parts))

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = lettering.SMALL,
        bold: bool = False,
        colour: str = palette.INK,
        align: Align = "left",
        turned: bool = False,
        gid: str | None = None,
        layer: float = 6,
    ) -> None:
        """Put one line of text around the height y; turned, it runs upwards from y around x."""
        # Aligned by the baseline, which does not move with a text's own ascenders and brackets.
        shift = 0.36 * size
        self._parts.append(
            Line(
                x=x + (shift if turned else 0),
                y=y + (0 if turned else shift),
                text=legible(text),
                size=size,
                bold=bold,
                colour=colour,
                align=align,
                turned=turned,
                gid=gid,
                layer=layer,
            )
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
        align: Align = "left",
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
        dashes: tuple[float, ...] = (),
        codes: Sequence[int] | None = None,
        closed: bool = True,
        gid: str | None = None,
        layer: float = 3,
    ) -> None:
        """Draw a polygon or, not closed, a line; `codes` make a curve of it.

        `dashes` are on and off in widths of the line.
        """
        array = np.asarray(vertices, dtype=np.float64)
        if closed:
            array = np.vstack([array, array[:1]])
        self._parts.append(
            Shape(
                vertices=array,
                codes=codes,
                closed=closed,
                fill=fill,
                line=line,
                width=width,
                dashes=dashes,
                gid=gid,
                layer=layer,
            )
        )
