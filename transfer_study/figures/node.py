"""One node on the page: outline by kind, fill by domain, and a ring for the full mix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from transfer_study.analysis.graph.graph import number_of
from transfer_study.figures import palette
from transfer_study.figures.canvas import Canvas
from transfer_study.figures.edge import label_of
from transfer_study.figures.geometry.outline import Points, expand, outline
from transfer_study.figures.geometry.placement import Boxes, box_of
from transfer_study.figures.lettering import (
    SMALL,
    height,
    metric_name,
    width,
)
from transfer_study.figures.palette import VERDICTS
from transfer_study.points import points

RING = 5.0  # from the outline to the ring around it
GAP = 2.3  # from a node's outermost line to the ends of its edges
_BERTH = 4.5
_SIGNS = {"cross": "\u00d7", "circle": "\u25cb", "diamond": "\u25c7"}
RING_WIDTHS = {True: 2.0, False: 1.0}  # of a coloured verdict, of any other


@dataclass(frozen=True, eq=False)
class Node:
    """A task on the page; all nodes of a figure have one size."""

    name: str
    task: Mapping[str, Any]
    lines: tuple[str, ...]  # of the name
    centre: Points
    half: tuple[float, float]
    size: float  # of the name's type
    side: float  # of the ring's label: -1 above, 1 below
    brief: bool  # the full mix by its number alone, without the interval

    def at(self, radii: Points) -> Node:
        """The node at its place on a circle of these radii; the page's y points down."""
        return replace(self, centre=radii * np.array([self.task["x"], -self.task["y"]]))

    def turned(self) -> Node:
        """The same node with its ring's label on the other side."""
        return replace(self, side=-self.side)

    def moved(self, by: Points) -> Node:
        """The same node elsewhere."""
        return replace(self, centre=self.centre + by)

    @cached_property
    def outline(self) -> Points:
        """The outline in page coordinates."""
        return outline(self.task["kind"], *self.half) + self.centre

    @property
    def has_ring(self) -> bool:
        """Whether the study has a full mix, run or not."""
        return "full_verdict" in self.task

    @cached_property
    def reach(self) -> Points:
        """The outermost line of the node."""
        return expand(self.outline, RING) if self.has_ring else self.outline

    @cached_property
    def rim(self) -> Points:
        """The line, a little outside, on which edges begin and end."""
        return expand(self.reach, GAP)

    @cached_property
    def berth(self) -> Points:
        """The line, farther outside, that other tasks' edges keep out of."""
        return expand(self.reach, _BERTH)

    @property
    def ring_label(self) -> str:
        """What the full mix does to the task."""
        label = label_of(self.task, "full_")
        if mark := VERDICTS[self.task["full_verdict"]].mark:
            return f"{_SIGNS[mark]} {label.number}"
        if self.brief or not label.detail:
            return label.number
        detail = label.detail if label.detail.startswith("[") else f"({label.detail})"
        return f"{label.number} {detail}"

    @property
    def label_centre(self) -> Points:
        """The middle of the ring's label, which interrupts the ring."""
        return np.asarray(self.centre + np.array([0.0, self.side * (self.half[1] + RING + 2.0)]))

    @cached_property
    def boxes(self) -> Boxes:
        """The boxes (1 or 2, 4) that nothing else may touch."""
        if not self.has_ring:
            return box_of(self.reach)
        label = np.array([self._label_half, -self._label_half]) + self.label_centre
        return np.vstack([box_of(self.reach), box_of(label)])

    @property
    def _label_half(self) -> Points:
        bold = VERDICTS[self.task["full_verdict"]].coloured
        return np.array([width(self.ring_label, SMALL, bold=bold) / 2 + 2.5, 5.5])


def score_line(task: Mapping[str, Any]) -> str:
    """The metric and the score of the task, as a percentage."""
    return f"{metric_name(task['metric'])} {points(number_of(task))}"


def half_width(task: Mapping[str, Any], lines: Sequence[str], size: float) -> float:
    """Half the width that holds a task's text, with room for tips and slanting sides."""
    widths = [width(line, size, bold=True) for line in lines]
    return 0.55 * max(*widths, width(score_line(task), SMALL)) + 10.0


def half_height(lines: Sequence[str], size: float) -> float:
    """Half the height that holds a task's text, with room for the corners an ellipse cuts off."""
    return 0.62 * (height(len(lines), size) + height(1, SMALL)) + 3.0


def draw_node(canvas: Canvas, node: Node, fill: str) -> None:
    """Draw a node; its artists are found by gid `node:`, `name:`, `score:`, `ring:` and name."""
    canvas.shape(
        node.outline,
        fill=fill,
        line=palette.NODE_LINE,
        width=1.0,
        gid=f"node:{node.name}",
        layer=4.5,
    )
    x, y = map(float, node.centre)
    total = height(len(node.lines), node.size) + height(1, SMALL)
    top = y - total / 2
    for i, line in enumerate(node.lines):
        canvas.text(
            x,
            top + height(1, node.size) * (i + 0.5),
            line,
            size=node.size,
            bold=True,
            align="center",
            gid=f"name:{node.name}",
        )
    canvas.text(
        x,
        top + total - 0.5 * height(1, SMALL),
        score_line(node.task),
        colour=palette.INK,
        align="center",
        gid=f"score:{node.name}",
    )
    if node.has_ring:
        _draw_ring(canvas, node)


def _draw_ring(canvas: Canvas, node: Node) -> None:
    verdict = VERDICTS[node.task["full_verdict"]]
    canvas.shape(
        node.reach,
        line=verdict.colour,
        width=RING_WIDTHS[verdict.coloured],
        dashes=verdict.dashes,
        gid=f"ring:{node.name}",
        layer=4.4,
    )
    canvas.shape(
        _corners(node.boxes[1]), fill=palette.WHITE, gid=f"ground:ring:{node.name}", layer=5
    )
    x, y = map(float, node.label_centre)
    canvas.text(
        x,
        y,
        node.ring_label,
        bold=verdict.coloured,
        colour=verdict.text,
        align="center",
        gid=f"mix:{node.name}",
    )


def _corners(box: Boxes) -> Points:
    left, top, right, bottom = box
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
