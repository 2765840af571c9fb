"""What tasks and domains are called in a figure: whole, in part, or by a number.

A label stands for one name alone; the names of those that are not whole are in a key below.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import networkx as nx

from transfer_study.figures import palette
from transfer_study.figures.canvas import Canvas
from transfer_study.figures.fonts import drawable
from transfer_study.figures.lettering import (
    SMALL,
    longest_fitting,
    width,
    wrap,
    wrap_name,
)

Labels = Mapping[str, tuple[str, ...]]  # the lines of each name's label

_HEADING = "Names"
_NO_FONT = "no font of this machine has its letters; report.html has the name"


def numbers_of(graph: nx.DiGraph[str]) -> dict[str, int]:
    """The number of each task in the study, which the report's key has too."""
    return {name: graph.nodes[name]["number"] for name in graph}


def plain_label(name: str, number: int, what: str = "task") -> str:
    """A name, or what it is and its number where no font has the letters."""
    return name if drawable(name) else f"{what} {number}"


def fit_names(
    numbers: Mapping[str, int],
    limit: float,
    size: float,
    *,
    lines: int = 1,
    whole: float = math.inf,
    bold: bool = False,
    plain: Callable[[str, int], str] = plain_label,
) -> dict[str, tuple[str, ...]]:
    """Labels of at most so many lines about `limit` points wide, unlike one another.

    `numbers` are by the names; a name that is cut has its number before it. `whole` is the greatest
    width on one line; `plain` makes of a name and its number what is to be shown.
    """

    def fits(text: str) -> bool:
        if lines == 1:
            return width(text, size, bold=bold) <= min(limit, whole)
        broken = wrap_name(text, limit, size, bold=bold)
        return len(broken) <= lines and width(text, size, bold=bold) <= whole

    def label(name: str, number: int) -> str:
        text = plain(name, number)
        return text if fits(text) else longest_fitting(f"{number} {text}", fits)

    texts = {name: label(name, number) for name, number in numbers.items()}
    return {
        name: (text,) if lines == 1 else tuple(wrap_name(text, limit, size, bold=bold))
        for name, text in texts.items()
    }


def one_line(label: tuple[str, ...]) -> str:
    """A label on one line, as the key has it."""
    return "".join(label)


def draw_key(canvas: Canvas, y: float, labels: Labels, numbers: Mapping[str, int]) -> float:
    """Draw the names of the labels that are not whole from the top y; return where it ends."""
    told = {numbers[name]: name for name, label in labels.items() if one_line(label) != name}
    if not told:
        return y
    canvas.text(canvas.margin, y + 0.61 * SMALL, _HEADING, bold=True, gid="key")
    left = canvas.margin + width(_HEADING, SMALL, bold=True) + 14.0
    at = left + max(width(str(number), SMALL, bold=True) for number in told) + 6.0
    for number, name in sorted(told.items()):
        canvas.lines(at - 6.0, y, [str(number)], bold=True, align="right", gid="key")
        meant = name if drawable(name) else _NO_FONT
        lines = wrap(meant, 0.95 * (canvas.width - canvas.margin - at), SMALL)
        y = canvas.lines(at, y, lines, colour=palette.MUTED, gid=f"key:{name}") + 1.5
    return y + 4.0
