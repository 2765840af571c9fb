"""The way of every edge: from port to port, to the right of its opposite, past all other nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transfer_study.figures.arc import Arc, bowed, visible
from transfer_study.figures.edge import Edge, head_half
from transfer_study.figures.node import Node
from transfer_study.figures.outline import Points, contains, expand
from transfer_study.figures.placement import box_of, inside
from transfer_study.figures.ports import Rim, spread

Bow = tuple[float, float, float]  # share of the distance, at least and at most so many points

_GAP = 2.3  # between a node's outermost line and the ends of its edges
_AIR = 3.0  # between an edge and the nodes it passes
# How many points both edges of a pair bend aside together where a node stands in the way.
_DETOURS = tuple(sign * step for step in range(0, 100, 8) for sign in (1, -1))


@dataclass(frozen=True, eq=False)
class Routes:
    """Nodes with the labels of their rings on the quiet side, and the curves of edges by name."""

    nodes: Mapping[str, Node]
    arcs: Mapping[str, Arc]
    free: bool  # no edge touches a node that is not its own


def route(nodes: Mapping[str, Node], edges: Sequence[Edge], bow: Bow) -> Routes:
    """Route all edges between nodes that are in their places."""
    aims = _aims(nodes, edges, bow)
    ends: dict[str, list[tuple[str, Points, float]]] = {name: [] for name in nodes}
    for edge in edges:
        start, _, end = aims[edge.name].points
        ends[edge.source].append((edge.name, start, edge.width / 2 + 1.5))
        ends[edge.target].append((edge.name, end, head_half(edge.width) + 0.5))
    nodes = {name: _label_aside(node, [at for _, at, _ in ends[name]]) for name, node in nodes.items()}
    moves = {name: _moves(node, ends[name]) for name, node in nodes.items()}
    arcs = {}
    for edge in edges:
        first, last = moves[edge.source][edge.name], moves[edge.target][edge.name]
        arcs[edge.name] = Arc(aims[edge.name].points + np.array([first, (first + last) / 2, last]))
    free = all(_is_free(arcs[edge.name], edge, nodes) for edge in edges)
    return Routes(nodes, arcs, free)


def _aims(nodes: Mapping[str, Node], edges: Sequence[Edge], bow: Bow) -> dict[str, Arc]:
    """Curves from centre to centre, as far as they can be seen, free of other nodes if possible."""
    share, least, most = bow
    aims: dict[str, Arc] = {}
    of_pair: dict[tuple[str, ...], list[Edge]] = {}
    for edge in edges:
        of_pair.setdefault(tuple(sorted((edge.source, edge.target))), []).append(edge)
    for (first, second), pair in of_pair.items():
        way = nodes[second].centre - nodes[first].centre
        side = float(np.clip(share * np.linalg.norm(way), least, most))
        for detour in _DETOURS:
            for edge in pair:
                # A detour to the right of one edge is to the left of its opposite.
                right = side + (detour if edge.source == first else -detour)
                aims[edge.name] = _aim(nodes[edge.source], nodes[edge.target], right)
            if all(_is_free(aims[edge.name], edge, nodes) for edge in pair):
                break
    return aims


def _aim(source: Node, target: Node, bow: float) -> Arc:
    curve = bowed(source.centre, target.centre, bow)
    return visible(curve, expand(source.reach, _GAP), expand(target.reach, _GAP))


def _label_aside(node: Node, ends: list[Points]) -> Node:
    """Put the ring's label above or below the node, where fewer edges end."""
    tops = sum(float(end[1]) < node.centre[1] - 0.7 * node.half[1] for end in ends)
    bottoms = sum(float(end[1]) > node.centre[1] + 0.7 * node.half[1] for end in ends)
    here, there = (tops, bottoms) if node.side < 0 else (bottoms, tops)
    return node.turned() if here > there else node


def _moves(node: Node, ends: list[tuple[str, Points, float]]) -> dict[str, Points]:
    """How each end at a node moves along the rim, to leave room for the others."""
    rim = Rim.of(expand(node.reach, _GAP))
    places = [rim.nearest(at) for _, at, _ in ends]
    halves = [half for *_, half in ends]
    fixed = [False] * len(ends)
    if node.has_ring:
        places.append(rim.nearest(node.label_centre))
        halves.append(float(np.ptp(node.boxes[1, ::2])) / 2 + 3.0)
        fixed.append(True)
    spaced = spread(places, halves, fixed, rim.length) if places else []
    return {
        name: rim.at(new) - rim.at(old)
        for (name, *_), old, new in zip(ends, places, spaced, strict=False)
    }


def _is_free(arc: Arc, edge: Edge, nodes: Mapping[str, Node]) -> bool:
    points = arc.at(np.linspace(0, 1, 80))
    low, high = np.split(box_of(points)[0], 2)
    for name, node in nodes.items():
        air = 0.5 if name in (edge.source, edge.target) else _AIR
        boxes = node.boxes + air * np.array([-1, -1, 1, 1])
        if (high < boxes[:, :2].min(axis=0)).any() or (low > boxes[:, 2:].max(axis=0)).any():
            continue  # far away
        if contains(expand(node.reach, air), points).any() or inside(boxes[1:], points).any():
            return False
    return True
