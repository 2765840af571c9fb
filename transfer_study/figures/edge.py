"""One edge on the page: its shaft, its arrowhead, its cross or its label."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.path import Path

from transfer_study.figures import palette
from transfer_study.figures.arc import Arc, right_of
from transfer_study.figures.canvas import Canvas
from transfer_study.figures.lettering import BODY, SMALL, height, interval, signed, width
from transfer_study.figures.outline import Points, expand
from transfer_study.figures.palette import VERDICTS, Verdict

_CURVE = [int(Path.MOVETO), int(Path.CURVE3), int(Path.CURVE3)]
_STROKES = [int(Path.MOVETO), int(Path.LINETO)] * 2
CROSS = 4.2  # half the side of a cross


@dataclass(frozen=True)
class Label:
    """The words of an effect: the number, and below it the interval or the lack of one."""

    number: str
    detail: str

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points."""
        wide = max(width(self.number, BODY, bold=True), width(self.detail, SMALL))
        return wide, height(1, BODY) + (height(1, SMALL) if self.detail else 0.0) - 1.0


@dataclass(frozen=True)
class Edge:
    """The effect of source on target, as it is drawn."""

    source: str
    target: str
    verdict: Verdict
    width: float
    faint: bool
    label: Label | None

    @property
    def name(self) -> str:
        """What its artists are called by; task names hold no `>`."""
        return f"{self.source}->{self.target}"


def label_of(effect: Mapping[str, Any], prefix: str = "") -> Label:
    """The label of an edge, or with prefix `full_` of a node's ring."""
    verdict = VERDICTS[effect[f"{prefix}verdict"]]
    if verdict.cross or math.isnan(effect[f"{prefix}delta"]):
        return Label(verdict.word, "")
    low, high, seeds = (effect[f"{prefix}{key}"] for key in ("low", "high", "n_seeds"))
    return Label(signed(effect[f"{prefix}delta"]), interval(low, high, seeds))


def head_half(line_width: float) -> float:
    """Half the breadth of the arrowhead on a line of this width."""
    return 2.5 + 0.95 * line_width


def head_outline(arc: Arc, line_width: float) -> Points:
    """The triangle (3, 2) at the end of a curve."""
    half = head_half(line_width)
    tip = arc.points[2]
    (base,) = arc.shortened(2 * half).points[2:]
    way = (tip - base) / np.linalg.norm(tip - base)
    return np.array([tip, base + half * right_of(way), base - half * right_of(way)])


def draw_edge(
    canvas: Canvas,
    arc: Arc,
    verdict: Verdict,
    line_width: float,
    *,
    name: str = "sample",
    faint: bool = False,
) -> None:
    """Draw the arrow along a curve; artists are found by gid `edge:`, `head:` or `cross:` name."""
    colour = palette.FAINT if faint else verdict.colour
    layer = 3.0 if verdict.coloured else 2.0
    head = head_outline(arc, line_width)
    neck = arc.shortened(2 * head_half(line_width) - 0.6)
    canvas.shape(
        neck.points,
        line=colour,
        width=line_width,
        stroke=verdict.stroke,
        codes=_CURVE,
        closed=False,
        gid=f"edge:{name}",
        layer=layer,
    )
    # An open head is white inside, its line as heavy as lets a hole remain.
    canvas.shape(
        head,
        fill=colour if verdict.filled else palette.WHITE,
        line=colour,
        width=0.6 if verdict.filled else min(1.0 + 0.2 * line_width, 1.6),
        gid=f"head:{name}",
        layer=layer + 0.1,
    )
    if verdict.cross:
        (middle,) = arc.at(0.5)
        draw_cross(canvas, middle, verdict.cross, gid=f"cross:{name}")


def draw_cross(canvas: Canvas, centre: Points, colour: str, *, gid: str) -> None:
    """Mark what has no number with a cross, on a little white ground."""
    reach = np.array([CROSS, CROSS])
    rising = reach * np.array([1, -1])
    strokes = np.array([centre - reach, centre + reach, centre - rising, centre + rising])
    for ink, line_width, layer in ((palette.WHITE, 4.4, 4.0), (colour, 1.6, 4.1)):
        canvas.shape(
            strokes,
            line=ink,
            width=line_width,
            codes=_STROKES,
            closed=False,
            gid=gid if ink == colour else None,
            layer=layer,
        )


def draw_label(
    canvas: Canvas, centre: Points, label: Label, verdict: Verdict, *, name: str
) -> None:
    """Write a label around its centre, in white kept free of lines."""
    x, y = float(centre[0]), float(centre[1])
    wide, high = label.size
    a, b = wide / 2 - 1.0, high / 2 - 1.5
    corners = np.array([(x - a, y - b), (x + a, y - b), (x + a, y + b), (x - a, y + b)])
    canvas.shape(expand(corners, 2.5), fill=palette.WHITE, gid=f"ground:{name}", layer=5)
    top = y - high / 2
    canvas.text(
        x,
        top + 0.5 * height(1, BODY) - 0.3,
        label.number,
        size=BODY,
        bold=verdict.coloured,
        colour=verdict.text,
        align="center",
        gid=f"label:{name}",
    )
    if label.detail:
        canvas.text(
            x,
            y + high / 2 - 0.5 * height(1, SMALL) + 0.3,
            label.detail,
            colour=palette.INK if verdict.coloured else palette.MUTED,
            align="center",
            gid=f"interval:{name}",
        )
