"""The transfer graph at the width of a paper's column, without title and caption.

Drawn as large as any other figure and brought to size as a whole, so that its smallest type comes
out at six points. What has no room as a graph is a matrix of signs.
"""

from __future__ import annotations

import networkx as nx
from matplotlib.figure import Figure

from transfer_study.analysis.graph.graph import effects_of, tasks_of
from transfer_study.figures.canvas import Canvas, house_style
from transfer_study.figures.cell import SIGNS
from transfer_study.figures.geometry.detail import column_details
from transfer_study.figures.geometry.scene import Scene, compose_narrow
from transfer_study.figures.heat_map import clustered, verdict_row
from transfer_study.figures.legend import Row, draw_legend, edge_rows, node_rows
from transfer_study.figures.lettering import SMALL
from transfer_study.figures.matrix import Matrix
from transfer_study.figures.palette import VERDICTS
from transfer_study.figures.sheet import INCH
from transfer_study.figures.transfer_graph import draw_scene

COLUMN = 3.3  # inches
SMALLEST = 6.0  # points of type
_SCALE = SMALLEST / SMALL
_WIDTH = COLUMN * INCH / _SCALE
_MARGIN = 2.0
_TALLEST = 1.7  # of a graph, in widths
_LARGEST = 8  # tasks; nine and more were never free of overlaps in this width


def draw_column(graph: nx.DiGraph[str]) -> Figure:
    """Draw a graph of `analysis.graph.build_graph` for a column, with a legend below."""
    with house_style():
        canvas = Canvas(_WIDTH, scale=_SCALE, margin=_MARGIN)
        scene = _fitting(graph) if len(graph) <= _LARGEST else None
        y, rows = _draw_matrix(canvas, graph) if scene is None else _draw(canvas, graph, scene)
        return canvas.finish(draw_legend(canvas, y + 8.0, rows) + _MARGIN).figure()


def _fitting(graph: nx.DiGraph[str]) -> Scene | None:
    """The scene that says most of those that fit."""
    room = _WIDTH - 2 * _MARGIN
    coloured = sum(VERDICTS[effect["verdict"]].coloured for effect in effects_of(graph).values())
    for detail in column_details(len(graph), coloured, room):
        scene = compose_narrow(graph, detail)
        if scene is None:
            continue
        left, top, right, bottom = scene.box[0].tolist()
        if scene.clear and right - left <= room and bottom - top <= _TALLEST * room:
            return scene
    return None


def _draw(canvas: Canvas, graph: nx.DiGraph[str], scene: Scene) -> tuple[float, list[Row]]:
    left, top, right, bottom = scene.box[0].tolist()
    draw_scene(canvas, graph, scene, (_WIDTH - left - right) / 2, _MARGIN - top)
    faint = any(edge.faint for edge in scene.edges)
    rows = [*edge_rows(graph, scene.limits, faint=faint, intervals=scene.has_intervals)]
    rows += node_rows(graph, brief=True)
    return _MARGIN + bottom - top, rows


def _draw_matrix(canvas: Canvas, graph: nx.DiGraph[str]) -> tuple[float, list[Row]]:
    matrix = Matrix(graph, SIGNS, order=clustered(graph), room=_WIDTH - 2 * _MARGIN)
    matrix.draw(canvas, _MARGIN, _MARGIN)
    verdicts = {effect["verdict"] for effect in effects_of(graph).values()}
    verdicts |= {task.get("full_verdict", "undecided") for task in tasks_of(graph).values()}
    rows = [verdict_row(verdicts, complete=True, style=SIGNS)]
    return _MARGIN + matrix.height, rows
