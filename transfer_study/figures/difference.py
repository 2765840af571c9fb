"""The difference graph of two studies: what became of each edge, tasks where they were."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from transfer_study.analysis.compare.difference_graph import difference_graph, stored_places
from transfer_study.analysis.graph.graph import effects_of, graph_files, write_graph
from transfer_study.analysis.graph.views import at_size
from transfer_study.figures.canvas import MARGIN, PAGE, Canvas, house_style
from transfer_study.figures.edge import EdgeShape, Label, draw_edge
from transfer_study.figures.geometry.arc import bowed
from transfer_study.figures.geometry.detail import Detail, detail_for
from transfer_study.figures.geometry.scene import arrange
from transfer_study.figures.legend import (
    Entry,
    Row,
    draw_foot,
    draw_title,
    node_rows,
)
from transfer_study.figures.naming import numbers_of
from transfer_study.figures.palette import CHANGES
from transfer_study.figures.save import Write, file_part, save_by
from transfer_study.figures.transfer_graph import LARGEST, draw_scene
from transfer_study.points import MISSING, interval, points
from transfer_study.store.outputs import at_once
from transfer_study.study.arms import PAIRS, is_edge

_SAMPLE = 34.0
_SHOWN = 3.4  # the width of an edge whose difference is shown
_CHANGES_OF_VERDICT = ("flipped", "appeared", "vanished", "changed")


def draw_differences(
    table: pd.DataFrame,
    tasks: pd.DataFrame,
    folder: Path,
    plots_of_a: Path,
    *,
    names: tuple[str, str],
    correction: str,
    write: Write = at_once,
) -> list[Path]:
    """Write the difference graph of every encoder, reading and arm of single sources; the paths.

    `write` is asked to write each of them by itself.

    Takes the table of `analysis.difference`. The first is `transfer_graph`, others have their names
    in the files'. Targets of several training sizes are at their largest, and each variant is a
    graph. Places are those of the first study's graphs in `plots_of_a`.
    """
    paths: list[Path] = []
    rows = at_size(table, None)
    rows = rows[rows["arm"].map(is_edge).astype(bool)]
    by = [name for name in ("encoder", "reading", "arm", "variant") if name in rows]
    for n, (about, group) in enumerate(rows.groupby(by, sort=False)):
        end = "".join(f"-{_plain(part)}" for part in about) if n else ""
        encoder, reading = map(str, about[:2])
        graph = difference_graph(group, tasks, stored_places(plots_of_a, encoder, reading))
        stem = folder / f"transfer_graph{end}"
        paths += write(graph_files(stem), partial(write_graph, graph, stem))
        if len(graph) > LARGEST:
            continue
        words = ", ".join([encoder, f"{reading} reading", *_special(about[2:])])
        draw = partial(
            draw_difference_graph,
            graph,
            title=f"From {names[0]} to {names[1]} ({words})",
            caption=(
                f"Edges from A to B are effects on B; numbers are the difference of the effects, "
                f"{names[1]} minus {names[0]}, in points, with 95% intervals {correction}. Heavy: "
                "the interval excludes zero, which alone shows a difference; thin: a verdict has "
                f"changed, a difference is not shown. Scores in nodes are those of {names[0]}."
            ),
        )
        paths += save_by(write, stem, draw)
    return paths


def draw_difference_graph(graph: nx.DiGraph[str], *, title: str, caption: str) -> Figure:
    """Draw the graph that `analysis.difference_graph` built, of up to twelve tasks."""
    with house_style():
        detail = detail_for(len(graph))
        scene = arrange(graph, _edges(graph, detail), detail)
        left, top, right, bottom = scene.box[0].tolist()
        canvas = Canvas(max(PAGE, right - left + 2 * MARGIN))
        y = draw_title(canvas, title)
        draw_scene(canvas, graph, scene, (canvas.width - left - right) / 2, y - top)
        y += bottom - top + 16.0
        rows = [*_legend(graph), *node_rows(graph)]
        return draw_foot(canvas, y, rows, caption, scene.labels, numbers_of(graph)).figure()


def _edges(graph: nx.DiGraph[str], detail: Detail) -> list[EdgeShape]:
    edges = []
    for (source, target), effect in effects_of(graph).items():
        style = CHANGES[effect["happened"]]
        told = effect["happened"] in _CHANGES_OF_VERDICT
        if not (told or detail.draw_grey):
            continue
        labelled = detail.label_coloured if told else detail.label_grey
        known = not math.isnan(effect["difference"])
        number = points(effect["difference"], signed=True)
        reach = interval(effect["adjusted_low"], effect["adjusted_high"])
        reach = "" if reach == MISSING else reach
        edges.append(
            EdgeShape(
                source,
                target,
                style,
                _SHOWN if effect["shown"] else style.width,
                faint=not told,
                label=Label(number, reach) if labelled and known else None,
            )
        )
    return edges


def _legend(graph: nx.DiGraph[str]) -> list[Row]:
    """What strokes and widths mean."""
    present = {effect["happened"] for effect in effects_of(graph).values()}
    happened = [
        Entry(style.word, _SAMPLE, _sample(kind, 2.0 if style.coloured else style.width))
        for kind, style in CHANGES.items()
        if kind in present or style.coloured
    ]
    heavy = Entry("shown: its interval excludes zero", _SAMPLE, _sample("appeared", _SHOWN))
    thin = Entry("not shown", _SAMPLE, _sample("appeared", CHANGES["appeared"].width))
    return [("What happened", happened), ("Difference", [heavy, thin])]


def _sample(kind: str, line_width: float) -> Callable[[Canvas, float, float], None]:
    def draw(canvas: Canvas, x: float, y: float) -> None:
        arc = bowed(np.array([x, y]), np.array([x + _SAMPLE, y]), 0.0)
        style = CHANGES[kind]
        draw_edge(canvas, arc, style, line_width, faint=not style.coloured)

    return draw


def _special(about: Sequence[object]) -> list[str]:
    """The arm, where it is not pairs, and the variant."""
    return [str(part) for part in about if part != PAIRS.label]


def _plain(part: object) -> str:
    name = str(part).rsplit("/", 1)[-1]
    return file_part("".join(c if c.isalnum() or c in "-_." else "-" for c in name))
