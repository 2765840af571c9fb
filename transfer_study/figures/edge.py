"""One edge on the page: its shaft, its arrowhead, its mark or its label."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.path import Path

from transfer_study.figures import palette
from transfer_study.figures.canvas import Canvas
from transfer_study.figures.geometry.arc import Arc, right_of
from transfer_study.figures.geometry.outline import Points, expand, outline
from transfer_study.figures.lettering import BODY, SMALL, height, width
from transfer_study.figures.palette import VERDICTS, VerdictStyle
from transfer_study.points import MISSING, interval, points

_CURVE = [int(Path.MOVETO), int(Path.CURVE3), int(Path.CURVE3)]
_STROKES = [int(Path.MOVETO), int(Path.LINETO)] * 2
MARK = 4.2  # half the side of a cross, the radius of a circle
NO_INTERVAL = "no interval"  # below a number; the legend says why
COLLAPSED = "\u2020"  # after the number of an effect whose model did not learn


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
class EdgeShape:
    """The effect of source on target, as it is drawn."""

    source: str
    target: str
    verdict: VerdictStyle
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
    if verdict.mark or math.isnan(effect[f"{prefix}delta"]):
        return Label(verdict.word, "")
    ends = interval(effect[f"{prefix}adjusted_low"], effect[f"{prefix}adjusted_high"])
    if ends == MISSING:
        ends = NO_INTERVAL if effect[f"{prefix}lacking"] else ""
    collapsed = COLLAPSED if effect[f"{prefix}collapsed"] else ""
    return Label(points(effect[f"{prefix}delta"], signed=True) + collapsed, ends)


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
    verdict: VerdictStyle,
    line_width: float,
    *,
    name: str = "sample",
    faint: bool = False,
) -> None:
    """Draw the arrow along a curve; artists have the gids `edge:`, `head:` and name.

    What has no number has a mark as well, with the gid `cross:`, `circle:` or `diamond:` and name.
    """
    colour = palette.FAINT if faint else verdict.colour
    layer = 3.0 if verdict.coloured else 2.0
    head = head_outline(arc, line_width)
    neck = arc.shortened(2 * head_half(line_width) - 0.6)
    canvas.shape(
        neck.points,
        line=colour,
        width=line_width,
        dashes=verdict.dashes,
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
    if verdict.mark:
        (middle,) = arc.at(0.5)
        draw_mark(canvas, middle, verdict, name=name)


def draw_mark(
    canvas: Canvas, centre: Points, verdict: VerdictStyle, *, name: str, reach: float = MARK
) -> None:
    """Mark what failed, was not run or not learned: cross, circle, diamond, on a white ground."""
    if verdict.mark == "circle":
        circle = outline("regression", 0.8 * reach, 0.8 * reach) + centre
        canvas.shape(expand(circle, 1.6), fill=palette.WHITE, layer=4.0)
        canvas.shape(circle, line=verdict.text, width=1.3, gid=f"circle:{name}", layer=4.1)
        return
    if verdict.mark == "diamond":
        diamond = np.array([(0.0, -reach), (reach, 0.0), (0.0, reach), (-reach, 0.0)])
        canvas.shape(1.5 * diamond + centre, fill=palette.WHITE, layer=4.0)
        canvas.shape(
            diamond + centre, line=verdict.text, width=1.3, gid=f"diamond:{name}", layer=4.1
        )
        return
    falling, rising = np.array([reach, reach]), np.array([reach, -reach])
    strokes = np.array([centre - falling, centre + falling, centre - rising, centre + rising])
    for ink, line_width, layer in ((palette.WHITE, 4.4, 4.0), (verdict.text, 1.6, 4.1)):
        canvas.shape(
            strokes,
            line=ink,
            width=line_width,
            codes=_STROKES,
            closed=False,
            gid=f"cross:{name}" if ink == verdict.text else None,
            layer=layer,
        )


def draw_label(
    canvas: Canvas, centre: Points, label: Label, verdict: VerdictStyle, *, name: str
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
