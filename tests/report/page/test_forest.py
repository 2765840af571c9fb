"""The forest plot: which of an effect's two intervals is which line, on which scale."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from transfer_study.report.page import forest, page
from transfer_study.report.page.scale import limit_of
from transfer_study.report.page.subject import Subject


def _ends(path: str) -> tuple[float, float]:
    """Where the line of an interval begins and ends, in points."""
    found = re.match(r"M([-\d.]+),0H([-\d.]+)", path)
    assert found is not None
    return float(found[1]), float(found[2])


def test_the_raw_and_the_adjusted_interval_of_an_effect_are_each_where_they_are(content) -> None:
    subject = Subject(content(4))
    seen = 0
    for plot in forest.plots(subject):
        for _, effect, _ in plot.rows:
            shapes = forest.shapes(effect)
            assert tuple(shapes) == forest.SHAPES
            raw, adjusted = _ends(shapes["raw"]), _ends(shapes["adj"])
            assert raw == pytest.approx((100 * effect.low, 100 * effect.high), abs=0.006)
            wanted = (100 * effect.adjusted_low, 100 * effect.adjusted_high)
            assert adjusted == pytest.approx(wanted, abs=0.006)
            assert shapes["seeds"].count("M") == len(effect.by_seed) == 5
            seen += adjusted[0] < raw[0] < raw[1] < adjusted[1]
    assert seen


def test_every_delta_is_on_the_scale_and_the_margin_is_its_band(content) -> None:
    made = content(4)
    html = page(made)
    left, _, wide, _ = map(
        float, re.search(r'class="scale"[^>]*viewBox="([^"]*)"', html)[1].split()
    )
    limit = 100 * limit_of(Subject(made).first, made.design.margin)
    assert left < -limit and left + wide > limit
    assert all(abs(100 * effect.delta) <= limit for effect in Subject(made).first)
    band = re.search(r'class="band"[^>]*x="([^"]*)" width="([^"]*)"', html)
    margin = 100 * made.design.margin.of(0.6)
    assert (float(band[1]), float(band[2])) == pytest.approx((-margin, 2 * margin))


def test_what_was_not_measured_has_nothing_drawn(content) -> None:
    effect = next(iter(Subject(content(4)).first))
    for absent in (None, replace(effect, verdict="not_learned")):
        assert set(forest.shapes(absent).values()) == {""}
