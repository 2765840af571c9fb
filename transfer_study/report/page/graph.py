"""The transfer graph of a frame as `figures` draws it, its parts named by slot and task."""

from __future__ import annotations

import gzip
from base64 import b64encode

from transfer_study.figures.embedded import Marks, embedded
from transfer_study.figures.task_graph import lay_out_task
from transfer_study.figures.transfer_graph import lay_out_transfer
from transfer_study.report.page.frames import Frame
from transfer_study.report.page.subject import Subject

_LABEL = (
    "Transfer graph. Arrow keys left and right go from task to task, up and down through the edges "
    "of a task; Enter opens the evidence."
)
_OF_EDGE = ("head", "cross", "circle", "diamond", "ground", "label", "interval")
_OF_TASK = ("name", "score")


def drawn(subject: Subject, frame: Frame) -> list[str]:
    """The graph as SVG, or of very many tasks that of each, empty where the frame is without it."""
    graph, marks = frame.graph, _marks(subject, frame)
    about = {"id": "graph", "role": "group", "aria-label": _LABEL}
    if not subject.many:
        return [embedded(lay_out_transfer(graph, beside=False), marks, **about)]
    return [
        embedded(lay_out_task(graph, task), marks, **about) if task in graph else ""
        for task in subject.names
    ]


def packed(graph: str) -> str:
    """A graph compressed and in letters."""
    return b64encode(gzip.compress(graph.encode("utf-8"), mtime=0)).decode("ascii")


def _marks(subject: Subject, frame: Frame) -> Marks:
    """What the script needs to know of each part of the figure, by the part's name there."""
    marks = {}
    for source, target in frame.edges:
        name, slot = f"{source}->{target}", {"data-e": str(subject.edge_slot(source, target))}
        marks[f"edge:{name}"] = {"class": "line", **slot}
        marks |= {f"{part}:{name}": {"class": part, **slot} for part in _OF_EDGE}
    for task in frame.graph:
        slot = {"data-e": str(subject.ring_slot(task))}
        marks[f"ring:{task}"] = {"class": "line ring", **slot}
        marks |= {f"ground:ring:{task}": {"class": "ground", **slot}, f"mix:{task}": slot}
        number = {"data-t": str(subject.number[task])}
        for side in ("", ":in", ":out") if subject.many else ("",):
            marks[f"node:{task}{side}"] = {"class": "node", **number}
            marks |= {f"{part}:{task}{side}": {"class": part, **number} for part in _OF_TASK}
    return marks
