"""Figures of a study: the only home of matplotlib and of colour."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import networkx as nx
import pandas as pd

from transfer_study.analysis.graph.graph import build_graph, graph_files, write_graph
from transfer_study.analysis.graph.views import MAIN, View, at_size
from transfer_study.figures.column import draw_column
from transfer_study.figures.heat_map import draw_heat_map
from transfer_study.figures.naming import numbers_of, plain_label
from transfer_study.figures.save import Write, file_part, save, save_by
from transfer_study.figures.sizes import draw_sizes
from transfer_study.figures.stability import draw_stability
from transfer_study.figures.task_graph import draw_task_graph, most_decided
from transfer_study.figures.transfer_graph import LARGEST, draw_transfer_graph
from transfer_study.store.outputs import at_once

__all__ = [
    "draw_column",
    "draw_figures",
    "draw_heat_map",
    "draw_sizes",
    "draw_stability",
    "draw_stability_figures",
    "draw_task_graph",
    "draw_transfer_graph",
    "save",
]


def draw_figures(
    deltas: pd.DataFrame,
    tasks: pd.DataFrame,
    folder: Path,
    *,
    title: str,
    caption: Callable[[str, str, View], str],
    views: Iterable[View] = (MAIN,),
    size: int | None = None,
    task: str | None = None,
    write: Write = at_once,
) -> list[Path]:
    """Write every figure of a study, and the graphs they show, into a folder; return the paths.

    `write` is asked to write each of them by itself.
    `deltas` and `tasks` are those of `build_graph`; `caption` makes the words below the figures of
    an encoder, a reading and a view. The first encoder and reading of the table gives
    `transfer_graph` and `heat_map`, further ones, other views than the main one and a training size
    that was asked for have their names in the files'. Without a size, targets are shown at their
    largest, and their way over all sizes in `size`. `transfer_graph-column` is for a paper's
    column. Beyond twelve tasks, `transfer_graph-task-T` takes the graph's place: of `task`, or the
    one with most gains and losses.
    """
    paths: list[Path] = []
    views = tuple(views)
    several = deltas.drop_duplicates(["encoder", "reading"])[["encoder", "reading"]]
    suffixes = _suffixes(list(several.itertuples(index=False, name=None)))
    for (encoder, reading), suffix in suffixes.items():
        of_reading = deltas[(deltas["encoder"] == encoder) & (deltas["reading"] == reading)]
        for view in views:
            if not of_reading["arm"].isin(view.arms.values()).any():
                continue
            about = [encoder, reading] if len(suffixes) > 1 else []
            about += [view.title] if view.name else []
            words = {"caption": caption(encoder, reading, view)}
            words["title"] = f"{title} ({', '.join(about)})" if about else title
            end = suffix + (f"-{file_part(view.name)}" if view.name else "")
            build = partial(build_graph, tasks=tasks, encoder=encoder, reading=reading, view=view)
            sized = "size" in deltas and of_reading["size"].notna().any()
            if sized and size is None:
                rows = view.rows(of_reading)
                sizes = sorted(rows["size"].dropna().unique())
                graphs = {int(n): build(rows[rows["size"] == n]) for n in sizes}
                over_sizes = {**words, "title": f"{words['title']}, by training size"}
                drawn = partial(draw_sizes, graphs, **over_sizes)
                paths += save_by(write, folder / f"size{end}", drawn)
                words["title"] += ", largest training size"
            elif sized:
                end += f"-{size}"
                words["title"] += f", {size} training examples"
            graph = build(at_size(of_reading, size))
            paths += _draw_graph(graph, folder, end, words, task, write)
            paths += save_by(
                write, folder / f"heat_map{end}", partial(draw_heat_map, graph, **words)
            )
    return paths


def draw_stability_figures(
    runs: pd.DataFrame,
    table: pd.DataFrame,
    folder: Path,
    *,
    title: str,
    caption: str,
    size: int | None = None,
    write: Write = at_once,
) -> list[Path]:
    """Write the runs of a study's variants on single tasks, a figure an encoder and reading.

    Takes the tables of `draw_stability`; files are named as those of `draw_figures` are, and tasks
    shown at their largest training size too where none is asked for.
    """
    paths: list[Path] = []
    table = table[table["arm"] == "single"]
    end, sized = "", "size" in table and table["size"].notna().any()
    if sized and size is None:
        title += ", largest training size"
    elif sized:
        end, title = f"-{size}", f"{title}, {size} training examples"
    table, runs = at_size(table, size), at_size(runs, size)
    several = table.drop_duplicates(["encoder", "reading"])[["encoder", "reading"]]
    suffixes = _suffixes(list(several.itertuples(index=False, name=None)))
    for pair, suffix in suffixes.items():
        of_pair, runs_of_pair = (
            part[(part["encoder"] == pair[0]) & (part["reading"] == pair[1])]
            for part in (table, runs[runs["arm"] == "single"])
        )
        name = title if len(suffixes) == 1 else f"{title} ({', '.join(pair)})"
        draw = partial(draw_stability, runs_of_pair, of_pair, title=name, caption=caption)
        paths += save_by(write, folder / f"stability{suffix}{end}", draw)
    return paths


def _draw_graph(
    graph: nx.DiGraph[str],
    folder: Path,
    end: str,
    words: dict[str, str],
    task: str | None,
    write: Write,
) -> list[Path]:
    """The graph of a view, whole, for a column and of one task, files' names with this end."""
    title, caption = words["title"], words["caption"]
    stem = folder / f"transfer_graph{end}"
    paths = write(graph_files(stem), lambda: write_graph(graph, stem))
    if len(graph) <= LARGEST:
        paths += save_by(
            write, stem, partial(draw_transfer_graph, graph, title=title, caption=caption)
        )
    elif task is None:
        task = most_decided(graph)
    column = folder / f"transfer_graph-column{end}"
    paths += save_by(write, column, partial(draw_column, graph), kinds=("pdf",))
    if task is not None and task in graph:  # a view may be without it
        name = plain_label(task, numbers_of(graph)[task])
        about = {"title": f"{title}: {name}", "caption": caption}
        stem = folder / f"transfer_graph-task-{file_part(task)}{end}"
        paths += save_by(write, stem, partial(draw_task_graph, graph, task, **about))
    return paths


def _suffixes(pairs: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What to append to the file names of each encoder and reading: nothing for the first."""
    suffixes: dict[tuple[str, str], str] = {}
    for encoder, reading in pairs:
        # Of a hub id or a folder, the last part says enough unless two encoders share it.
        name = re.sub(r"[^\w.-]+", "-", encoder.rstrip("/").rsplit("/", 1)[-1]).strip("-.")
        name = file_part(name)
        suffix = base = f"-{name}-{reading}" if suffixes else ""
        number = 2
        while suffix in suffixes.values():
            suffix, number = f"{base}-{number}", number + 1
        suffixes[encoder, reading] = suffix
    return suffixes
