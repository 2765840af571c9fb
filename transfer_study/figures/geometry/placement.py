"""Where the labels of edges go: on their own curve, clear of nodes, arrowheads and one another.

Every label has a fixed list of candidate places with a price each. Labels then move in turn to the
cheapest place that the others leave, until none moves: the same input always ends the same way.
Boxes are arrays (n, 4) of left, top, right, bottom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transfer_study.figures.geometry.arc import Arc, right_of
from transfer_study.figures.geometry.outline import Points
from transfer_study.figures.geometry.settle import FORBIDDEN, settle, total

Boxes = NDArray[np.float64]

_ALONG = np.linspace(0.2, 0.8, 21)
# On the curve, right of it (the outer side of its bow), left of it: with the price of each.
_ASIDE = ((0.0, 0.0), (1.0, 14.0), (-1.0, 18.0))
_OFF_CENTRE = 24.0  # the price of the square of the distance from the middle
_STEP = 4.0  # between the points by which curves are followed
_FOREIGN = 0.7  # the price of every point of length of another edge that a label covers
_NEAR, _MISLEADING = 6.0, 3.0  # a label beside its curve minds others from so near, so much more
_HIDDEN = 150.0  # the price of all of its own curve, of which this share may be hidden for nothing
_MAY_HIDE = 0.4
_AIR = 1.5  # kept free around a label, in points


@dataclass(frozen=True, eq=False)
class Placement:
    """The centres (n, 2) of the labels, and how bad that is: the dearest, the mean and overlaps."""

    centres: Points
    price: float


def boxes_around(centres: Points, sizes: Points) -> Boxes:
    """The boxes of these sizes (n, 2) around their centres (n, 2)."""
    return np.hstack([centres - sizes / 2, centres + sizes / 2])


def box_of(points: Points) -> Boxes:
    """The one box, (1, 4), around points (n, 2)."""
    return np.hstack([points.min(axis=0), points.max(axis=0)])[None, :]


def overlapping(first: Boxes, second: Boxes) -> NDArray[np.bool_]:
    """Which boxes of the first (n) share area with which of the second (m), as (n, m)."""
    left, top, right, bottom = first.T[:, :, None]
    x0, y0, x1, y1 = second.T
    return np.asarray((left < x1) & (x0 < right) & (top < y1) & (y0 < bottom))


def inside(boxes: Boxes, points: Points) -> NDArray[np.bool_]:
    """Which points (k, 2) lie in which boxes (n, 4), as (n, k)."""
    left, top, right, bottom = boxes.T[:, :, None]
    x, y = points.T
    return np.asarray((left < x) & (x < right) & (top < y) & (y < bottom))


def place_labels(
    arcs: Sequence[Arc], sizes: Points, obstacles: Boxes, lines: Sequence[tuple[Arc, float]]
) -> Placement:
    """Place a label of the given size on each curve; `lines` are all curves that are drawn.

    With each line stands how much it minds being covered, from 0 to 1. The label's own curve (the
    same object) does not mind.
    """
    if not arcs:
        return Placement(np.zeros((0, 2)), 0.0)
    traffic = _Traffic(lines)
    centres, prices = [], []
    for arc, size in zip(arcs, sizes, strict=True):
        places, price = _candidates(arc, size)
        boxes = boxes_around(places, np.tile(size + 2 * _AIR, (len(places), 1)))
        price = price + FORBIDDEN * overlapping(boxes, obstacles).sum(axis=1)
        centres.append(places)
        prices.append(price + traffic.price(boxes, arc))
    boxes = boxes_around(np.vstack(centres), np.repeat(sizes + 2 * _AIR, len(centres[0]), axis=0))
    shape = np.shape(prices)
    clash = overlapping(boxes, boxes).reshape(*shape, *shape)
    chosen = settle(np.array(prices), clash)
    every = np.arange(len(arcs))
    paid = np.array(prices)[every, chosen]
    clashes = total(chosen, np.zeros(shape), clash)
    return Placement(
        np.array(centres)[every, chosen], float(paid.max() + 10 * paid.mean() + clashes)
    )


class _Traffic:
    """All curves as points a step apart, each with its curve and what covering it costs."""

    def __init__(self, lines: Sequence[tuple[Arc, float]]) -> None:
        samples = [arc.at(np.linspace(0, 1, int(arc.length / _STEP) + 2)) for arc, _ in lines]
        counts = [len(points) for points in samples]
        self._points = np.vstack(samples)
        self._owner = np.repeat([id(arc) for arc, _ in lines], counts)
        self._price = np.repeat([mind * _FOREIGN * _STEP for _, mind in lines], counts)

    def price(self, boxes: Boxes, arc: Arc) -> NDArray[np.float64]:
        """What it costs to put the label of a curve into each of its candidate boxes."""
        wide = boxes + _NEAR * np.array([-1, -1, 1, 1])
        around = np.hstack([wide[:, :2].min(axis=0), wide[:, 2:].max(axis=0)])[None]
        (close,) = inside(around, self._points)
        points, own = self._points[close], self._owner[close] == id(arc)
        prices = np.where(own, 0.0, self._price[close])
        aside = np.repeat([where != 0 for where, _ in _ASIDE], len(_ALONG))
        covered = inside(boxes, points)
        near = inside(wide, points)
        foreign = np.where(aside, _MISLEADING * (near @ prices), covered @ prices)
        hidden = (covered & own).sum(axis=1) / max(own.sum(), 1)
        return np.asarray(foreign + _HIDDEN * np.clip(hidden - _MAY_HIDE, 0.0, None))


def _candidates(arc: Arc, size: Points) -> tuple[Points, NDArray[np.float64]]:
    points, side = arc.at(_ALONG), right_of(arc.heading(_ALONG))
    # How far the label's box reaches against the normal: moved by this, it just leaves the line.
    reach = np.abs(side) @ (size / 2) + 3.0
    off_centre = _OFF_CENTRE * (_ALONG - 0.5) ** 2
    places = [points + where * reach[:, None] * side for where, _ in _ASIDE]
    return np.vstack(places), np.concatenate([off_centre + price for _, price in _ASIDE])
