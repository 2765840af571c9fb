"""Curves of the graph: arcs that bow to their right, cut where they meet the outlines of nodes.

Points are of the page: x to the right, y downwards, in the units of the drawing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transfer_study.figures.outline import Points, contains

BOW = 0.16  # how far the control point stands off the chord, in chords
HEAD = 9.0  # the length of an arrowhead
_STEPS = np.linspace(0.0, 1.0, 241)


@dataclass(frozen=True, eq=False)
class Arc:
    """A quadratic curve by its three control points, (3, 2)."""

    control: Points

    @classmethod
    def between(cls, start: Points, end: Points, bow: float = BOW) -> Arc:
        """The arc from one point to another; the arc back is another one."""
        along = end - start
        right = np.array([-along[1], along[0]])
        return cls(np.stack([start, (start + end) / 2 + bow * right, end]))

    def at(self, t: NDArray[np.float64] | float) -> Points:
        """The points at these shares of the way."""
        share = np.asarray(t)[..., None]
        a, b, c = self.control
        return np.asarray((1 - share) ** 2 * a + 2 * share * (1 - share) * b + share**2 * c)

    def part(self, first: float, last: float) -> Arc:
        """The piece between two shares of the way."""
        a, c = self.at(first), self.at(last)
        p, q, r = self.control
        b = (
            (1 - first) * (1 - last) * p
            + (first * (1 - last) + last * (1 - first)) * q
            + first * last * r
        )
        return Arc(np.stack([a, b, c]))

    def outside(self, source: Points, target: Points) -> Arc:
        """The piece between two outlines in which the arc begins and ends."""
        line = self.at(_STEPS)
        free = np.flatnonzero(~contains(source, line) & ~contains(target, line))
        if len(free) < 2:
            return self
        return self.part(float(_STEPS[free[0]]), float(_STEPS[free[-1]]))

    def headed(self) -> tuple[str, str]:
        """The shaft up to the arrowhead, and the arrowhead, as SVG paths."""
        tip = self.control[2]
        line = self.at(_STEPS)
        near = np.hypot(*(line - tip).T) < HEAD
        neck = float(_STEPS[max(int(np.argmax(near)) - 1, 1)])
        base = self.at(neck)
        along = (tip - base) / max(float(np.hypot(*(tip - base))), 1e-9)
        across = np.array([-along[1], along[0]]) * HEAD * 0.5
        a, b, c = self.part(0.0, neck).control
        shaft = f"M{_point(a)}Q{_point(b)} {_point(c)}"
        return shaft, closed([tip, base + across, base - across])


def closed(points: Iterable[Points]) -> str:
    """A closed outline as an SVG path."""
    return "M" + "L".join(map(_point, points)) + "Z"


def number(value: float) -> str:
    """A coordinate to a tenth, as short as it can be."""
    return f"{round(value, 1) + 0.0:g}"


def _point(point: Points) -> str:
    return f"{number(float(point[0]))},{number(float(point[1]))}"
