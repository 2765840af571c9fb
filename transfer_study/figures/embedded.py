"""A figure as SVG inside a page: words as words, and parts that the page's script can find."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import matplotlib
from matplotlib.figure import Figure

from transfer_study.figures.canvas import house_style
from transfer_study.figures.save import METADATA

Marks = Mapping[str, Mapping[str, str]]  # attributes of a part, by its gid

_SPACE = "{http://www.w3.org/2000/svg}"
_NUMBER = re.compile(r"-?\d+\.\d+")
# What says nothing: the font is the page's, and clipping is for what leaves the sheet.
_LEFT_OUT = ("font-family", "stroke-dashoffset", "clip-path", "style")
_USUAL = {"text-anchor": "start", "stroke-linejoin": "miter"}


def embedded(figure: Figure, marks: Marks, **root: str) -> str:
    """The SVG of a figure without its sheet, its marked parts in groups with their attributes.

    `root` are attributes of the whole. Style is in attributes of each element, which a page's
    policy allows where it allows no style in line, and which its style sheet can overrule.
    """
    drawn = io.BytesIO()
    with house_style(), matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(drawn, format="svg", metadata=METADATA["svg"])
    whole = ElementTree.fromstring(drawn.getvalue())
    (axes,) = (group for group in whole.iter(f"{_SPACE}g") if group.get("id") == "axes_1")
    parts = (_part(group, marks.get(group.get("id", ""))) for group in axes)
    root = {"viewBox": _rounded(whole.attrib["viewBox"]), **root}
    return f"<svg{_attributes(root)}>{''.join(parts)}</svg>"


def _part(group: ElementTree.Element, mark: Mapping[str, str] | None) -> str:
    inside = "".join(map(_element, group))
    return inside if mark is None else f"<g{_attributes(mark)}>{inside}</g>"


def _element(shape: ElementTree.Element) -> str:
    tag = shape.tag.removeprefix(_SPACE)
    said = _attributes(dict(_said(shape)))
    return f"<{tag}{said}>{escape(shape.text)}</{tag}>" if shape.text else f"<{tag}{said}/>"


def _said(shape: ElementTree.Element) -> Iterator[tuple[str, str]]:
    style = shape.get("style", "")
    pairs = (pair.split(":", 1) for pair in style.split(";") if ":" in pair)
    for name, said in (*shape.items(), *((n.strip(), v.strip()) for n, v in pairs)):
        if name in _LEFT_OUT or _USUAL.get(name) == said or said.startswith("rotate(-0"):
            continue
        shorter = {"d": _relative, "x": _rounded, "y": _rounded, "transform": _rounded}.get(name)
        yield name, shorter(said) if shorter else said


def _rounded(numbers: str) -> str:
    """Coordinates to a tenth of a point."""
    short = _NUMBER.sub(lambda found: f"{round(float(found[0]), 1) + 0.0:g}", numbers)
    return " ".join(short.split())


def _relative(path: str) -> str:
    """A path in steps of tenths from point to point: shorter, and alike wherever a shape stands."""
    said = []
    x = y = 0.0
    for command, numbers in re.findall(r"([MLQCz])([^MLQCz]*)", path):
        points = [round(float(number), 1) for number in numbers.split()]
        steps = (f"{round(n - (y if i % 2 else x), 1) + 0.0:g}" for i, n in enumerate(points))
        said.append(command.lower() + " ".join(steps).replace(" -", "-"))
        if points:
            x, y = points[-2:]
    return "".join(said)


def _attributes(said: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in said.items())
