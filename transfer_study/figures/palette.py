"""Every colour, stroke and width of the figures.

Gain and loss are two colours of the Okabe-Ito palette, apart for colour-blind readers but nearly
one grey in print; so every verdict has a stroke and an arrowhead of its own as well. What was not
learned is violet, which no kind of colour vision takes for either, and has a diamond.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from transfer_study.points import tenths

WHITE = "#FFFFFF"
INK = "#1F1F1F"  # text
MUTED = "#5F5F5F"  # text of second rank
FAINT = "#C9C9C9"  # edges that give way to the coloured ones
HAIRLINE = "#BDBDBD"
NODE_LINE = "#3A3A3A"

GAIN = "#009E73"
LOSS = "#D55E00"
GREY = "#8C8C8C"
RUN = "#4A6FA5"  # a single run
SPREAD = "#E3E8EF"  # what most runs lie in
GRID = "#EDEDED"
EQUIVALENT_FILL = "#EFEFEF"
NOT_LEARNED_FILL = "#F1EDFA"

# Apart in hue for every kind of colour vision and in lightness for print; far paler than an edge.
_DOMAIN_FILLS = ("#DCEAF8", "#FFF6CF", "#DCCDEC", "#F1F1F1", "#C6E3EA", "#EED9C9")


@dataclass(frozen=True)
class VerdictStyle:
    """How one verdict looks, on an edge, a ring or a cell."""

    word: str
    colour: str
    text: str  # the colour darkened until small type has a contrast of 4.5 on white
    dashes: tuple[float, ...]  # on and off, in line widths; of a solid line none
    filled: bool  # the arrowhead
    width: float  # in points, where it does not follow the size of the effect
    mark: Literal["cross", "circle", "diamond"] | None = None  # on what has no number

    @property
    def coloured(self) -> bool:
        """Whether this verdict says that something changed."""
        return self.colour != GREY and self.mark is None

    @property
    def always_drawn(self) -> bool:
        """Whether it is drawn where grey edges are left out."""
        return self.coloured or self.mark == "cross"


VERDICTS: dict[str, VerdictStyle] = {
    "gain": VerdictStyle("gain", GAIN, "#00654A", (), True, 2.4),
    "loss": VerdictStyle("loss", LOSS, "#A34300", (2.4, 1.3), False, 2.4),
    "equivalent": VerdictStyle("equivalent", GREY, MUTED, (), True, 1.0),
    "undecided": VerdictStyle("undecided", GREY, MUTED, (1.0, 1.9), False, 1.2),
    "not_learned": VerdictStyle(
        "not learned", "#6A4FB3", "#563A9E", (5.0, 1.8, 1.0, 1.8), False, 1.1, mark="diamond"
    ),
    "failed": VerdictStyle("failed", GREY, INK, (), False, 0.8, mark="cross"),
    "not_run": VerdictStyle("not run", GREY, MUTED, (), False, 0.8, mark="circle"),
}

# What became of an edge from one study to another, in hues that are no verdict's.
CHANGES: dict[str, VerdictStyle] = {
    "flipped": VerdictStyle(
        "flipped: gain \u2194 loss", "#7B2D8B", "#7B2D8B", (5.0, 1.2, 1.2, 1.2), True, 1.2
    ),
    "appeared": VerdictStyle("appeared", "#0072B2", "#005A8E", (), True, 1.2),
    "vanished": VerdictStyle("vanished", "#C98A00", "#7A5400", (2.4, 1.3), False, 1.2),
    "changed": VerdictStyle("same verdict, other size", INK, INK, (1.0, 0.8), True, 1.2),
    "kept": VerdictStyle("kept", GREY, MUTED, (), True, 0.8),
    "only_a": VerdictStyle("in the first study only", GREY, MUTED, (4.0, 3.0), False, 0.8),
    "only_b": VerdictStyle("in the second study only", GREY, MUTED, (1.0, 2.4), False, 0.8),
    "not_measured": VerdictStyle(
        "failed, not run or not learned in one", GREY, MUTED, (), False, 0.8, mark="circle"
    ),
}

# The width of a coloured edge in the three bins of |delta|, and the pairs of limits in points of
# which a figure takes the largest whose third bin is not empty.
BIN_WIDTHS = (1.3, 2.4, 4.0)
_LIMITS = ((0.5, 1.0), (1.0, 2.0), (2.0, 4.0), (5.0, 10.0), (10.0, 20.0), (20.0, 40.0))


def bin_limits(deltas: Iterable[float]) -> tuple[float, float]:
    """The two limits, in points, between the bins of these deltas (fractions of 1)."""
    largest = max((_points(delta) for delta in deltas), default=0.0)
    return max((pair for pair in _LIMITS if pair[1] <= largest), default=_LIMITS[0])


def bin_width(delta: float, limits: tuple[float, float]) -> float:
    """The width, in points of type, of a coloured edge with this delta (a fraction of 1)."""
    return BIN_WIDTHS[sum(_points(delta) >= limit for limit in limits)]


def domain_fills(domains: Iterable[str]) -> dict[str, str]:
    """A fill for every domain; beyond six they come round again."""
    names = sorted(set(domains))
    return {name: _DOMAIN_FILLS[i % len(_DOMAIN_FILLS)] for i, name in enumerate(names)}


_DEEPEST = 0.8  # the scale stops here, so that dark type stays readable on its ends


def shade(delta: float, largest: float) -> str:
    """The colour of a delta on the scale from loss at -largest through white to gain."""
    share = min(abs(delta) / largest, 1.0) if largest > 0 else 0.0
    full = GAIN if delta > 0 else LOSS
    mixed = (round(255 + (int(full[i : i + 2], 16) - 255) * share * _DEEPEST) for i in (1, 3, 5))
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


def _points(delta: float) -> float:
    # As printed: an edge that says 2.0 must not be drawn as less than 2.
    return abs(tenths(delta)) / 10
