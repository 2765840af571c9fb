"""Where edges meet a node: spread along its rim, so that no two arrowheads share a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transfer_study.figures.geometry.outline import Points

_STEP = 1.0  # between the points of a rim
_ROUNDS = 80
_FULL = 0.9  # at most this share of a rim is asked for


@dataclass(frozen=True, eq=False)
class Rim:
    """A closed outline as points (n, 2) at equal steps; places are lengths from the first."""

    points: Points
    length: float

    @classmethod
    def of(cls, outline: Points) -> Rim:
        """The rim that follows an outline."""
        closed = np.vstack([outline, outline[:1]])
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
        places = np.arange(0.0, along[-1], _STEP)
        x, y = (np.interp(places, along, closed[:, axis]) for axis in (0, 1))
        return cls(np.column_stack([x, y]), float(along[-1]))

    def nearest(self, point: Points) -> float:
        """The place on the rim nearest to a point."""
        return float(np.linalg.norm(self.points - point, axis=1).argmin()) * _STEP

    def at(self, place: float) -> Points:
        """The point at a place."""
        return np.asarray(self.points[round((place % self.length) / _STEP) % len(self.points)])


def spread(
    places: Sequence[float], halves: Sequence[float], fixed: Sequence[bool], length: float
) -> list[float]:
    """Move places on a rim of this length apart until each has its half width to both sides.

    Places keep their order and move as little as they can; the fixed ones stay. Where there is
    not enough rim for all, every one gets the same share of what it asks for.
    """
    order = np.argsort(np.asarray(places), kind="stable")
    at = np.asarray(places, dtype=np.float64)[order]
    need = np.asarray(halves, dtype=np.float64)[order]
    held = np.asarray(fixed, dtype=np.bool_)[order]
    need = need * min(1.0, _FULL * length / (2 * need.sum()))
    after = np.roll(np.arange(len(at)), -1)  # the next one round the rim
    apart = need + need[after]
    # Of two neighbours each gives half, or one all of it beside a fixed one.
    behind = np.where(held, 0.0, np.where(held[after], 1.0, 0.5))
    ahead = np.where(held[after], 0.0, np.where(held, 1.0, 0.5))
    for _ in range(_ROUNDS if len(at) > 1 else 0):
        steps = at[after] - at
        steps[-1] += length
        push = np.clip(apart - steps, 0.0, None)
        if push.max() < 0.01:
            break
        at = at - push * behind
        at[after] += push * ahead
    result = np.empty_like(at)
    result[order] = at
    return [float(place) for place in result]
