"""Curves between two nodes: each bows to the right of its own direction, so opposite ones part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from transfer_study.figures.geometry.outline import Points, contains

_SAMPLES = 100


@dataclass(frozen=True, eq=False)
class Arc:
    """A quadratic Bézier curve by its three points, an array (3, 2) in page coordinates."""

    points: Points

    def at(self, where: ArrayLike) -> Points:
        """The points (k, 2) at these parameters between 0 and 1."""
        t = np.atleast_1d(np.asarray(where, dtype=np.float64))[:, None]
        start, control, end = self.points
        return np.asarray((1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end)

    def heading(self, where: ArrayLike) -> Points:
        """The unit directions (k, 2) of travel at these parameters."""
        t = np.atleast_1d(np.asarray(where, dtype=np.float64))[:, None]
        start, control, end = self.points
        along = (1 - t) * (control - start) + t * (end - control)
        return np.asarray(along / np.linalg.norm(along, axis=1, keepdims=True))

    def part(self, first: float, last: float) -> Arc:
        """The piece between two parameters, as a curve of its own."""
        start, control, end = self.points
        middle = (
            (1 - first) * (1 - last) * start
            + (first * (1 - last) + last * (1 - first)) * control
            + first * last * end
        )
        (left,), (right,) = self.at(first), self.at(last)
        return Arc(np.array([left, middle, right]))

    @property
    def length(self) -> float:
        """The length in points, nearly."""
        steps = np.diff(self.at(np.linspace(0, 1, 17)), axis=0)
        return float(np.linalg.norm(steps, axis=1).sum())

    def bent(self, by: float) -> Arc:
        """The curve between the same ends whose middle lies `by` points farther to the right."""
        way = self.points[2] - self.points[0]
        shift = 2 * by * right_of(way / np.linalg.norm(way))
        return Arc(self.points + np.array([np.zeros(2), shift, np.zeros(2)]))

    def pulled(self, start: Points, end: Points) -> Arc:
        """The curve with its ends moved by these vectors."""
        return Arc(self.points + np.array([start, (start + end) / 2, end]))

    def moved(self, by: Points) -> Arc:
        """The same curve elsewhere."""
        return Arc(self.points + by)

    def shortened(self, by: float) -> Arc:
        """The curve without its last `by` points of length, where an arrowhead will be."""
        return self.part(0.0, 1 - min(by / self.length, 0.9))


def right_of(direction: Points) -> Points:
    """The direction to the right hand of a traveller on the page, where y points down."""
    return np.stack([-direction[..., 1], direction[..., 0]], axis=-1)


def bowed(start: Points, end: Points, bow: float) -> Arc:
    """The curve from start to end whose middle lies `bow` points right of the straight line."""
    way = end - start
    side = right_of(way / np.linalg.norm(way))
    return Arc(np.array([start, (start + end) / 2 + 2 * bow * side, end]))


def visible(arc: Arc, leaves: Points, enters: Points) -> Arc:
    """The piece of a curve outside the outlines of the node it leaves and the one it enters."""
    first, last = np.linspace(0, 0.5, _SAMPLES), np.linspace(0.5, 1, _SAMPLES)
    left = first[contains(leaves, arc.at(first))].max(initial=0.0)
    entered = last[contains(enters, arc.at(last))].min(initial=1.0)
    return arc.part(float(left), float(entered))
