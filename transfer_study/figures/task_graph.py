"""The graph of one task: what the others do to it on the left, what it does to them on the right.

A row a task; rows are sorted by the effect, so that the best is on top and what has none below.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
from matplotlib.figure import Figure

from transfer_study.analysis.graph.graph import effects_of, tasks_of
from transfer_study.errors import StudyError
from transfer_study.figures import palette
from transfer_study.figures.canvas import MARGIN, PAGE, Canvas, house_style
from transfer_study.figures.edge import draw_edge, label_of
from transfer_study.figures.geometry.arc import Arc, bowed, visible
from transfer_study.figures.geometry.outline import Points, expand, outline
from transfer_study.figures.legend import (
    draw_foot,
    draw_title,
    edge_rows,
    node_rows,
)
from transfer_study.figures.lettering import BODY, SMALL, height, width
from transfer_study.figures.naming import fit_names, numbers_of, one_line
from transfer_study.figures.node import half_height, half_width, score_line
from transfer_study.figures.palette import VERDICTS, bin_limits, bin_width
from transfer_study.figures.sheet import Sheet
from transfer_study.study.spelling import choices

_ROW = 21.0
_HALF = 7.5  # of a partner's height
_INSIDE = 2 * 0.86  # how much of an ellipse is as high as its text
_PARTNER = 170.0  # the width of a partner's name, at most
_SHAFT = 92.0  # from a partner to the task, at least
_FAN = 0.72  # the height of the task as a share of its partners'
_AIM = 0.6  # likewise of where edges are aimed at in it
_AIR = 6.0
_GAP = 2.5  # from a node to the ends of its edges


@dataclass(frozen=True)
class _Side:
    """The partners of a task on one side, from top to bottom, with the effects between them."""

    heading: str
    effects: Mapping[str, Mapping[str, Any]]
    incoming: bool

    @property
    def words(self) -> float:
        """The width of the widest label."""
        return max((_label_width(effect) for effect in self.effects.values()), default=0.0)


@dataclass(frozen=True, eq=False)
class _Centre:
    """The task itself: where its middle is, half its width, and the height of its partners."""

    task: str
    middle: Points
    half: float
    tall: float


def most_decided(graph: nx.DiGraph[str]) -> str:
    """The task with most gains and losses, on it or by it; of equals the first by name."""
    decided = dict.fromkeys(sorted(graph), 0)
    for ends, effect in effects_of(graph).items():
        for name in ends:
            decided[name] += VERDICTS[effect["verdict"]].coloured
    return max(decided, key=decided.__getitem__)


def draw_task_graph(
    graph: nx.DiGraph[str], task: str, *, title: str = "", caption: str = ""
) -> Figure:
    """Draw all edges into a task and out of it, each with its number and interval.

    Takes a graph of `analysis.graph.build_graph` of any size; raises StudyError for a task that is
    not in it.
    """
    with house_style():
        return lay_out_task(graph, task, title, caption).figure()


def lay_out_task(graph: nx.DiGraph[str], task: str, title: str = "", caption: str = "") -> Sheet:
    """The sheet of `draw_task_graph`."""
    if task not in graph:
        raise StudyError(f"found no task {task!r} in the graph; {choices(task, list(graph))}")
    around = _around(graph, task)
    into = {a: effect for (a, b), effect in effects_of(around).items() if b == task}
    out = {b: effect for (a, b), effect in effects_of(around).items() if a == task}
    sides = (
        _Side("effect on it of", _sorted(into), incoming=True),
        _Side("its effect on", _sorted(out), incoming=False),
    )
    names = [name for side in sides for name in side.effects]
    labels = _partner_labels(graph)
    half = max((width(labels[name], SMALL) for name in names), default=40.0) / _INSIDE + 9.0
    own = _own_half(graph, task)
    wings = max(side.words for side in sides) + _AIR + 2 * half + _SHAFT
    canvas = Canvas(max(PAGE, 2 * (wings + own + MARGIN)))
    y = draw_title(canvas, title) + 6.0
    rows = max(len(side.effects) for side in sides)
    tall = max(rows * _ROW, 2 * _own_height(graph, task) / _FAN, 60.0)
    centre = _Centre(task, np.array([canvas.width / 2, y + 14.0 + tall / 2]), own, tall)
    effects = effects_of(around).values()
    limits = bin_limits(e["delta"] for e in effects if VERDICTS[e["verdict"]].coloured)
    for side in sides:
        _draw_side(canvas, around, centre, side, half, limits)
    _draw_own(canvas, around, centre)
    legend = [*edge_rows(around, limits), *node_rows(around)]
    shown = {task: _own_lines(graph, task), **{name: (labels[name],) for name in names}}
    low = float(centre.middle[1]) + tall / 2 + 16.0
    return draw_foot(canvas, low, legend, caption, shown, numbers_of(graph))


def _around(graph: nx.DiGraph[str], task: str) -> nx.DiGraph[str]:
    """The task with its edges and the tasks at their other ends, without rings."""
    around: nx.DiGraph[str] = nx.DiGraph(**graph.graph)
    edges = {ends: effect for ends, effect in effects_of(graph).items() if task in ends}
    near = {task, *(name for ends in edges for name in ends)}
    for name, about in tasks_of(graph).items():
        if name in near:
            around.add_node(name, **{k: v for k, v in about.items() if not k.startswith("full_")})
    for ends, effect in edges.items():
        around.add_edge(*ends, **effect)
    return around


def _sorted(effects: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    def rank(name: str) -> tuple[bool, float, str]:
        delta = effects[name]["delta"]
        return math.isnan(delta), 0.0 if math.isnan(delta) else -delta, name

    return {name: effects[name] for name in sorted(effects, key=rank)}


def _partner_labels(graph: nx.DiGraph[str]) -> dict[str, str]:
    fitted = fit_names(numbers_of(graph), _PARTNER, SMALL)
    return {name: one_line(label) for name, label in fitted.items()}


def _own_lines(graph: nx.DiGraph[str], task: str) -> tuple[str, ...]:
    number = numbers_of(graph)[task]
    return fit_names({task: number}, 110.0, BODY, lines=4, bold=True)[task]


def _own_half(graph: nx.DiGraph[str], task: str) -> float:
    return half_width(graph.nodes[task], _own_lines(graph, task), BODY)


def _own_height(graph: nx.DiGraph[str], task: str) -> float:
    """Half the height that holds the task's text."""
    return half_height(_own_lines(graph, task), BODY)


def _label_width(effect: Mapping[str, Any]) -> float:
    label = label_of(effect)
    return width(label.number, SMALL, bold=True) + 4.0 + width(label.detail, SMALL)


def _draw_side(
    canvas: Canvas,
    graph: nx.DiGraph[str],
    centre: _Centre,
    side: _Side,
    half: float,
    limits: tuple[float, float],
) -> None:
    task, middle, tall = centre.task, centre.middle, centre.tall
    fills = palette.domain_fills(t["domain"] for t in tasks_of(graph).values())
    sign = -1.0 if side.incoming else 1.0
    at = float(middle[0]) + sign * (canvas.width / 2 - MARGIN - side.words - _AIR - half)
    heading = float(middle[1]) - tall / 2 - 12.0
    canvas.text(at, heading, side.heading, bold=True, align="center", gid="heading")
    labels = _partner_labels(graph)
    rows = len(side.effects)
    for i, (name, effect) in enumerate(side.effects.items()):
        share = (i + 0.5) / rows - 0.5
        there = np.array([at, float(middle[1]) + share * rows * _ROW])
        shape = outline(graph.nodes[name]["kind"], half, _HALF) + there
        gid = f"{name}:{'in' if side.incoming else 'out'}"
        canvas.shape(
            shape,
            fill=fills[graph.nodes[name]["domain"]],
            line=palette.NODE_LINE,
            width=0.8,
            gid=f"node:{gid}",
            layer=4.5,
        )
        canvas.text(at, float(there[1]), labels[name], align="center", gid=f"name:{gid}")
        verdict = VERDICTS[effect["verdict"]]
        wide = bin_width(effect["delta"], limits) if verdict.coloured else verdict.width
        # Aimed inside the task, so that the edge ends on its outline whatever its shape.
        here = middle + np.array([sign * centre.half / 2, share * _AIM * tall])
        arc = bowed(here, there - np.array([sign * half, 0.0]), 0.0)
        arc = visible(arc, expand(_own_outline(graph, centre), _GAP), shape)
        arc = arc.shortened(_GAP)
        edge = (task, name)
        if side.incoming:
            arc, edge = Arc(arc.points[::-1]), (name, task)
        draw_edge(canvas, arc, verdict, wide, name="->".join(edge))
        outer = float(there[0]) + sign * (half + _AIR)
        _draw_words(canvas, outer, float(there[1]), effect, "->".join(edge), sign)


def _draw_words(
    canvas: Canvas, x: float, y: float, effect: Mapping[str, Any], name: str, sign: float
) -> None:
    """The number and the interval, outwards from x."""
    label, verdict = label_of(effect), VERDICTS[effect["verdict"]]
    number = width(label.number, SMALL, bold=True) + (4.0 if label.detail else 0.0)
    detail = width(label.detail, SMALL)
    left = x if sign > 0 else x - number - detail
    canvas.text(
        left, y, label.number, bold=verdict.coloured, colour=verdict.text, gid=f"label:{name}"
    )
    if label.detail:
        colour = palette.INK if verdict.coloured else palette.MUTED
        canvas.text(left + number, y, label.detail, colour=colour, gid=f"interval:{name}")


def _own_outline(graph: nx.DiGraph[str], centre: _Centre) -> Points:
    kind = graph.nodes[centre.task]["kind"]
    return outline(kind, centre.half, _FAN * centre.tall / 2) + centre.middle


def _draw_own(canvas: Canvas, graph: nx.DiGraph[str], centre: _Centre) -> None:
    task, middle = centre.task, centre.middle
    about = graph.nodes[task]
    fill = palette.domain_fills(t["domain"] for t in tasks_of(graph).values())[about["domain"]]
    canvas.shape(
        _own_outline(graph, centre),
        fill=fill,
        line=palette.NODE_LINE,
        width=1.2,
        gid=f"node:{task}",
        layer=4.5,
    )
    lines = _own_lines(graph, task)
    top = float(middle[1]) - (height(len(lines), BODY) + height(1, SMALL)) / 2
    x = float(middle[0])
    low = canvas.lines(x, top, lines, size=BODY, bold=True, align="center", gid=f"name:{task}")
    canvas.text(
        x, low + height(1, SMALL) / 2, score_line(about), align="center", gid=f"score:{task}"
    )
