"""The graph on the page: where nodes, curves and labels stand, before anything is drawn.

Type keeps its size; the circle grows until nothing overlaps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx
import numpy as np

from transfer_study.analysis.graph.graph import effects_of, tasks_of
from transfer_study.figures import palette
from transfer_study.figures.edge import MARK, EdgeShape, Label, head_outline, label_of
from transfer_study.figures.geometry.arc import Arc
from transfer_study.figures.geometry.detail import Detail, detail_for
from transfer_study.figures.geometry.outline import Points
from transfer_study.figures.geometry.placement import (
    Boxes,
    Placement,
    box_of,
    boxes_around,
    overlapping,
    place_labels,
)
from transfer_study.figures.geometry.routing import Routes, route
from transfer_study.figures.geometry.settle import FORBIDDEN
from transfer_study.figures.naming import Labels, fit_names, numbers_of
from transfer_study.figures.node import Node, half_height, half_width
from transfer_study.figures.palette import VERDICTS, bin_limits, bin_width

_GROWTH = 1.05
_ATTEMPTS, _FEW_ATTEMPTS = 40, 6
_LARGER = 12.0  # what growing costs, in the prices of placement
_FAINT = 0.2  # of a faint edge, when a label must cover one


@dataclass(frozen=True, eq=False)
class Scene:
    """Nodes, edges and the centres of labels, in points around an origin; y points down."""

    nodes: Mapping[str, Node]
    edges: Sequence[EdgeShape]
    arcs: Mapping[str, Arc]  # by the names of the edges, as are the centres of their labels
    centres: Mapping[str, Points]
    limits: tuple[float, float]  # of the bins of width
    clear: bool  # whether nothing overlaps

    @property
    def labels(self) -> Labels:
        """The lines of every task's name."""
        return {name: node.lines for name, node in self.nodes.items()}

    @property
    def has_intervals(self) -> bool:
        """Whether any edge or ring has its interval."""
        edges = any(edge.label and edge.label.detail for edge in self.edges)
        return edges or any(node.has_ring and not node.brief for node in self.nodes.values())

    @property
    def box(self) -> Boxes:
        """The one box, (1, 4), around everything."""
        labels = [
            boxes_around(self.centres[edge.name][None], np.array([edge.label.size]) + 5)
            for edge in self.edges
            if edge.label
        ]
        curves = [box_of(arc.at(np.linspace(0, 1, 40))) for arc in self.arcs.values()]
        boxes = np.vstack([*(node.boxes for node in self.nodes.values()), *labels, *curves])
        return np.hstack([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])[None, :]


def compose(graph: nx.DiGraph[str], detail: Detail | None = None) -> Scene:
    """Place everything that is drawn of a graph of up to twelve tasks, in a detail or its own."""
    detail = detail or detail_for(len(graph))
    effects = effects_of(graph).values()
    limits = bin_limits(d["delta"] for d in effects if VERDICTS[d["verdict"]].coloured)
    return arrange(graph, _edges(graph, detail, limits), detail, limits)


def compose_narrow(graph: nx.DiGraph[str], detail: Detail) -> Scene | None:
    """Likewise no wider than a narrow detail; None where it has no room for tasks side by side."""
    if _smallest_radii(_nodes(graph, detail), detail) is None:
        return None  # edges between tasks that cover one another have no way to go
    return compose(graph, detail)


def arrange(
    graph: nx.DiGraph[str],
    edges: Sequence[EdgeShape],
    detail: Detail,
    limits: tuple[float, float] = (0.0, 0.0),
) -> Scene:
    """Place a graph's tasks, these edges and their labels; `limits` are of the bins of width."""
    routes, placement, clear = _arrange(_nodes(graph, detail), edges, detail)
    names = [edge.name for edge in edges if edge.label]
    centres = dict(zip(names, placement.centres, strict=True))
    return Scene(routes.nodes, edges, routes.arcs, centres, limits, clear)


def _arrange(
    nodes: Mapping[str, Node], edges: Sequence[EdgeShape], detail: Detail
) -> tuple[Routes, Placement, bool]:
    """Try larger and larger circles, while a larger one may still be the better figure."""
    first = _smallest_radii(nodes, detail)
    if first is None:
        raise ValueError("the tasks have no room side by side; see compose_narrow")
    found: list[tuple[float, Routes, Placement]] = []
    for attempt in range(_FEW_ATTEMPTS if detail.narrow else _ATTEMPTS):
        larger = _LARGER * attempt**1.5
        if found and larger >= found[0][0]:
            break
        radii = first * np.power(_GROWTH, [0.0 if detail.narrow else attempt, attempt])
        routes = route({name: node.at(radii) for name, node in nodes.items()}, edges, detail.bow)
        placement = _labels(routes, edges)
        price = larger + placement.price + (0.0 if routes.free else FORBIDDEN)
        if not found or price < found[0][0]:
            found = [(price, routes, placement)]
    price, routes, placement = found[0]
    return routes, placement, price < FORBIDDEN


def name_lines(graph: nx.DiGraph[str], detail: Detail) -> Labels:
    """What stands in each node."""
    return fit_names(
        numbers_of(graph),
        detail.name_limit,
        detail.name_size,
        lines=detail.name_lines,
        bold=True,
    )


def _nodes(graph: nx.DiGraph[str], detail: Detail) -> dict[str, Node]:
    tasks = tasks_of(graph)
    lines = name_lines(graph, detail)
    halves = {n: half_width(task, lines[n], detail.name_size) for n, task in tasks.items()}
    # Not of one width, where one long name would blow all of them up, but not too unlike either.
    least = 0.7 * max(halves.values())
    return {
        name: Node(
            name,
            task,
            lines[name],
            np.zeros(2),
            (max(halves[name], least), half_height(lines[name], detail.name_size)),
            detail.name_size,
            side=1.0 if task["y"] < -0.01 else -1.0,
            brief=detail.brief_rings,
        )
        for name, task in tasks.items()
    }


def _smallest_radii(nodes: Mapping[str, Node], detail: Detail) -> Points | None:
    """The least of all ellipses in which nodes keep their distance; a narrow one may not exist."""
    at_unit = np.vstack([node.at(np.ones(2)).boxes for node in nodes.values()])
    far = max(abs(node.task["x"]) for node in nodes.values()) or 1.0
    width = max((detail.width - np.ptp(at_unit[:, ::2]) + 2 * far) / (2 * far), 1.0)
    across = 1 if detail.narrow else _ATTEMPTS
    powers = [(i, j) for i in range(across) for j in range(_ATTEMPTS)]
    for i, j in sorted(powers, key=lambda power: (sum(power), abs(power[0] - power[1]))):
        radii = width * np.array([_GROWTH**i, detail.flat * _GROWTH**j])
        if not _too_close([node.at(radii) for node in nodes.values()], detail.gap):
            return radii
    if detail.narrow:
        return None
    while _too_close([node.at(radii) for node in nodes.values()], detail.gap):
        radii = radii * _GROWTH
    return radii


def _edges(graph: nx.DiGraph[str], detail: Detail, limits: tuple[float, float]) -> list[EdgeShape]:
    edges = []
    for (source, target), effect in effects_of(graph).items():
        verdict = VERDICTS[effect["verdict"]]
        # What failed is never left out; what was not run or learned is, where the matrix says so.
        if not (verdict.always_drawn or detail.draw_grey):
            continue
        labelled = detail.label_coloured if verdict.coloured else detail.label_grey
        edges.append(
            EdgeShape(
                source,
                target,
                verdict,
                bin_width(effect["delta"], limits) if verdict.coloured else verdict.width,
                faint=not detail.label_grey and verdict.colour == palette.GREY,
                label=_label(effect, detail) if labelled else None,
            )
        )
    return edges


def _label(effect: Mapping[str, Any], detail: Detail) -> Label:
    label = label_of(effect)
    return label if detail.intervals else replace(label, detail="")


def _too_close(nodes: Sequence[Node], gap: float) -> bool:
    boxes = np.vstack([node.boxes[:1] for node in nodes])
    spread = boxes + gap / 2 * np.array([-1, -1, 1, 1])
    return bool(overlapping(spread, spread).sum() > len(nodes))


def _labels(routes: Routes, edges: Sequence[EdgeShape]) -> Placement:
    arcs = routes.arcs
    labelled = [edge for edge in edges if edge.label]
    obstacles = [node.boxes for node in routes.nodes.values()]
    strong = [edge for edge in edges if not edge.faint]
    obstacles += [box_of(head_outline(arcs[edge.name], edge.width)) for edge in strong]
    crosses = [arcs[edge.name].at(0.5) for edge in edges if edge.verdict.mark]
    obstacles += [boxes_around(at, np.full((1, 2), 2 * MARK + 2)) for at in crosses]
    return place_labels(
        [arcs[edge.name] for edge in labelled],
        np.array([edge.label.size for edge in labelled if edge.label]).reshape(-1, 2) + 2,
        np.vstack(obstacles),
        [(arcs[edge.name], _FAINT if edge.faint else 1.0) for edge in edges],
    )
