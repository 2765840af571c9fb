"""Deltas as a directed graph: an edge A -> B is the effect on B of training with A.

A node holds its task, the task's single score and what training with all tasks does to it, or what
else a view shows. The figures draw this graph and nothing else, so they cannot disagree with it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd

from transfer_study.analysis.effects.intervals import lacking
from transfer_study.analysis.graph.circle import place_on_circle
from transfer_study.analysis.graph.views import MAIN, View
from transfer_study.errors import Problem, StudyError
from transfer_study.files import write_whole

SCHEMA = "transfer-study/graph/1"

_NUMBERS = (
    *("baseline", "score", "delta", "low", "high", "p"),
    *("adjusted_low", "adjusted_high", "adjusted_p"),
)
_COUNTS = ("n_seeds", "n_test", "n_documents")


def build_graph(
    deltas: pd.DataFrame,
    tasks: pd.DataFrame,
    *,
    encoder: str,
    reading: str,
    view: View = MAIN,
) -> nx.DiGraph[str]:
    """Build the graph of one encoder, reading and view, with places on a circle.

    `deltas` has a row a source, target and arm; rows of the view's arm of edges (`pair`) become
    edges, those of its arm of rings (`full`) the attributes `full_*` of their target. `tasks` has
    the columns name, kind, domain and metric, and gives the nodes their order. Scores are fractions
    of 1; an unknown number is NaN. Raises StudyError where the two tables do not belong together.
    """
    of_reading = deltas[(deltas["encoder"] == encoder) & (deltas["reading"] == reading)]
    rows = view.rows(of_reading)
    _check(deltas, rows, tasks, view, encoder=encoder, reading=reading)
    graph: nx.DiGraph[str] = nx.DiGraph(schema=SCHEMA, encoder=encoder, reading=reading)
    if view.name:
        graph.graph["view"] = view.name
    numbers = rows.groupby("target")[view.number].first()  # the first that is known
    for number, task in enumerate(tasks.to_dict("records"), start=1):
        name = str(task["name"])
        if view.tasks and name not in view.tasks:
            continue
        about = {key: str(task[key]) for key in ("kind", "domain", "metric")}
        # The number stands for the name where there is no room, or no font, for it.
        graph.add_node(
            name, number=number, **about, **{view.number: float(numbers.get(name, math.nan))}
        )
    for row in rows.sort_values(["source", "target"]).to_dict("records"):
        effect = _effect(row)
        if row["arm"] == view.edges:
            graph.add_edge(row["source"], row["target"], **effect)
        else:
            effect.pop("baseline")
            graph.nodes[row["target"]].update({f"full_{key}": v for key, v in effect.items()})
    _place(graph)
    return graph


def tasks_of(graph: nx.DiGraph[str]) -> dict[str, Mapping[str, Any]]:
    """The attributes of every node by its name."""
    return {name: graph.nodes[name] for name in graph}


def number_of(task: Mapping[str, Any]) -> float:
    """The score that stands in a node: the baseline of its edges, or what they all lead to."""
    return float(task["baseline"] if "baseline" in task else task["score"])


def effects_of(graph: nx.DiGraph[str]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The attributes of every edge by its source and target."""
    return {(source, target): graph.edges[source, target] for source, target in graph.edges}


def graph_files(stem: Path) -> list[Path]:
    """The paths that `write_graph` writes; a stem may have a dot."""
    return [stem.with_name(f"{stem.name}.{kind}") for kind in ("graphml", "json")]


def write_graph(graph: nx.DiGraph[str], stem: Path) -> list[Path]:
    """Write `stem.graphml` and `stem.json` (node-link, unknown numbers null); return both paths."""
    graphml, as_json = graph_files(stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    # Not nx.write_graphml: that one's bytes depend on whether lxml happens to be installed.
    written = BytesIO()
    nx.write_graphml_xml(_without_unknown(graph), written)
    write_whole(graphml, written.getvalue())
    text = json.dumps(_node_link(graph), indent=1, allow_nan=False)
    write_whole(as_json, f"{text}\n".encode())
    return [graphml, as_json]


def _effect(row: Mapping[Any, Any]) -> dict[str, float | int | str]:
    """The numbers of an effect; `lacking` says why it has no interval."""
    counts = {key: int(row[key]) if pd.notna(row[key]) else math.nan for key in _COUNTS}
    numbers = {key: float(row[key]) for key in _NUMBERS}
    told: dict[str, float | int | str] = {
        "verdict": str(row["verdict"]),
        "collapsed": bool(row["collapsed"]),
        "lacking": lacking(row),
    }
    return {**numbers, **counts, **told}


def _place(graph: nx.DiGraph[str]) -> None:
    strengths = {
        ends: abs(effect["delta"])
        for ends, effect in effects_of(graph).items()
        if not math.isnan(effect["delta"])
    }
    domains = {name: task["domain"] for name, task in tasks_of(graph).items()}
    places = place_on_circle(domains, strengths)
    for name, (x, y) in places.items():
        graph.nodes[name].update(x=x, y=y)


def _check(
    deltas: pd.DataFrame,
    rows: pd.DataFrame,
    tasks: pd.DataFrame,
    view: View,
    *,
    encoder: str,
    reading: str,
) -> None:
    problems = []
    if rows.empty:
        held = sorted({f"{e} ({r})" for e, r in zip(deltas["encoder"], deltas["reading"])})  # noqa: B905
        problems.append(
            f"no deltas of encoder {encoder!r} in the {reading!r} reading; "
            f"the table has {', '.join(held) or 'no rows'}"
        )
    names = set(tasks["name"])
    ends = {*rows["target"], *rows.loc[rows["arm"] == view.edges, "source"]}
    problems += [
        f"the deltas name a task {name!r} that is not in the study; its tasks are "
        f"{', '.join(sorted(names))}"
        for name in sorted(ends - names)
    ]
    twice = rows[rows.duplicated(["source", "target", "arm"])]
    problems += [
        f"the deltas have the {row['arm']} effect of {row['source']} on {row['target']} more than "
        "once; write the table again with `transfer-study report`"
        for row in twice.to_dict("records")
    ]
    if problems:
        raise StudyError(*map(Problem, problems))


def _unknown(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if not _unknown(value)}


def _without_unknown(graph: nx.DiGraph[str]) -> nx.DiGraph[str]:
    known: nx.DiGraph[str] = nx.DiGraph(**graph.graph)
    known.add_nodes_from((name, _known(task)) for name, task in tasks_of(graph).items())
    known.add_edges_from((*ends, _known(effect)) for ends, effect in effects_of(graph).items())
    return known


def _node_link(graph: nx.DiGraph[str]) -> dict[str, Any]:
    def plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
        return {key: None if _unknown(value) else value for key, value in attributes.items()}

    return {
        "directed": True,
        "multigraph": False,
        "graph": plain(graph.graph),
        "nodes": [{"id": name, **plain(task)} for name, task in tasks_of(graph).items()],
        "edges": [
            {"source": source, "target": target, **plain(effect)}
            for (source, target), effect in effects_of(graph).items()
        ],
    }
