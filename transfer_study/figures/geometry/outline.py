"""Closed convex outlines: one shape for every kind of task, and the same shape made larger.

An outline is an array (n, 2) of points on the page, in one turning direction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_POINTED = 11.0  # how far a hexagon's tips and a parallelogram's slant reach in
_ROUNDED = 7.0


def outline(kind: str, half_width: float, half_height: float) -> Points:
    """The outline of a kind of task around the origin; it fills the box of these half sizes."""
    a, b = half_width, half_height
    pointed = min(_POINTED, a / 2)
    if kind == "tagging":
        inner = a - pointed
        return np.array([(-a, 0), (-inner, -b), (inner, -b), (a, 0), (inner, b), (-inner, b)])
    if kind == "multiple_choice":
        inner, low = a - pointed / 2, b / 2
        above = [(a, low), (inner, b), (-inner, b), (-a, low)]
        return np.array([(-a, -low), (-inner, -b), (inner, -b), (a, -low), *above])
    if kind == "multilabel":
        inner = a - pointed
        return np.array([(-inner, -b), (a, -b), (inner, b), (-a, b)])
    if kind == "regression":
        angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        return np.column_stack([a * np.cos(angles), b * np.sin(angles)])
    rounded = min(_ROUNDED, 0.8 * b)
    return expand(np.array([(-a, -b), (a, -b), (a, b), (-a, b)]) * _shrink(a, b, rounded), rounded)


def _shrink(a: float, b: float, by: float) -> Points:
    return np.array([(a - by) / a, (b - by) / b])


def expand(shape: Points, distance: float) -> Points:
    """All that lies within `distance` of a convex outline: its corners become rounded."""
    edges = np.roll(shape, -1, axis=0) - shape
    # The normal of the edge that leaves each corner; turning is by less than half a turn.
    leaving = np.arctan2(-edges[:, 0], edges[:, 1])
    turn = (leaving - np.roll(leaving, 1)) % (2 * np.pi)
    # A corner becomes an arc; between the many corners of a round shape one point is enough.
    steps = np.linspace(0, 1, 6) if len(shape) < 12 else np.array([0.5])
    angles = (leaving - turn)[:, None] + turn[:, None] * steps
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=2)
    return np.asarray((shape[:, None, :] + distance * circle).reshape(-1, 2))


def contains(shape: Points, points: Points) -> NDArray[np.bool_]:
    """Which of the points (k, 2) lie inside a convex outline."""
    edges = np.roll(shape, -1, axis=0) - shape
    away = points[:, None, :] - shape[None, :, :]
    side = edges[:, 0] * away[:, :, 1] - edges[:, 1] * away[:, :, 0]
    return np.asarray((side >= 0).all(axis=1))
