"""Type: the two fonts, how wide a text is, how it breaks, how numbers are written."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

TITLE = 12.0  # sizes in points
BODY = 9.0
SMALL = 8.0
LEADING = 1.22  # from one baseline to the next, in sizes
MINUS = "\u2212"

_METRICS = {
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "entity_f1": "entity F1",
    "example_f1": "example F1",
    "pearson": "Pearson r",
}


def font(size: float, *, bold: bool = False) -> FontProperties:
    """DejaVu Sans as matplotlib ships it, whatever else the machine has by that name."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return FontProperties(
        fname=str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), size=size
    )


@cache
def width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of one line in points."""
    return float(TextToPath().get_text_width_height_descent(text, font(size, bold=bold), False)[0])


def height(lines: int, size: float) -> float:
    """The height in points of so many lines of text."""
    return lines * size * LEADING


def wrap(text: str, limit: float, size: float, *, bold: bool = False) -> list[str]:
    """Break a text between words into lines at most `limit` points wide; its own breaks stay."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += _fill(re.findall(r"\S+\s*", paragraph) or [""], limit, size, bold)
    return lines


def wrap_name(name: str, limit: float, size: float, *, bold: bool = False) -> list[str]:
    """Break a task's name after hyphens and underscores; a longer part stays whole."""
    return _fill(re.findall(r"[^-_]*[-_]?", name)[:-1], limit, size, bold)


def shorten(text: str, limit: float, size: float) -> str:
    """The text, or its beginning and end with a gap between, at most `limit` points wide."""
    kept = len(text)
    short = text
    while kept > 2 and width(short, size) > limit:
        kept -= 1
        short = f"{text[: (kept + 1) // 2]}\u2026{text[len(text) - kept // 2 :]}"
    return short


def _fill(parts: list[str], limit: float, size: float, bold: bool) -> list[str]:
    lines = [""]
    for part in parts:
        longer = lines[-1] + part
        if lines[-1] and width(longer.rstrip(), size, bold=bold) > limit:
            lines.append(part)
        else:
            lines[-1] = longer
    return [line.rstrip() for line in lines]


def metric_name(metric: str) -> str:
    """The metric as readers write it."""
    return _METRICS.get(metric, metric.replace("_", " "))


def points(score: float) -> str:
    """A score as a percentage; a dash where there is none."""
    return "–" if math.isnan(score) else f"{100 * score:.1f}"


def signed(delta: float) -> str:
    """A difference in points with its sign, and a true minus: +2.7, −0.4, 0.0."""
    text = f"{100 * delta:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", MINUS)


def interval(low: float, high: float, n_seeds: float = math.nan) -> str:
    """An interval in points, or why there is none; empty where that is unknown as well."""
    if math.isnan(low) or math.isnan(high):
        return "1 seed" if n_seeds == 1 else ""
    return f"[{_plain(low)}, {_plain(high)}]"


def _plain(value: float) -> str:
    text = f"{100 * value:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", MINUS)
