"""The heat map: the numbers of the transfer graph as a matrix, with every interval."""

from __future__ import annotations

import networkx as nx
import numpy as np
from matplotlib.figure import Figure

from transfer_study.analysis.graph.clustering import cluster_tasks
from transfer_study.analysis.graph.graph import effects_of, tasks_of
from transfer_study.figures import palette
from transfer_study.figures.canvas import MARGIN, PAGE, Canvas, house_style
from transfer_study.figures.cell import (
    DENSE,
    INTERVALS,
    NUMBERS,
    CellStyle,
    DrawnCell,
    draw_cell,
    draw_missing,
)
from transfer_study.figures.edge import Label
from transfer_study.figures.legend import (
    Entry,
    Row,
    domain_row,
    draw_foot,
    draw_title,
    remark_rows,
)
from transfer_study.figures.matrix import Matrix
from transfer_study.figures.naming import numbers_of
from transfer_study.figures.palette import VERDICTS
from transfer_study.points import points

_LARGE = 13  # tasks from which cells have no room for intervals, and order says more than names
_SAMPLE = np.array([30.0, 15.0])
_SCALE = 120.0  # the length of the colour scale
_STEPS = 80
_ORDER: Row = (
    "Order",
    [Entry("by clustering in each domain: tasks that give and take alike stand side by side")],
)


def draw_heat_map(graph: nx.DiGraph[str], *, title: str, caption: str) -> Figure:
    """Draw every delta with its interval: sources down, targets across, the full mix below.

    Takes a graph of `analysis.graph.build_graph`.
    """
    with house_style():
        large = len(graph) >= _LARGE
        matrix = Matrix(
            graph, DENSE if large else INTERVALS, order=clustered(graph) if large else None
        )
        canvas = Canvas(max(PAGE, matrix.width + 2 * MARGIN))
        y = draw_title(canvas, title)
        matrix.draw(canvas, (canvas.width - matrix.width) / 2, y)
        every = {effect["verdict"] for effect in effects_of(graph).values()}
        every |= {task.get("full_verdict", "undecided") for task in tasks_of(graph).values()}
        complete = graph.number_of_edges() == len(graph) * (len(graph) - 1)
        rows = [verdict_row(every, complete=complete), _scale(matrix.largest)]
        rows += remark_rows(graph)
        if large:
            rows += [_ORDER, domain_row(graph)]
        y = y + matrix.height + 14.0
        return draw_foot(canvas, y, rows, caption, matrix.labels, numbers_of(graph)).figure()


def clustered(graph: nx.DiGraph[str]) -> list[str]:
    """The tasks of a graph as `analysis.clustering` orders them."""
    families = {name: task["domain"] for name, task in tasks_of(graph).items()}
    return cluster_tasks(
        families, {ends: effect["delta"] for ends, effect in effects_of(graph).items()}
    )


def verdict_row(present: set[str], *, complete: bool, style: CellStyle = NUMBERS) -> Row:
    """What the frames, fills and signs of cells mean."""
    shown = [word for word in VERDICTS if word in present or not VERDICTS[word].mark]
    entries = [_verdict_entry(word, style) for word in shown]
    if not complete:

        def draw(canvas: Canvas, x: float, y: float) -> None:
            draw_missing(canvas, np.array([x, y]) + _SAMPLE * (0.5, 0), _SAMPLE)

        entries.append(Entry("not part of the study", float(_SAMPLE[0]), draw))
    return "Verdict", entries


def _verdict_entry(word: str, style: CellStyle) -> Entry:
    verdict = VERDICTS[word]
    delta = {"gain": 0.6, "loss": -0.6}.get(word, 0.0)
    sample = DrawnCell(
        verdict, Label({"gain": "+", "loss": "\u2212"}.get(word, ""), ""), delta, style
    )

    def draw(canvas: Canvas, x: float, y: float) -> None:
        centre = np.array([x, y]) + _SAMPLE * (0.5, 0)
        draw_cell(canvas, centre, _SAMPLE, sample, largest=1.0, name="sample")

    return Entry(verdict.word, float(_SAMPLE[0]), draw)


def _scale(largest: float) -> Row:
    def draw(canvas: Canvas, x: float, y: float) -> None:
        # Each step reaches to the end, so that no gaps show between them.
        for i in range(_STEPS):
            left = x + i * _SCALE / _STEPS
            share = 2 * i / (_STEPS - 1) - 1
            corners = [(left, y - 5), (x + _SCALE, y - 5), (x + _SCALE, y + 5), (left, y + 5)]
            canvas.shape(corners, fill=palette.shade(share, 1.0))

    if largest == 0:
        return "Colour", []
    low, high = points(-largest), points(largest, signed=True)
    words = "points of score; colour only where the verdict is gain or loss"
    return "Colour", [Entry(low), Entry(f"{high} {words}", _SCALE, draw)]
