"""The scale that all intervals of a frame are drawn on."""

from __future__ import annotations

import math

from transfer_study.report.page.frames import Frame
from transfer_study.study.margin import Margin

_LIMITS = (0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)


def limit_of(frame: Frame, margin: Margin) -> float:
    """Half the width of the scale, a fraction of 1.

    All deltas are on it, and intervals as far as they do not make these too small to see.
    """
    deltas = [abs(e.delta) for e in frame if not math.isnan(e.delta)]
    ends = [
        abs(end)
        for e in frame
        for end in (e.low, e.high, e.adjusted_low, e.adjusted_high)
        if math.isfinite(end)
    ]
    margins = [margin.of(e.baseline) for e in frame if not math.isnan(e.baseline)]
    least = max([*deltas, *margins, 0.0])
    wanted = min(max([*ends, least]), 3 * least)
    return next((limit for limit in _LIMITS if limit >= wanted), 2.0)
