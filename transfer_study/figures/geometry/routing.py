"""The way of every edge: from port to port, to the right of its opposite, past all other nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transfer_study.figures.edge import EdgeShape, head_half
from transfer_study.figures.geometry.arc import Arc, bowed, visible
from transfer_study.figures.geometry.outline import Points, contains
from transfer_study.figures.geometry.placement import box_of, inside
from transfer_study.figures.geometry.ports import Rim, spread
from transfer_study.figures.node import Node

Bow = tuple[float, float, float]  # share of the distance, at least and at most so many points

# How many points both edges of a pair bend aside together where a node stands in the way.
_DETOURS = tuple(sign * step for step in range(0, 100, 8) for sign in (1, -1))


@dataclass(frozen=True, eq=False)
class Routes:
    """Nodes with the labels of their rings on the quiet side, and the curves of edges by name."""

    nodes: Mapping[str, Node]
    arcs: Mapping[str, Arc]
    free: bool  # no edge touches a node that is not its own


@dataclass(frozen=True, eq=False)
class End:
    """Where an edge meets the rim of a node, and half the room that it takes there."""

    edge: str
    at: Points
    half: float


def route(nodes: Mapping[str, Node], edges: Sequence[EdgeShape], bow: Bow) -> Routes:
    """Route all edges between nodes that are in their places."""
    pairs = _pairs(edges)

    def aim(edge: EdgeShape, detour: float) -> Arc:
        source, target = nodes[edge.source], nodes[edge.target]
        curve = _between(source, target, bow).bent(detour)
        return visible(curve, source.rim, target.rim)

    aims = {name: arc for pair in pairs for name, arc in _past_nodes(pair, nodes, aim).items()}
    ends = _ends(nodes, edges, aims)
    nodes = {name: _label_aside(node, ends[name]) for name, node in nodes.items()}
    moves = {name: _moves(node, ends[name]) for name, node in nodes.items()}

    def moved(edge: EdgeShape, detour: float) -> Arc:
        first, last = moves[edge.source][edge.name], moves[edge.target][edge.name]
        return aims[edge.name].pulled(first, last).bent(detour)

    arcs = {name: arc for pair in pairs for name, arc in _past_nodes(pair, nodes, moved).items()}
    free = all(_is_free(arcs[edge.name], edge, nodes) for edge in edges)
    return Routes(nodes, {edge.name: arcs[edge.name] for edge in edges}, free)


def _pairs(edges: Sequence[EdgeShape]) -> list[list[EdgeShape]]:
    """Each edge with its opposite, if that is drawn too."""
    pairs: dict[tuple[str, ...], list[EdgeShape]] = {}
    for edge in edges:
        pairs.setdefault(tuple(sorted((edge.source, edge.target))), []).append(edge)
    return list(pairs.values())


def _between(source: Node, target: Node, bow: Bow) -> Arc:
    share, least, most = bow
    distance = float(np.linalg.norm(target.centre - source.centre))
    return bowed(source.centre, target.centre, float(np.clip(share * distance, least, most)))


def _past_nodes(
    pair: list[EdgeShape], nodes: Mapping[str, Node], curve: Callable[[EdgeShape, float], Arc]
) -> dict[str, Arc]:
    """Bend a pair's curves to one side together, as little as it takes to pass all nodes."""
    # A detour to the right of one edge is to the left of its opposite.
    signs = [1 if edge.source == pair[0].source else -1 for edge in pair]
    tried = (
        {edge.name: curve(edge, sign * detour) for edge, sign in zip(pair, signs, strict=True)}
        for detour in _DETOURS
    )
    for arcs in tried:
        if all(_is_free(arcs[edge.name], edge, nodes) for edge in pair):
            return arcs
    return {edge.name: curve(edge, 0.0) for edge in pair}


def _ends(
    nodes: Mapping[str, Node], edges: Sequence[EdgeShape], aims: Mapping[str, Arc]
) -> dict[str, list[End]]:
    ends: dict[str, list[End]] = {name: [] for name in nodes}
    for edge in edges:
        start, _, end = aims[edge.name].points
        ends[edge.source].append(End(edge.name, start, edge.width / 2 + 1.5))
        # The pale heads of faint edges may overlap.
        half = 2.5 if edge.faint else head_half(edge.width) + 0.5
        ends[edge.target].append(End(edge.name, end, half))
    return ends


def _label_aside(node: Node, ends: Sequence[End]) -> Node:
    """Put the ring's label above or below the node, where fewer edges end."""
    heights = np.array([end.at[1] for end in ends]) - node.centre[1]
    edge = 0.7 * node.half[1]
    outside, opposite = np.sum(heights * node.side > edge), np.sum(-heights * node.side > edge)
    return node.turned() if outside > opposite else node


def _moves(node: Node, ends: Sequence[End]) -> dict[str, Points]:
    """How each end at a node moves along the rim, to leave room for the others."""
    rim = Rim.of(node.rim)
    places = [rim.nearest(end.at) for end in ends]
    halves = [end.half for end in ends]
    fixed = [False] * len(ends)
    if node.has_ring:
        places.append(rim.nearest(node.label_centre))
        halves.append(float(np.ptp(node.boxes[1, ::2])) / 2 + 3.0)
        fixed.append(True)
    spaced = spread(places, halves, fixed, rim.length) if places else []
    return {
        end.edge: rim.at(new) - rim.at(old)
        for end, old, new in zip(ends, places, spaced, strict=False)
    }


def _is_free(arc: Arc, edge: EdgeShape, nodes: Mapping[str, Node]) -> bool:
    points = arc.at(np.linspace(0, 1, 60))
    low, high = np.split(box_of(points)[0], 2)
    for name, node in nodes.items():
        boxes = node.boxes
        if (high < boxes[:, :2].min(axis=0) - 4).any() or (
            low > boxes[:, 2:].max(axis=0) + 4
        ).any():
            continue  # far away
        outline = node.reach if name in (edge.source, edge.target) else node.berth
        if contains(outline, points).any() or inside(boxes[1:], points).any():
            return False
    return True
