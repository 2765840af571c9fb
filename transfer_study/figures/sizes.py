"""Effects over the training size of their targets: a panel an edge, laid out as the heat map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import networkx as nx
import numpy as np
from matplotlib.figure import Figure
from matplotlib.path import Path

from transfer_study.analysis.graph.graph import effects_of, number_of, tasks_of
from transfer_study.figures import palette
from transfer_study.figures.canvas import MARGIN, PAGE, Canvas, house_style
from transfer_study.figures.edge import COLLAPSED, draw_mark
from transfer_study.figures.geometry.outline import outline
from transfer_study.figures.legend import (
    Entry,
    Row,
    collapsed_row,
    draw_foot,
    draw_title,
)
from transfer_study.figures.lettering import SMALL, height, width, wrap_name
from transfer_study.figures.naming import fit_names, numbers_of, one_line
from transfer_study.figures.palette import VERDICTS, VerdictStyle
from transfer_study.points import axis_number, points

_MIX, _MIX_NAME = "+", "all the others"
_PANEL = np.array([92.0, 64.0])
_STEP = 28.0  # the least distance of two sizes, which stand side by side in order
_BAND = "#E2E2E2"
_NICE = (1, 2, 5, 10, 20, 50, 100, 200)  # points of score
_NAMES, _LINES = 104.0, 4


@dataclass(frozen=True)
class _Effect:
    """An effect at one size, in points of score."""

    verdict: VerdictStyle
    delta: float
    low: float
    high: float
    collapsed: bool


_Edges = dict[tuple[str, str], dict[int, _Effect]]


def draw_sizes(graphs: Mapping[int, nx.DiGraph[str]], *, title: str, caption: str) -> Figure:
    """Draw every delta with its interval over the sizes of its target.

    Takes graphs of `analysis.graph.build_graph` by their size, which ascends; what has no edge or
    ring in any of them is left out.
    """
    with house_style():
        grid = _Grid(graphs)
        canvas = Canvas(max(PAGE, grid.width + 2 * MARGIN))
        y = draw_title(canvas, title)
        grid.draw(canvas, (canvas.width - grid.width) / 2, y)
        y = y + grid.height + 14.0
        numbers = numbers_of(next(iter(graphs.values())))
        return draw_foot(canvas, y, grid.legend(), caption, grid.labels, numbers).figure()


class _Grid:
    """The panels, first measured, then drawn."""

    def __init__(self, graphs: Mapping[int, nx.DiGraph[str]]) -> None:
        self._sizes = list(graphs)
        self._edges = _effects(graphs)
        self._alone = {
            name: {size: number_of(graph.nodes[name]) for size, graph in graphs.items()}
            for name in tasks_of(next(iter(graphs.values())))
        }
        sources, targets = ({ends[i] for ends in self._edges} for i in (0, 1))
        # A target has a row of its own, effects in it or not, for its scores.
        self._rows = [name for name in (*self._alone, _MIX) if name in sources | targets]
        self._columns = [name for name in self._alone if name in targets]
        self._panel = np.maximum(_PANEL, [_STEP * len(graphs) + 16.0, 0.0])
        self._reach = _reach(self._edges)
        graph = next(iter(graphs.values()))
        fitted = fit_names(numbers_of(graph), float(self._panel[0]) - 6, SMALL, lines=_LINES)
        self.labels = {name: fitted[name] for name in self._alone if name in sources | targets}
        self._heads = {name: fitted[name] for name in self._columns}
        self._labels = {
            name: wrap_name(_MIX_NAME if name == _MIX else one_line(fitted[name]), _NAMES, SMALL)
            for name in self._rows
        }
        lines = [line for label in self._labels.values() for line in label]
        self._names = max(width(line, SMALL, bold=True) for line in lines) + 10.0
        self._ticks = (
            max(width(axis_number(value / 100), SMALL) for value in self._tick_values()) + 8.0
        )
        self._top = height(max(map(len, self._heads.values())), SMALL) + 6.0
        across, down = len(self._columns), len(self._rows)
        self.width = float(self._names + self._ticks + across * self._panel[0])
        self.height = float(self._top + down * self._panel[1] + 16.0)

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        """Draw with the upper left corner at x, y; panels have the gid `panel:A->B`."""
        origin = np.array([x + self._names + self._ticks, y + self._top])
        for j, target in enumerate(self._columns):
            middle = float(origin[0] + (j + 0.5) * self._panel[0])
            start = float(origin[1]) - 4.0 - height(len(self._heads[target]), SMALL)
            canvas.lines(middle, start, self._heads[target], align="center", gid=f"column:{target}")
        for i, source in enumerate(self._rows):
            middle = float(origin[1] + (i + 0.5) * self._panel[1])
            lines = self._labels[source]
            canvas.lines(
                x + self._names - 10.0,
                middle - height(len(lines), SMALL) / 2,
                lines,
                bold=source == _MIX,
                align="right",
                gid=f"row:{source}",
            )
            for value in self._tick_values():
                canvas.text(
                    float(origin[0]) - 5.0,
                    middle - self._rise(value),
                    axis_number(value / 100),
                    colour=palette.MUTED,
                    align="right",
                )
            for j, target in enumerate(self._columns):
                corner = origin + self._panel * (j, i)
                self._draw_panel(canvas, corner, source, target)
        low = float(origin[1] + len(self._rows) * self._panel[1])
        for j in range(len(self._columns)):
            for size in self._sizes:
                at = float(origin[0] + j * self._panel[0]) + self._across(size)
                canvas.text(at, low + 8.0, str(size), colour=palette.MUTED, align="center")

    def _draw_panel(
        self, canvas: Canvas, corner: np.ndarray[Any, Any], source: str, target: str
    ) -> None:
        name = f"{source}->{target}"
        (left, top), (wide, high) = corner.tolist(), self._panel.tolist()
        frame = [(left, top), (left + wide, top), (left + wide, top + high), (left, top + high)]
        middle = top + high / 2
        canvas.shape(frame, line=palette.HAIRLINE, width=0.6, gid=f"panel:{name}", layer=3.5)
        if source == target:
            self._draw_scores(canvas, left, middle, target)
            return
        canvas.shape(
            [(left, middle), (left + wide, middle)],
            line=palette.HAIRLINE,
            width=0.6,
            closed=False,
            layer=2.5,
        )
        effects = self._edges.get((source, target), {})
        known = [size for size in effects if not math.isnan(effects[size].delta)]
        for run in _runs([s for s in known if not math.isnan(effects[s].low)], self._sizes):
            bounds = [
                [(left + self._across(s), middle - self._rise(bound)) for s, bound in ends]
                for ends in (
                    [(s, effects[s].low) for s in run],
                    [(s, effects[s].high) for s in reversed(run)],
                )
            ]
            alone = len(run) == 1  # a bar, for a band would have no breadth
            canvas.shape(
                [*bounds[0], *bounds[1]],
                fill=None if alone else _BAND,
                line=_BAND,
                width=3.0 if alone else 0.6,
                gid=f"band:{name}",
                layer=2.0,
            )
        for run in _runs(known, self._sizes):
            canvas.shape(
                [(left + self._across(s), middle - self._rise(effects[s].delta)) for s in run],
                line=palette.MUTED,
                width=1.0,
                codes=[int(Path.MOVETO), *[int(Path.LINETO)] * (len(run) - 1)],
                closed=False,
                gid=f"line:{name}",
                layer=3.0,
            )
        for size, effect in effects.items():
            rise = 0.0 if math.isnan(effect.delta) else self._rise(effect.delta)
            at = left + self._across(size), middle - rise
            _draw_verdict(canvas, *at, effect.verdict, f"{name}@{size}")
            if effect.collapsed:
                canvas.text(at[0] + 5.0, at[1] - 4.0, COLLAPSED, gid=f"collapsed:{name}@{size}")

    def _draw_scores(self, canvas: Canvas, left: float, middle: float, target: str) -> None:
        """In place of an effect on itself: the score that effects are added to, at each size."""
        for size, score in self._alone[target].items():
            at = left + self._across(size)
            canvas.text(at, middle, points(score), align="center", gid=f"score:{target}")

    def _across(self, size: int) -> float:
        n = len(self._sizes)
        return float(self._panel[0] * (self._sizes.index(size) + 0.5) / n)

    def _rise(self, value: float) -> float:
        """How high above the line of no effect; beyond the scale, at its end."""
        room = float(self._panel[1]) / 2 - 6.0
        return max(-1.0, min(1.0, value / self._reach)) * room

    def _tick_values(self) -> tuple[float, ...]:
        return -self._reach, 0.0, self._reach

    def legend(self) -> list[Row]:
        """What rows, marks and bands mean."""
        present = {e.verdict.word for edge in self._edges.values() for e in edge.values()}
        shown = [v for v in VERDICTS.values() if v.word in present or not v.mark]
        collapsed = any(e.collapsed for edge in self._edges.values() for e in edge.values())
        verdicts = [Entry(v.word, 10.0, _mark_sample(v)) for v in shown]
        across = "training examples of the target, at most; not to scale"
        up = "change of its score in points, cut at the ends of the scale"
        band = Entry("adjusted 95% interval", 20.0, _band_sample)
        return [
            ("Panel", [Entry("row: trained with; column: effect on"), Entry("number: its score")]),
            ("Across", [Entry(across)]),
            ("Up", [Entry(up), band]),
            ("Verdict", verdicts),
            collapsed_row(collapsed),
        ]


def _effects(graphs: Mapping[int, nx.DiGraph[str]]) -> _Edges:
    edges: _Edges = {}
    for size, graph in graphs.items():
        for ends, effect in effects_of(graph).items():
            edges.setdefault(ends, {})[size] = _effect(effect)
        for name, task in tasks_of(graph).items():
            if "full_verdict" in task:
                edges.setdefault((_MIX, name), {})[size] = _effect(task, "full_")
    return edges


def _effect(effect: Mapping[str, Any], prefix: str = "") -> _Effect:
    delta, low, high = (
        100 * float(effect[f"{prefix}{key}"]) for key in ("delta", "adjusted_low", "adjusted_high")
    )
    verdict = VERDICTS[effect[f"{prefix}verdict"]]
    return _Effect(verdict, delta, low, high, bool(effect[f"{prefix}collapsed"]))


def _reach(edges: _Edges) -> float:
    """The end of the scale: all deltas are on it, and most intervals."""
    every = [effect for edge in edges.values() for effect in edge.values()]
    deltas = [abs(e.delta) for e in every if not math.isnan(e.delta)]
    bounds = [abs(b) for e in every for b in (e.low, e.high) if not math.isnan(b)]
    largest = max([*deltas, float(np.quantile(bounds, 0.75)) if bounds else 0.0, 0.0])
    return float(next((nice for nice in _NICE if nice >= largest), _NICE[-1]))


def _runs(sizes: list[int], every: list[int]) -> list[list[int]]:
    """The sizes in runs of neighbours, so that nothing is drawn across a gap."""
    places = [(every.index(size) - i, size) for i, size in enumerate(sizes)]
    return [[size for _, size in run] for _, run in groupby(places, key=lambda place: place[0])]


def _draw_verdict(canvas: Canvas, x: float, y: float, verdict: VerdictStyle, name: str) -> None:
    """A gain points up, a loss down; what is equivalent is full and what is undecided hollow."""
    at = np.array([x, y])
    if verdict.mark:
        draw_mark(canvas, at, verdict, name=name)
        return
    if verdict.coloured:
        up = 1.0 if verdict.word == "gain" else -1.0
        shape = np.array([(0.0, -4.2), (4.2, 3.2), (-4.2, 3.2)]) * (1.0, up)
    else:
        shape = outline("regression", 2.8, 2.8)
    fill = verdict.colour if verdict.filled else palette.WHITE
    canvas.shape(
        shape + at, fill=fill, line=verdict.colour, width=1.1, gid=f"mark:{name}", layer=4.0
    )


def _mark_sample(verdict: VerdictStyle) -> Any:
    def draw(canvas: Canvas, x: float, y: float) -> None:
        _draw_verdict(canvas, x + 5.0, y, verdict, "sample")

    return draw


def _band_sample(canvas: Canvas, x: float, y: float) -> None:
    canvas.shape([(x, y - 5), (x + 20, y - 5), (x + 20, y + 5), (x, y + 5)], fill=_BAND)
