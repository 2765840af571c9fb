"""How much a graph says, by its number of tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from transfer_study.figures.canvas import MARGIN, PAGE
from transfer_study.figures.lettering import BODY, SMALL


@dataclass(frozen=True)
class Detail:
    """What is written and drawn, and how large the circle is to begin with."""

    label_grey: bool
    label_coloured: bool
    draw_grey: bool
    brief_rings: bool  # no intervals at the rings
    name_size: float
    name_limit: float  # where names are broken, in points
    name_lines: int  # at most
    flat: float  # the height of the circle, an ellipse on the page, as a share of its width
    gap: float  # the least distance of two nodes
    bow: tuple[float, float, float]  # share of the distance, at least, at most (points)
    width: float = PAGE - 2 * MARGIN  # of all that is drawn, at least
    narrow: bool = False  # whether it is that at most as well
    intervals: bool = True  # below the numbers of edges


_FEW = Detail(
    label_grey=True,
    label_coloured=True,
    draw_grey=True,
    brief_rings=False,
    name_size=BODY,
    name_limit=104,
    name_lines=4,
    flat=0.5,
    gap=60,
    bow=(0.07, 18, 26),
)
_SEVERAL = replace(
    _FEW, label_grey=False, name_limit=84, name_lines=3, flat=0.85, gap=30, bow=(0.06, 8, 20)
)
_MANY = Detail(
    label_grey=False,
    label_coloured=False,
    draw_grey=False,
    brief_rings=True,
    name_size=SMALL,
    name_limit=66,
    name_lines=3,
    flat=1.0,
    gap=14,
    bow=(0.05, 6, 14),
)


_LABELLED_IN_COLUMN, _DRAWN_IN_COLUMN = 16, 32  # coloured edges; more are a tangle so small


def column_details(tasks: int, coloured: int, width: float) -> tuple[Detail, ...]:
    """Ways to draw a graph no wider than this, the one that says most first; perhaps none."""
    few = replace(_FEW, name_limit=84, flat=0.9, gap=20, bow=(0.06, 8, 16), brief_rings=True)
    few = replace(few, width=width, narrow=True)
    brief = replace(few, intervals=False)
    bare = replace(_MANY, flat=1.2, gap=8, width=width, narrow=True)
    if tasks <= 4:
        return few, brief, bare
    if coloured <= _LABELLED_IN_COLUMN:
        return replace(brief, label_grey=False, name_size=SMALL, name_limit=66), bare
    return (bare,) if coloured <= _DRAWN_IN_COLUMN else ()


def detail_for(tasks: int) -> Detail:
    """All is said of up to four tasks; grey edges are faint up to eight, then left out."""
    if tasks <= 4:
        return _FEW
    return _SEVERAL if tasks <= 8 else _MANY
