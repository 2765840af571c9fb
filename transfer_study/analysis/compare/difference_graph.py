"""The differences of two studies as a graph, its tasks where the first study's graph has them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import networkx as nx
import pandas as pd

from transfer_study.analysis.graph.circle import place_on_circle
from transfer_study.files import read_json

SCHEMA = "transfer-study/difference-graph/1"
Places = Mapping[str, tuple[float, float]]
_NUMBERS = ("difference", "adjusted_low", "adjusted_high", "adjusted_p", "delta_a", "delta_b")


def difference_graph(rows: pd.DataFrame, tasks: pd.DataFrame, places: Places) -> nx.DiGraph[str]:
    """Build the graph of rows of `analysis.difference` of one encoder, reading and arm.

    `tasks` has the columns name, kind, domain and metric; those that no row names are left out.
    `places` are those to keep. A node's `baseline` is its score in the first study that has it.
    """
    graph: nx.DiGraph[str] = nx.DiGraph(schema=SCHEMA)
    scores = rows["baseline_a"].fillna(rows["baseline_b"]).groupby(rows["target"]).first()
    ends = {*rows["source"], *rows["target"]}
    for number, task in enumerate(tasks.to_dict("records"), start=1):
        name = str(task["name"])
        if name in ends:
            about = {key: str(task[key]) for key in ("kind", "domain", "metric")}
            graph.add_node(name, number=number, **about, baseline=float(scores.get(name, math.nan)))
    for row in rows.sort_values(["source", "target"]).to_dict("records"):
        numbers = {key: float(row[key]) for key in _NUMBERS}
        told = {key: str(row[key]) for key in ("happened", "verdict_a", "verdict_b")}
        graph.add_edge(row["source"], row["target"], **numbers, **told, shown=bool(row["shown"]))
    for name, (x, y) in _places(graph, places).items():
        graph.nodes[name].update(x=x, y=y)
    return graph


def stored_places(folder: Path, encoder: str, reading: str) -> Places:
    """Where the graph of an encoder and reading in a folder of figures has its tasks, if any."""
    for path in sorted(folder.glob("transfer_graph*.json")):
        # Where a figure was drawn is only how the next is: a damaged one is drawn anew.
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            stored = read_json(path)
            about = stored["graph"]
            if (about.get("encoder"), about.get("reading")) == (encoder, reading):
                return {
                    node["id"]: (float(node["x"]), float(node["y"])) for node in stored["nodes"]
                }
    return {}


def _places(graph: nx.DiGraph[str], kept: Places) -> Places:
    """The kept places and, in the middle of the widest gaps, those of tasks that have none."""
    known = {name: kept[name] for name in graph if name in kept}
    if len(known) < 2:
        strengths = {
            (source, target): abs(effect["delta_a"])
            for source, target, effect in graph.edges(data=True)
            if not math.isnan(effect["delta_a"])
        }
        return place_on_circle({name: graph.nodes[name]["domain"] for name in graph}, strengths)
    angles = sorted(math.atan2(y, x) for x, y in known.values())
    for name in graph:
        if name not in known:
            following = [*angles[1:], angles[0] + 2 * math.pi]
            gap, start = max((b - a, a) for a, b in zip(angles, following, strict=True))
            middle = start + gap / 2
            known[name] = (math.cos(middle), math.sin(middle))
            angles = sorted([*angles, math.atan2(math.sin(middle), math.cos(middle))])
    return known
