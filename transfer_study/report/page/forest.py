"""The forest plot: every effect on a target as a row, on one scale."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from transfer_study.points import axis_number
from transfer_study.report.page.frames import Effect
from transfer_study.report.page.scale import limit_of
from transfer_study.report.page.subject import Subject

WIDTH, LEFT, HALF, ROW, TOP = 760, 180, 190, 26, 26  # of a target's plot
CENTRE = LEFT + HALF


@dataclass(frozen=True)
class Row:
    """An effect by the SVG paths of its intervals and seeds."""

    slot: int
    effect: Effect | None  # None for what only another frame has
    name: str
    y: int
    raw: str
    adjusted: str
    seeds: str
    x: str


@dataclass(frozen=True)
class Plot:
    """The effects on one target, and the band of its margin."""

    target: str
    rows: tuple[Row, ...]
    height: int
    band: tuple[str, str]  # left end and width
    ticks: tuple[tuple[str, str], ...]  # place and number


def plots(subject: Subject) -> Iterator[Plot]:
    """The plot of every target of the first frame, of very many only the chosen one's."""
    frame = subject.first
    targets = (subject.chosen,) if subject.many else subject.names
    limit = limit_of(frame, subject.content.study.margin)
    for target in targets:
        ends = [(source, at) for source, at in subject.ends if at == target]
        slots = [
            (subject.edge_slot(*end), frame.edges.get(end), subject.brief[end[0]]) for end in ends
        ]
        if target in subject.ringed:
            ring = frame.rings.get(target)
            slots.append((subject.ring_slot(target), ring, "all together"))
        if not slots:
            continue
        rows = tuple(
            _row(slot, effect, name, TOP + ROW * n + ROW // 2, limit)
            for n, (slot, effect, name) in enumerate(slots)
        )
        alone = frame.alone(target)
        margin = subject.content.study.margin.of(0.0 if math.isnan(alone) else alone)
        left, right = (place(end, limit) for end in (-margin, margin))
        yield Plot(
            target,
            rows,
            TOP + ROW * len(rows) + 4,
            (number(left), number(right - left)),
            tuple((number(place(t, limit)), axis_number(t)) for t in ticks(limit)),
        )


def ticks(limit: float) -> list[float]:
    """The numbers on the scale."""
    return [-limit, -limit / 2, 0.0, limit / 2, limit]


def place(value: float, limit: float) -> float:
    """Where a value stands; what is off the scale stands at its end."""
    return CENTRE + HALF * max(-1.0, min(1.0, value / limit))


def number(value: float) -> str:
    """A coordinate to a tenth, as short as it can be."""
    return f"{round(value, 1) + 0.0:g}"


def _row(slot: int, effect: Effect | None, name: str, y: int, limit: float) -> Row:
    if effect is None or math.isnan(effect.delta) or effect.verdict == "not_learned":
        return Row(slot, effect, name, y, "", "", "", "")
    return Row(
        slot,
        effect,
        name,
        y,
        _line(effect.low, effect.high, limit),
        _line(effect.adjusted_low, effect.adjusted_high, limit),
        "".join(f"M{number(place(value, limit))},-6h0" for value in effect.by_seed),
        number(place(effect.delta, limit)),
    )


def _line(low: float, high: float, limit: float) -> str:
    if math.isnan(low):
        return ""
    left, right = place(low, limit), place(high, limit)
    # An end off the scale has no bar across.
    bars = [f"M{number(x)},-4v8" for x, end in ((left, low), (right, high)) if abs(end) <= limit]
    return f"M{number(left)},0H{number(right)}{''.join(bars)}"
