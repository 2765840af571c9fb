"""From labels to scores: every metric is a function of summed per-example statistics.

A bootstrap of B resamples is then one matrix product: with `counts` [B, N] saying how often each
row was drawn, `from_sums(metric, counts @ statistics(...).values)` are the B scores.
"""

from transfer_study.metrics.rows import Statistics
from transfer_study.metrics.scoring import (
    DIVISIBLE,
    from_sums,
    reported,
    score,
    score_span,
    statistics,
)

__all__ = ["DIVISIBLE", "Statistics", "from_sums", "reported", "score", "score_span", "statistics"]
