"""The legend: a small table below a figure, a heading a row and samples beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import networkx as nx
import numpy as np

from transfer_study.analysis.graph.graph import effects_of, tasks_of
from transfer_study.figures import palette
from transfer_study.figures.canvas import MARGIN, Canvas
from transfer_study.figures.edge import COLLAPSED, NO_INTERVAL, draw_edge
from transfer_study.figures.fonts import legible
from transfer_study.figures.geometry.arc import bowed
from transfer_study.figures.geometry.outline import expand, outline
from transfer_study.figures.lettering import SMALL, TITLE, shorten, width, wrap
from transfer_study.figures.naming import Labels, draw_key, fit_names, one_line
from transfer_study.figures.palette import BIN_WIDTHS, VERDICTS
from transfer_study.figures.sheet import Sheet

ROW = 17.0  # the height of a row
_BETWEEN = 14.0  # from one entry to the next
# On a screen, letters are set to whole pixels and a line may come out a little longer.
_SURE = 0.95
_MEASURE = 560.0  # the longest line of the caption
_DOMAIN = 160.0  # the width of a domain's name, at most
_TO_TEXT = 6.0  # from a sample to its words


@dataclass(frozen=True)
class Entry:
    """A sample, drawn from x to the right around the height y, and its words."""

    text: str
    sample: float = 0.0  # the sample's width; 0 for words alone
    draw: Callable[[Canvas, float, float], None] | None = None

    @property
    def width(self) -> float:
        """The width of sample and words together."""
        return self.beside + width(self.text, SMALL)

    @property
    def beside(self) -> float:
        """How far from the sample's left end the words begin."""
        return self.sample + (_TO_TEXT if self.sample else 0.0)

    def within(self, limit: float) -> Entry:
        """The entry with its words shortened to this width of all."""
        return replace(self, text=shorten(self.text, limit - self.beside, SMALL))


Row = tuple[str, Sequence[Entry]]


def draw_legend(canvas: Canvas, y: float, rows: Iterable[Row]) -> float:
    """Draw rows from the top y, broken where the sheet ends; return where the next may begin."""
    x, end = canvas.margin, canvas.width - canvas.margin
    rows = [row for row in rows if row[1]]
    left = x + max(width(heading, SMALL, bold=True) for heading, _ in rows) + 14.0
    for heading, entries in rows:
        canvas.text(x, y + ROW / 2, heading, bold=True, gid="legend")
        at = left
        for entry in (whole.within(end - left) for whole in entries):
            if at > left and at + entry.width > end:
                at, y = left, y + ROW
            if entry.draw:
                entry.draw(canvas, at, y + ROW / 2)
            canvas.text(at + entry.beside, y + ROW / 2, entry.text, gid="legend")
            at += entry.width + _BETWEEN
        y += ROW
    return y


def edge_rows(
    graph: nx.DiGraph[str],
    limits: tuple[float, float],
    *,
    faint: bool = False,
    intervals: bool = True,
) -> list[Row]:
    """What the strokes and widths of edges mean; `faint` draws the grey ones as faint edges.

    `intervals` says whether the figure has any.
    """
    present = {effect["verdict"] for effect in effects_of(graph).values()}
    signs = {"gain": "gain (+)", "loss": "loss (\u2212)"}
    shown = [v for v in VERDICTS if v in present or not VERDICTS[v].mark]
    strokes = [
        Entry(signs.get(v, VERDICTS[v].word), 34.0, _edge_sample(v, faint=faint)) for v in shown
    ]
    low, high = (f"{limit:g}" for limit in limits)
    words = (f"under {low}", f"{low} to {high}", f"{high} points or more")
    widths = [
        Entry(w, 34.0, _edge_sample("gain", at)) for w, at in zip(words, BIN_WIDTHS, strict=True)
    ]
    coloured = any(VERDICTS[verdict].coloured for verdict in present)
    return [
        ("A \u2192 B: effect on B", strokes),
        ("Size of the effect", widths if coloured else []),
        *remark_rows(graph, intervals=intervals),
    ]


def remark_rows(graph: nx.DiGraph[str], *, intervals: bool = True) -> list[Row]:
    """Why numbers have no interval, and what the sign after a number means, where there are any."""
    effects, tasks = effects_of(graph).values(), tasks_of(graph).values()
    lacking = {effect["lacking"] for effect in effects}
    lacking |= {task.get("full_lacking", "") for task in tasks}
    collapsed = any(e["collapsed"] for e in effects)
    collapsed |= any(task.get("full_collapsed") for task in tasks)
    reasons = [Entry(why) for why in sorted(lacking - {""}) if intervals]
    return [(NO_INTERVAL, reasons), collapsed_row(collapsed)]


def collapsed_row(there: object) -> Row:
    """What the sign after a number means, if it is there."""
    return COLLAPSED, [Entry("the model did not learn; its baseline did")] if there else []


def node_rows(graph: nx.DiGraph[str], *, brief: bool = False) -> list[Row]:
    """What shapes, fills and rings of nodes mean; `brief` in few words."""
    tasks = tasks_of(graph).values()
    kinds = sorted({task["kind"] for task in tasks} - {""})  # of others' runs it is not known
    rows: list[Row] = [
        ("Kind of task", [Entry(kind, 26.0, _shape_sample(kind)) for kind in kinds]),
        domain_row(graph),
    ]
    if any("full_verdict" in task for task in tasks):
        whole = "all tasks of the group" if "view" in graph.graph else "all tasks"
        text = f"effect of training with {whole} at once, in the strokes of the edges"
        text = f"effect of {whole} at once" if brief else text
        rows.append(("Outer ring", [Entry(text, 26.0, _ring_sample)]))
    return rows


def domain_row(graph: nx.DiGraph[str]) -> Row:
    """What the fills of nodes, or on a matrix's diagonal, mean."""
    fills = palette.domain_fills(task["domain"] for task in tasks_of(graph).values())
    numbers = {name: n for n, name in enumerate(fills, start=1)}
    labels = fit_names({legible(name): n for name, n in numbers.items()}, _DOMAIN, SMALL)
    return "Domain", [
        Entry(one_line(labels[legible(name)]), 26.0, _fill_sample(fill))
        for name, fill in fills.items()
    ]


def _edge_sample(
    verdict: str, line_width: float | None = None, *, faint: bool = False
) -> Callable[..., None]:
    style = VERDICTS[verdict]

    def draw(canvas: Canvas, x: float, y: float) -> None:
        ends = np.array([x, y]), np.array([x + 34.0, y])
        draw_edge(
            canvas,
            bowed(*ends, 0.0),
            style,
            line_width or style.width,
            faint=faint and style.colour == palette.GREY,
        )

    return draw


def _shape_sample(kind: str) -> Callable[..., None]:
    def draw(canvas: Canvas, x: float, y: float) -> None:
        shape = outline(kind, 13.0, 5.5) + np.array([x + 13.0, y])
        canvas.shape(shape, fill=palette.WHITE, line=palette.NODE_LINE, width=1.0)

    return draw


def _fill_sample(fill: str) -> Callable[..., None]:
    def draw(canvas: Canvas, x: float, y: float) -> None:
        box = np.array([(0, -5.5), (26, -5.5), (26, 5.5), (0, 5.5)]) + np.array([x, y])
        canvas.shape(box, fill=fill, line=palette.HAIRLINE, width=0.6)

    return draw


def _ring_sample(canvas: Canvas, x: float, y: float) -> None:
    shape = outline("classification", 9.5, 3.0) + np.array([x + 13.0, y])
    canvas.shape(shape, fill=palette.WHITE, line=palette.NODE_LINE, width=0.8)
    canvas.shape(expand(shape, 3.5), line=palette.GAIN, width=1.6)


def draw_title(canvas: Canvas, title: str) -> float:
    """Set the title, if there is one, at the top; return where the figure begins."""
    if not title:
        return MARGIN
    limit = canvas.width - 2 * MARGIN
    lines = wrap(title, _SURE * limit, TITLE, bold=True)
    return canvas.lines(MARGIN, MARGIN, lines, size=TITLE, bold=True, gid="title") + 12.0


def draw_foot(
    canvas: Canvas,
    y: float,
    rows: Iterable[Row],
    caption: str,
    labels: Labels = MappingProxyType({}),
    numbers: Mapping[str, int] = MappingProxyType({}),
) -> Sheet:
    """Draw the legend, the key of the labels and the caption from y on, and cut the sheet there."""
    y = draw_key(canvas, draw_legend(canvas, y, rows) + 8.0, labels, numbers)
    if caption:
        rule = [(MARGIN, y), (canvas.width - MARGIN, y)]
        canvas.shape(rule, line=palette.HAIRLINE, width=0.6, closed=False)
        lines = wrap(caption, _SURE * min(canvas.width - 2 * MARGIN, _MEASURE), SMALL)
        y = canvas.lines(MARGIN, y + 6.0, lines, colour=palette.MUTED, gid="caption")
    return canvas.finish(y + MARGIN)
