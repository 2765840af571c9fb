"""The transfer graph as the page draws it: where each node, ring, arc and label is.

Up to DRAWN tasks are boxes with their names on an ellipse; more are small shapes on a circle with
their names outside. Of very many tasks one is chosen, and stands once more in the middle with its
edges as spokes. What a frame changes, colour, width and words, is no part of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from transfer_study.figures.lettering import width
from transfer_study.figures.naming import Labels
from transfer_study.figures.outline import Points, expand, outline
from transfer_study.report.page.geometry import Arc, closed, number
from transfer_study.report.page.subject import DRAWN, Subject

_HALF = (62.0, 27.0)  # of a box, at least
_DOT = (13.0, 10.0)
_ROOM = (14.0, 20.0)  # around the graph
_RING, _GAP = 6.0, 3.0
_NAME_WIDTH, _NAME_SIZE, _LINE = 92.0, 13.0, 14.0  # of the name in a box
_NAME_LINES = 3  # at most
_RADII = {4: (265.0, 190.0), 8: (370.0, 275.0), DRAWN: (440.0, 350.0)}
_CIRCLE, _OUTSIDE = 330.0, 170.0  # of small shapes, and the least room for their names
_OUTSIDE_SIZE, _SCORE = 15.0, 64.0  # of a name's type there, and the room for its score
_HUB, _SPOKE_BOW = 58.0, 0.05  # half the width of the middle
_SPOKE_LABELS = {True: 0.2, False: 0.55}  # of edges to the middle, from it
_TRIES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73, 0.2, 0.8)
_LABEL = {True: (50.0, 17.0), False: (24.0, 9.0)}  # half sizes, with the interval and without


@dataclass(frozen=True)
class Node:
    """A task: outline and ring as SVG paths, its words and where they stand."""

    name: str
    path: str
    ring: str | None
    lines: tuple[str, ...]
    x: str
    y: str
    label_y: str  # of the ring's number
    turn: str = ""  # of a name outside
    anchor: str = "middle"


@dataclass(frozen=True)
class Edge:
    """An arc as SVG paths, and the middle of its label."""

    slot: int
    source: str
    target: str
    shaft: str
    head: str
    x: str
    y: str
    spoke: str | None = None  # the task at its outer end
    inwards: bool = False


@dataclass(frozen=True, eq=False)
class Drawing:
    """The graph of a study's tasks."""

    subject: Subject

    @property
    def hub(self) -> str:
        """Half the width of the middle."""
        return number(_HUB)

    @property
    def boxed(self) -> bool:
        """Whether nodes are boxes with names inside."""
        return len(self.subject.names) <= DRAWN

    @property
    def detailed(self) -> bool:
        """Whether every edge has its number and interval."""
        return len(self.subject.names) <= 4

    @cached_property
    def box(self) -> str:
        """The view box: all that is drawn, with a little room."""
        shapes = [self._reach(name) for name in self.subject.names]
        shapes += [arc.at(np.linspace(0, 1, 9)) for arc in self._arcs.values()]
        points = np.concatenate(shapes)
        room = np.array(_ROOM if self.boxed else (self._outside, self._outside))
        low, high = points.min(axis=0) - room, points.max(axis=0) + room
        return " ".join(map(number, (*low, *(high - low))))

    @property
    def _outside(self) -> float:
        """The room for names, and their scores, around a circle of small shapes."""
        longest = max(width(name, _OUTSIDE_SIZE, bold=True) for name in self.subject.brief.values())
        return max(_OUTSIDE, longest + _SCORE)

    @cached_property
    def nodes(self) -> list[Node]:
        """The nodes in their order on the circle, clockwise from the top."""
        names = sorted(self.subject.names, key=self._clock)
        return [self._box(name) if self.boxed else self._dot(name) for name in names]

    @cached_property
    def edges(self) -> list[Edge]:
        """The arcs, the weakest first so that the strongest lie on top; of very many, the spokes.

        Every task has two spokes, those of the chosen one too, which stay hidden.
        """
        if self.subject.many:
            return [
                self._spoke(name, inwards=inwards)
                for name in self.subject.names
                for inwards in (True, False)
            ]
        labels = self._labels()
        return [
            self._edge(ends, self._arcs[ends], labels[ends])
            for ends in sorted(self._arcs, key=self._strength)
        ]

    def _edge(
        self,
        ends: tuple[str, str],
        arc: Arc,
        label: Points,
        spoke: str | None = None,
        *,
        inwards: bool = False,
    ) -> Edge:
        slot = self.subject.edge_slot(*ends)
        shaft, head = arc.headed()
        x, y = map(number, label.tolist())
        return Edge(slot, *ends, shaft, head, x, y, spoke, inwards)

    @cached_property
    def _arcs(self) -> dict[tuple[str, str], Arc]:
        if self.subject.many:
            return {}
        return {ends: self._arc(*ends) for ends in self.subject.ends}

    @property
    def _radii(self) -> tuple[float, float]:
        if not self.boxed:
            return _CIRCLE, _CIRCLE
        return next(radii for most, radii in _RADII.items() if len(self.subject.names) <= most)

    @cached_property
    def _half(self) -> tuple[float, float]:
        """Half the size that holds every name."""
        names = self._lines.values()
        widest = max(width(line, _NAME_SIZE, bold=True) for lines in names for line in lines)
        most = max(map(len, names))
        return max(_HALF[0], 0.5 * widest + 14.0), _HALF[1] + _LINE / 2 * max(most - 2, 0)

    @cached_property
    def _lines(self) -> Labels:
        return self.subject.cut(_NAME_WIDTH, _NAME_SIZE, _NAME_LINES, bold=True)

    def _centre(self, name: str) -> Points:
        x, y = self.subject.places[name]
        return np.array([x, -y]) * self._radii

    def _clock(self, name: str) -> float:
        x, y = self.subject.places[name]
        return math.atan2(x, y) % (2 * math.pi)

    def _outline(self, name: str) -> Points:
        half = self._half if self.boxed else _DOT
        return outline(str(self.subject.tasks[name]["kind"]), *half) + self._centre(name)

    def _reach(self, name: str) -> Points:
        shape = self._outline(name)
        ring = _RING if name in self.subject.ringed else 0.0
        return expand(shape, ring + _GAP)

    def _ring(self, name: str) -> str | None:
        if name not in self.subject.ringed:
            return None
        return closed(expand(self._outline(name), _RING))

    def _box(self, name: str) -> Node:
        x, y = self._centre(name).tolist()
        lines = self._lines[name]
        below = y + self._half[1] + _RING + 3.5
        where = (number(x), number(y), number(below))
        return Node(name, closed(self._outline(name)), self._ring(name), lines, *where)

    def _dot(self, name: str) -> Node:
        centre = self._centre(name)
        degrees = math.degrees(math.atan2(centre[1], centre[0]))
        out = centre * (1 + 28.0 / _CIRCLE)
        left = abs(degrees) > 90
        turn = f"rotate({number(degrees - 180 if left else degrees)},{','.join(map(number, out))})"
        x, y = map(number, out.tolist())
        ends = (closed(self._outline(name)), self._ring(name), (self.subject.brief[name],), x, y, y)
        return Node(name, *ends, turn, "end" if left else "start")

    def _arc(self, source: str, target: str) -> Arc:
        arc = Arc.between(self._centre(source), self._centre(target))
        return arc.outside(self._reach(source), self._reach(target))

    def _spoke(self, name: str, *, inwards: bool) -> Edge:
        """The edge between a task and the middle, where any task may stand."""
        hub = self.subject.chosen
        ends = (name, hub) if inwards else (hub, name)
        points = [self._centre(name), np.zeros(2)]
        shapes = [self._reach(name), expand(outline("regression", _HUB, _HUB), _GAP)]
        if not inwards:
            points, shapes = points[::-1], shapes[::-1]
        arc = Arc.between(points[0], points[1], bow=_SPOKE_BOW).outside(shapes[0], shapes[1])
        return self._edge(ends, arc, arc.at(_SPOKE_LABELS[inwards]), name, inwards=inwards)

    def _strength(self, ends: tuple[str, str]) -> float:
        effect = self.subject.first.edges.get(ends)
        if effect is None or math.isnan(effect.delta):
            return 0.0
        return abs(effect.delta) + (effect.verdict in ("gain", "loss"))

    def _labels(self) -> dict[tuple[str, str], Points]:
        """A place on each arc, free of nodes and of stronger edges' labels as far as there is."""
        arcs = self._arcs
        if not self.boxed:
            return {ends: arc.at(0.5) for ends, arc in arcs.items()}
        half = np.array(_LABEL[self.detailed])
        taken = [(self._centre(name), np.array(self._half) + _RING) for name in self.subject.names]
        places = {}
        for ends in sorted(arcs, key=self._strength, reverse=True):
            tries = [arcs[ends].at(share) for share in _TRIES]
            place = min(tries, key=lambda p: round(_overlap(p, half, taken), 3))
            taken.append((place, half))
            places[ends] = place
        return places


def _overlap(place: Points, half: Points, taken: list[tuple[Points, Points]]) -> float:
    """The area of a label that others have already."""
    shared = [half + other - np.abs(place - centre) for centre, other in taken]
    return float(sum(s.prod() for s in shared if (s > 0).all()))
