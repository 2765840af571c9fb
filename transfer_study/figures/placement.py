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

from transfer_study.figures.arc import Arc, right_of
from transfer_study.figures.outline import Points

Boxes = NDArray[np.float64]

_ALONG = np.linspace(0.2, 0.8, 21)
# On the curve, right of it (the outer side of its bow), left of it: with the price of each.
_ASIDE = ((0.0, 0.0), (1.0, 14.0), (-1.0, 18.0))
_OFF_CENTRE = 24.0  # the price of the square of the distance from the middle
_FOREIGN = 0.7  # the price of every point of length of another edge that a label covers
_MISLEADING = 8.0  # so many times that, where the label does not stand on its own curve
_HIDDEN = 150.0  # the price of all of its own curve, of which this share may be hidden for nothing
_MAY_HIDE = 0.4
_FORBIDDEN = 1e4
_AIR = 1.5  # kept free around a label, in points
_SWEEPS = 40


@dataclass(frozen=True, eq=False)
class Placement:
    """The centres (n, 2) of the labels, whether nothing overlaps, and the dearest label's price."""

    centres: Points
    clear: bool
    price: float


def boxes_around(centres: Points, sizes: Points) -> Boxes:
    """The boxes of these sizes (n, 2) around their centres (n, 2)."""
    return np.hstack([centres - sizes / 2, centres + sizes / 2])


def box_of(points: Points) -> Boxes:
    """The one box, (1, 4), around points (n, 2)."""
    return np.hstack([points.min(axis=0), points.max(axis=0)])[None, :]


def overlapping(first: Boxes, second: Boxes) -> NDArray[np.bool_]:
    """Which boxes of the first (n) share area with which of the second (m), as (n, m)."""
    a, b = first[:, None, :], second[None, :, :]
    return np.asarray(((a[..., :2] < b[..., 2:]) & (b[..., :2] < a[..., 2:])).all(axis=-1))


def inside(boxes: Boxes, points: Points) -> NDArray[np.bool_]:
    """Which points (k, 2) lie in which boxes (n, 4), as (n, k)."""
    within = (points[None] > boxes[:, None, :2]) & (points[None] < boxes[:, None, 2:])
    return np.asarray(within.all(axis=2))


def place_labels(
    arcs: Sequence[Arc], sizes: Points, obstacles: Boxes, lines: Sequence[tuple[Arc, float]]
) -> Placement:
    """Place a label of the given size on each curve; `lines` are all curves that are drawn.

    With each line stands how much it minds being covered, from 0 to 1. The label's own curve (the
    same object) does not mind.
    """
    if not arcs:
        return Placement(np.zeros((0, 2)), True, 0.0)
    traffic = [line.at(np.linspace(0, 1, max(int(line.length / 2), 2))) for line, _ in lines]
    minds = [np.full(len(points), mind) for points, (_, mind) in zip(traffic, lines, strict=True)]
    points, weights = np.vstack(traffic), 2 * _FOREIGN * np.concatenate(minds)
    owner = np.repeat(np.arange(len(lines)), [len(points) for points in traffic])
    index = {id(line): i for i, (line, _) in enumerate(lines)}
    centres, prices = [], []
    for arc, size in zip(arcs, sizes, strict=True):
        places, price = _candidates(arc, size)
        boxes = boxes_around(places, np.tile(size + 2 * _AIR, (len(places), 1)))
        price = price + _FORBIDDEN * overlapping(boxes, obstacles).sum(axis=1)
        own = owner == index[id(arc)]
        hits = inside(boxes, points)
        foreign = hits @ np.where(own, 0.0, weights)
        aside = np.repeat([where != 0 for where, _ in _ASIDE], len(_ALONG))
        price = price + np.where(aside, _MISLEADING, 1.0) * foreign
        hidden = (hits & own).sum(axis=1) / own.sum()
        price = price + _HIDDEN * np.clip(hidden - _MAY_HIDE, 0.0, None)
        centres.append(places)
        prices.append(price)
    return _settle(np.array(centres), np.array(prices), sizes)


def _candidates(arc: Arc, size: Points) -> tuple[Points, NDArray[np.float64]]:
    points, side = arc.at(_ALONG), right_of(arc.heading(_ALONG))
    # How far the label's box reaches against the normal: moved by this, it just leaves the line.
    reach = np.abs(side) @ (size / 2) + 3.0
    off_centre = _OFF_CENTRE * (_ALONG - 0.5) ** 2
    places = [points + where * reach[:, None] * side for where, _ in _ASIDE]
    return np.vstack(places), np.concatenate([off_centre + price for _, price in _ASIDE])


def _settle(centres: Points, prices: NDArray[np.float64], sizes: Points) -> Placement:
    labels, places = prices.shape
    sizes = sizes + 2 * _AIR
    flat = boxes_around(centres.reshape(-1, 2), np.repeat(sizes, places, axis=0))
    clash = overlapping(flat, flat).reshape(labels, places, labels, places)
    chosen = prices.argmin(axis=1)
    # Those with the least freedom choose first.
    turns = np.argsort(-np.sort(prices, axis=1)[:, places // 4], kind="stable")
    for _ in range(_SWEEPS):
        before = chosen.copy()
        for label in turns:
            taken = clash[label][:, np.arange(labels), chosen]
            taken[:, label] = False
            chosen[label] = int((prices[label] + _FORBIDDEN * taken.sum(axis=1)).argmin())
        if (chosen == before).all():
            break
    every = np.arange(labels)
    mutual = clash[every, chosen][:, every, chosen].sum() > labels  # each clashes with itself
    clear = not mutual and bool((prices[every, chosen] < _FORBIDDEN).all())
    return Placement(centres[every, chosen], clear, float(prices[every, chosen].max()))
