"""A sheet as SVG inside a page: words as words, and parts that the page's script can find.

Written without matplotlib, whose artists and files would take most of a page's time: one of a
hundred tasks has a hundred graphs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape, quoteattr

from matplotlib.path import Path

from transfer_study.figures.sheet import Line, Shape, Sheet

Marks = Mapping[str, Mapping[str, str]]  # attributes of a part, by its gid

_ANCHORS = {"center": "middle", "right": "end"}
# Of a path's codes, how often each stands for one curve, and its letter.
_LETTERS = {int(Path.MOVETO): (1, "m"), int(Path.LINETO): (1, "l"), int(Path.CURVE3): (2, "q")}


def embedded(sheet: Sheet, marks: Marks, **root: str) -> str:
    """The SVG of a sheet, its marked parts in groups with their attributes.

    `root` are attributes of the whole. Style is in attributes of each element, which a page's
    policy allows where it allows no style in line, and which its style sheet can overrule.
    """
    root = {"viewBox": f"0 0 {_number(sheet.width)} {_number(sheet.height)}", **root}
    parts = []
    for part in sorted(sheet.parts, key=lambda part: part.layer):
        element = _text(part) if isinstance(part, Line) else _path(part)
        mark = marks.get(part.gid or "")
        parts.append(element if mark is None else f"<g{_attributes(mark)}>{element}</g>")
    return f"<svg{_attributes(root)}>{''.join(parts)}</svg>"


def _path(shape: Shape) -> str:
    said = {"d": "".join(_steps(shape)).replace(" -", "-"), "fill": (shape.fill or "none").lower()}
    if shape.line:
        if shape.dashes:
            said["stroke-dasharray"] = ",".join(f"{shape.width * d:.4g}" for d in shape.dashes)
        said["stroke"] = shape.line.lower()
        if shape.width != 1:
            said["stroke-width"] = f"{shape.width:g}"
    return f"<path{_attributes(said)}/>"


def _steps(shape: Shape) -> Iterator[str]:
    """A path in steps of tenths from point to point: shorter, and alike wherever a shape stands."""
    points = [(round(x, 1), round(y, 1)) for x, y in shape.vertices.tolist()]
    codes = shape.codes or [int(Path.MOVETO), *[int(Path.LINETO)] * (len(points) - 1)]
    closes = shape.closed and shape.codes is None
    if closes:  # at its last point, which is its first
        points.pop()
    x = y = 0.0
    n, last = 0, ""
    while n < len(points):
        count, letter = _LETTERS[codes[n]]
        steps = [
            number for a, b in points[n : n + count] for number in (_number(a - x), _number(b - y))
        ]
        yield (" " if letter == last else letter) + " ".join(steps)
        x, y = points[n + count - 1]
        n, last = n + count, letter
    if closes:
        yield "z"


def _text(line: Line) -> str:
    x, y = _number(line.x), _number(line.y)
    said = {"x": x, "y": y}
    if line.bold:
        said["font-weight"] = "700"
    said["font-size"] = f"{line.size:g}px"
    if line.align in _ANCHORS:
        said["text-anchor"] = _ANCHORS[line.align]
    if line.turned:
        said["transform"] = f"rotate(-90 {x} {y})"
    said["fill"] = line.colour.lower()
    return f"<text{_attributes(said)}>{escape(line.text)}</text>"


def _number(value: float) -> str:
    """A coordinate to a tenth of a point."""
    return f"{round(value, 1) + 0.0:g}"


def _attributes(said: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in said.items())
