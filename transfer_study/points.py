"""Numbers and verdicts as every table, figure, page and sentence writes them; scores in points.

A fraction of 1 is first rounded to the six decimals that the CSV files have, then half away from
zero to a tenth of a point, so that who reads the files and rounds by hand gets the same digits.
`report/page/script/format.js` does the same sums.
"""

from __future__ import annotations

import math

MINUS = "−"
MISSING = "–"
DECIMALS = 6  # of a fraction of 1, in files and on the page
_PER_TENTH = 10 ** (DECIMALS - 3)  # last decimals in a tenth of a point


def tenths(value: float) -> int:
    """A fraction of 1 in tenths of a point; raises ValueError for what is not finite."""
    last = int(f"{value:.{DECIMALS}f}".replace(".", ""))
    size: int = (2 * abs(last) + _PER_TENTH) // (2 * _PER_TENTH)
    return -size if last < 0 else size


def points(value: float, *, signed: bool = False) -> str:
    """A score, or a difference with its sign, times 100: 58.3, +2.7, −0.4, 0.0; a dash for NaN."""
    if math.isnan(value):
        return MISSING
    whole = tenths(value)
    sign = MINUS if whole < 0 else "+" if signed and whole else ""
    return f"{sign}{abs(whole) // 10}.{abs(whole) % 10}"


def interval(low: float, high: float, *, signed: bool = False) -> str:
    """The ends of an interval in points; a dash where there is none."""
    if math.isnan(low) or math.isnan(high):
        return MISSING
    return f"[{points(low, signed=signed)}, {points(high, signed=signed)}]"


def axis_number(value: float) -> str:
    """A change on an axis, a fraction of 1, in points as short as they can be: +2, −0.5, 0."""
    return f"{round(100 * value, 4):+g}".replace("-", MINUS) if value else "0"


def percent(share: float) -> str:
    """A share of 1 as a whole percentage."""
    return MISSING if math.isnan(share) else f"{100 * share:.0f}%"


def p_text(p: float) -> str:
    """A p to three decimals."""
    if math.isnan(p):
        return MISSING
    return "<0.001" if p < 0.0005 else f"{p:.3f}"


def verdict_text(verdict: object) -> str:
    """A verdict, or another word of the tables, as readers write it; a dash for none."""
    return verdict.replace("_", " ") if isinstance(verdict, str) else MISSING


def known(value: object) -> str:
    """A value of a table as it is; a dash where it is not known."""
    nothing = not isinstance(value, str) and str(value) in ("None", "nan", "<NA>", "NaT")
    return MISSING if nothing else str(value)


def counted(count: int, word: str) -> str:
    """So many things: 1 edge, 2 edges."""
    return f"{count} {word}{'' if count == 1 else 's'}"
