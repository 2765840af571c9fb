"""Why there is no interval, in words."""

from __future__ import annotations

import pytest

from transfer_study.analysis.effects.intervals import no_interval_of_scores
from transfer_study.analysis.effects.uncertainty import paired_t


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ([0.7], "one seed"),
        ([0.7, 0.7], "all runs score alike"),
        ([0.1, 0.9], "no usable interval with 2 seeds"),
        ([0.7, 0.71], ""),
    ],
)
def test_the_mean_of_scores_says_what_it_lacks(scores: list[float], says: str) -> None:
    assert no_interval_of_scores(paired_t(scores).within(0, 1), len(scores)) == says
