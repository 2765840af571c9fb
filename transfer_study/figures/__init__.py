"""Figures of a study: the only home of matplotlib and of colour."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from transfer_study.analysis.graph import build_graph, write_graph
from transfer_study.figures.heat_map import draw_heat_map
from transfer_study.figures.save import save
from transfer_study.figures.stability import draw_stability
from transfer_study.figures.transfer_graph import LARGEST, draw_transfer_graph

__all__ = [
    "draw_figures",
    "draw_heat_map",
    "draw_stability",
    "draw_stability_figures",
    "draw_transfer_graph",
    "save",
]


def draw_figures(
    deltas: pd.DataFrame,
    tasks: pd.DataFrame,
    folder: Path,
    *,
    title: str,
    caption: Callable[[str, str], str],
) -> list[Path]:
    """Write every figure of a study, and the graphs they show, into a folder; return the paths.

    `deltas` and `tasks` are those of `build_graph`; `caption` makes the words below the figures of
    an encoder and a reading. The first encoder and reading of the table gives `transfer_graph` and
    `heat_map`, further ones have their names in the files'. Beyond twelve tasks there is no drawn
    graph.
    """
    paths: list[Path] = []
    several = deltas.drop_duplicates(["encoder", "reading"])[["encoder", "reading"]]
    suffixes = _suffixes(list(several.itertuples(index=False, name=None)))
    for (encoder, reading), suffix in suffixes.items():
        words = {"caption": caption(encoder, reading)}
        words["title"] = title if len(suffixes) == 1 else f"{title} ({encoder}, {reading})"
        graph = build_graph(deltas, tasks, encoder=encoder, reading=reading)
        stem = folder / f"transfer_graph{suffix}"
        paths += write_graph(graph, stem)
        if len(graph) <= LARGEST:
            paths += save(draw_transfer_graph(graph, **words), stem)
        heat_map = draw_heat_map(deltas, tasks, encoder=encoder, reading=reading, **words)
        paths += save(heat_map, folder / f"heat_map{suffix}")
    return paths


def draw_stability_figures(
    runs: pd.DataFrame, table: pd.DataFrame, folder: Path, *, title: str, caption: str
) -> list[Path]:
    """Write the runs of a study's variants on single tasks, a figure an encoder and reading.

    Takes the tables of `draw_stability`; files are named as those of `draw_figures` are.
    """
    paths: list[Path] = []
    table = table[table["arm"] == "single"]
    several = table.drop_duplicates(["encoder", "reading"])[["encoder", "reading"]]
    suffixes = _suffixes(list(several.itertuples(index=False, name=None)))
    for pair, suffix in suffixes.items():
        of_pair, runs_of_pair = (
            part[(part["encoder"] == pair[0]) & (part["reading"] == pair[1])]
            for part in (table, runs[runs["arm"] == "single"])
        )
        name = title if len(suffixes) == 1 else f"{title} ({', '.join(pair)})"
        figure = draw_stability(runs_of_pair, of_pair, title=name, caption=caption)
        paths += save(figure, folder / f"stability{suffix}")
    return paths


def _suffixes(pairs: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What to append to the file names of each encoder and reading: nothing for the first."""
    suffixes: dict[tuple[str, str], str] = {}
    for encoder, reading in pairs:
        # Of a hub id or a folder, the last part says enough unless two encoders share it.
        name = re.sub(r"[^\w.-]+", "-", encoder.rstrip("/").rsplit("/", 1)[-1]).strip("-.")
        suffix = base = f"-{name}-{reading}" if suffixes else ""
        number = 2
        while suffix in suffixes.values():
            suffix, number = f"{base}-{number}", number + 1
        suffixes[encoder, reading] = suffix
    return suffixes
