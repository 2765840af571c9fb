"""The forest plot: every effect on a target as a row, on one scale.

What is drawn of an effect is in points of score: the SVG around it has these for its units, so that
the browser finds its place, and cuts off what leaves the scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from transfer_study.report.page.frames import ShownEffect
from transfer_study.report.page.subject import Subject

SHAPES = ("raw", "adj", "seeds", "mean", "core")  # of an effect, one on the other
_BEYOND = 201 / 190  # how far the scale goes on at its ends


@dataclass(frozen=True)
class Plot:
    """The effects on one target by slot and name, None for what only another frame has."""

    target: str
    rows: tuple[tuple[int, ShownEffect | None, str], ...]
    margin: float


def plots(subject: Subject) -> Iterator[Plot]:
    """The plot of every target of the first frame, of very many only the chosen one's."""
    frame = subject.first
    for target in (subject.chosen,) if subject.many else subject.names:
        ends = [(source, at) for source, at in subject.ends if at == target]
        rows = [
            (subject.edge_slot(*end), frame.edges.get(end), subject.brief[end[0]]) for end in ends
        ]
        if target in subject.ringed:
            rows.append((subject.ring_slot(target), frame.rings.get(target), "all together"))
        if rows:
            alone = frame.alone(target)
            margin = subject.content.design.margin.of(0.0 if math.isnan(alone) else alone)
            yield Plot(target, tuple(rows), margin)


def shapes(effect: ShownEffect | None) -> Mapping[str, str]:
    """The paths of an effect's intervals, seeds and mean by SHAPES, nothing where it has none."""
    if effect is None or math.isnan(effect.delta) or effect.verdict == "not_learned":
        return dict.fromkeys(SHAPES, "")
    mean = f"M{at(effect.delta)},0h0"
    return {
        "raw": _bar(effect.low, effect.high),
        "adj": _bar(effect.adjusted_low, effect.adjusted_high),
        "seeds": "".join(f"M{at(value)},-6h0" for value in effect.by_seed),
        **{"mean": mean, "core": mean},
    }


def at(value: float) -> str:
    """A place on the scale, to a hundredth of a point."""
    return f"{round(100 * value, 2) + 0.0:g}"


def view(limit: float, top: int, height: int) -> str:
    """The part of an effect's drawing that is seen, on a scale to this limit."""
    return f"{at(-_BEYOND * limit)} {top} {at(2 * _BEYOND * limit)} {height}"


def _bar(low: float, high: float) -> str:
    if math.isnan(low):
        return ""
    return f"M{at(low)},0H{at(high)}" + "".join(f"M{at(end)},-4v8" for end in (low, high))
