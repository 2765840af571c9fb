"""The transfer graph: who helps whom, who hurts whom, and how sure that is."""

from __future__ import annotations

import networkx as nx
import numpy as np
from matplotlib.figure import Figure

from transfer_study.analysis.graph.graph import tasks_of
from transfer_study.errors import StudyError
from transfer_study.figures import palette
from transfer_study.figures.canvas import MARGIN, PAGE, Canvas, house_style
from transfer_study.figures.cell import NUMBERS
from transfer_study.figures.edge import draw_edge, draw_label
from transfer_study.figures.geometry.scene import Scene, compose
from transfer_study.figures.legend import (
    Entry,
    Row,
    draw_foot,
    draw_title,
    edge_rows,
    node_rows,
)
from transfer_study.figures.matrix import Matrix
from transfer_study.figures.naming import numbers_of
from transfer_study.figures.node import draw_node
from transfer_study.figures.sheet import Sheet

LARGEST = 12  # tasks; beyond, a graph reads worse than the heat map
_WITH_MATRIX = 9
_BETWEEN = 24.0  # graph and matrix


def draw_transfer_graph(
    graph: nx.DiGraph[str], *, title: str = "", caption: str = "", beside: bool = True
) -> Figure:
    """Draw the graph that `analysis.graph.build_graph` built, with legend and caption below.

    Up to four tasks every edge has its number and interval; up to eight the coloured ones have;
    up to twelve a matrix beside the graph has them, unless it is to stand elsewhere. Raises
    StudyError beyond.
    """
    with house_style():
        return lay_out_transfer(graph, title, caption, beside=beside).figure()


def lay_out_transfer(
    graph: nx.DiGraph[str], title: str = "", caption: str = "", *, beside: bool = True
) -> Sheet:
    """The sheet of `draw_transfer_graph`."""
    if len(graph) > LARGEST:
        raise StudyError(
            f"the graph has {len(graph)} tasks and at most {LARGEST} can be drawn readably; "
            "use the heat map, or a study of fewer tasks"
        )
    scene = compose(graph)
    matrix = Matrix(graph, NUMBERS) if beside and len(graph) >= _WITH_MATRIX else None
    left, top, right, bottom = scene.box[0].tolist()
    content = right - left + (matrix.width + _BETWEEN if matrix else 0.0)
    canvas = Canvas(max(PAGE, content + 2 * MARGIN))
    y = draw_title(canvas, title)
    tall = max(bottom - top, matrix.height if matrix else 0.0)
    x = (canvas.width - content) / 2
    draw_scene(canvas, graph, scene, x - left, y + (tall - bottom - top) / 2)
    if matrix:
        matrix.draw(canvas, x + right - left + _BETWEEN, y + (tall - matrix.height) / 2)
    y += tall + 16.0
    rows = [
        *edge_rows(
            graph,
            scene.limits,
            faint=4 < len(graph) < _WITH_MATRIX,
            intervals=scene.has_intervals,
        ),
        *node_rows(graph),
        *_left_out(len(graph), "heat map" if beside else "matrix"),
    ]
    return draw_foot(canvas, y, rows, caption, scene.labels, numbers_of(graph))


def _left_out(tasks: int, where: str) -> list[Row]:
    if tasks >= _WITH_MATRIX:
        return [("Not drawn", [Entry("edges without a gain or loss: they are in the matrix")])]
    if tasks > 4:
        return [("Not written", [Entry(f"the numbers of grey edges: they are in the {where}")])]
    return []


def draw_scene(canvas: Canvas, graph: nx.DiGraph[str], scene: Scene, x: float, y: float) -> None:
    """Draw what was composed, its origin at x, y."""
    fills = palette.domain_fills(task["domain"] for task in tasks_of(graph).values())
    by = np.array([x, y])
    for edge in scene.edges:
        arc = scene.arcs[edge.name].moved(by)
        draw_edge(canvas, arc, edge.verdict, edge.width, name=edge.name, faint=edge.faint)
    for node in scene.nodes.values():
        draw_node(canvas, node.moved(by), fills[node.task["domain"]])
    for edge in scene.edges:
        if edge.label:
            centre = scene.centres[edge.name] + by
            draw_label(canvas, centre, edge.label, edge.verdict, name=edge.name)
