"""The forest plot: which of an effect's two intervals is which line."""

from __future__ import annotations

import re

import pytest

from transfer_study.report.page import forest
from transfer_study.report.page.scale import limit_of
from transfer_study.report.page.subject import Subject


def _ends(path: str) -> tuple[float, float]:
    """Where the line of an interval begins and ends."""
    found = re.match(r"M([-\d.]+),0H([-\d.]+)", path)
    assert found is not None
    return float(found[1]), float(found[2])


def test_the_raw_and_the_adjusted_interval_of_an_effect_are_each_where_they_are(content) -> None:
    subject = Subject(content(4))
    limit = limit_of(subject.first, subject.content.study.margin)
    seen = 0
    for plot in forest.plots(subject):
        for row in plot.rows:
            if row.effect is None or not row.raw:
                continue
            raw = (row.effect.low, row.effect.high)
            adjusted = (row.effect.adjusted_low, row.effect.adjusted_high)
            for path, interval in ((row.raw, raw), (row.adjusted, adjusted)):
                wanted = [
                    forest.CENTRE + forest.HALF * max(-1.0, min(1.0, end / limit))
                    for end in interval
                ]
                assert _ends(path) == pytest.approx(wanted, abs=0.06)
            (left, right), (far_left, far_right) = _ends(row.raw), _ends(row.adjusted)
            assert far_left <= left <= right <= far_right
            seen += (far_left, far_right) != (left, right)
    assert seen
