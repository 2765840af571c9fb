"""Whether models have learned: their scores against that of the best constant answer.

A model that gives every example the same answer scores alike in all runs, whatever it was trained
with: that nothing changes its score is no sign of equivalence.
"""

from __future__ import annotations

import pandas as pd

from transfer_study.metrics.constant import ROUNDING


def is_above(scores: pd.Series[float], constant: float | pd.Series[float]) -> pd.Series[bool]:
    """Which runs score above the constant answer; a score that is missing does not."""
    return scores > constant + ROUNDING


def has_learned(scores: pd.Series[float], constant: float) -> bool:
    """Whether a model does so in most of its runs."""
    return bool(is_above(scores, constant).mean() > 0.5)
