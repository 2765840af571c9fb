"""How much a graph says, by its number of tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    flat: float  # the height of the circle, an ellipse on the page, as a share of its width
    gap: float  # the least distance of two nodes
    bow: tuple[float, float, float]  # share of the distance, at least, at most (points)


_FEW = Detail(
    label_grey=True,
    label_coloured=True,
    draw_grey=True,
    brief_rings=False,
    name_size=BODY,
    name_limit=104,
    flat=0.5,
    gap=60,
    bow=(0.07, 18, 26),
)
_SEVERAL = replace(_FEW, label_grey=False, name_limit=84, flat=0.85, gap=30, bow=(0.06, 8, 20))
_MANY = Detail(
    label_grey=False,
    label_coloured=False,
    draw_grey=False,
    brief_rings=True,
    name_size=SMALL,
    name_limit=66,
    flat=1.0,
    gap=14,
    bow=(0.05, 6, 14),
)


def detail_for(tasks: int) -> Detail:
    """All is said of up to four tasks; grey edges are faint up to eight, then left out."""
    if tasks <= 4:
        return _FEW
    return _SEVERAL if tasks <= 8 else _MANY
