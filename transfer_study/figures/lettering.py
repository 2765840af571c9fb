"""Type: how wide a text is, how it breaks, how numbers are written."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from functools import cache

from matplotlib.textpath import TextToPath

from transfer_study.figures.fonts import drawable, font, legible

TITLE = 12.0  # sizes in points
BODY = 9.0
SMALL = 8.0
LEADING = 1.22  # from one baseline to the next, in sizes
_EXCESS = 1.6  # how far, in lines, a part of a name may run over before it is broken

_METRICS = {
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "entity_f1": "entity F1",
    "example_f1": "example F1",
    "pearson": "Pearson r",
    "spearman": "Spearman rho",
}


@cache
def width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of one line in points; a letter that no font has is as wide as it is high."""
    known = text if drawable(text) else "".join(filter(drawable, text))
    properties = font(known, size, bold=bold)
    measured = TextToPath().get_text_width_height_descent(known, properties, False)[0]
    return float(measured) + size * (len(text) - len(known))


def height(lines: int, size: float) -> float:
    """The height in points of so many lines of text."""
    return lines * size * LEADING


def wrap(text: str, limit: float, size: float, *, bold: bool = False) -> list[str]:
    """Break a text between words into lines at most `limit` points wide; its own breaks stay.

    Letters that no font has are their code points.
    """
    lines: list[str] = []
    for paragraph in legible(text).split("\n"):
        lines += _fill(re.findall(r"\S+\s*", paragraph) or [""], limit, size, bold)
    return lines


def wrap_name(name: str, limit: float, size: float, *, bold: bool = False) -> list[str]:
    """Break a task's name after hyphens and underscores, and in a part that is far too long."""
    return _fill(re.findall(r"[^-_]*[-_]?", name)[:-1], limit, size, bold, may_exceed=_EXCESS)


def shorten(text: str, limit: float, size: float, *, bold: bool = False) -> str:
    """The text, or its beginning and end with a gap between, at most `limit` points wide."""
    return longest_fitting(text, lambda short: width(short, size, bold=bold) <= limit)


def longest_fitting(text: str, fits: Callable[[str], bool]) -> str:
    """The text, or as much of its beginning and end as fits with a gap between."""
    if fits(text):
        return text

    def kept(letters: int) -> str:
        return f"{text[: (letters + 1) // 2]}\u2026{text[len(text) - letters // 2 :]}"

    most = bisect_left(range(2, len(text)), True, key=lambda n: not fits(kept(n))) + 1
    return kept(max(most, 2))


def _fill(
    parts: list[str], limit: float, size: float, bold: bool, *, may_exceed: float = 1.0
) -> list[str]:
    lines = [""]
    for part in parts:
        for piece in _pieces(part, limit, size, bold, may_exceed):
            longer = lines[-1] + piece
            if lines[-1] and width(longer.rstrip(), size, bold=bold) > limit:
                lines.append(piece)
            else:
                lines[-1] = longer
    return [line.rstrip() for line in lines]


def _pieces(part: str, limit: float, size: float, bold: bool, may_exceed: float) -> Iterator[str]:
    """A part whole, or, where it is far longer than a line, in pieces that fill lines."""
    if width(part.rstrip(), size, bold=bold) <= may_exceed * limit:
        yield part
        return
    while part:
        end = bisect_right(
            range(2, len(part) + 1), limit, key=lambda n: width(part[:n].rstrip(), size, bold=bold)
        )
        yield part[: end + 1]
        part = part[end + 1 :]


def metric_name(metric: str) -> str:
    """The metric as readers write it."""
    return _METRICS.get(metric, metric.replace("_", " "))
