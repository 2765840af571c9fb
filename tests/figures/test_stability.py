"""The figure of variants by its artists: every run is where its score is."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from transfer_study.analysis.doubt.stability import has_failed, stability_table
from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.figures import draw_stability, draw_stability_figures
from transfer_study.figures.palette import LOSS, VERDICTS
from transfer_study.metrics import Statistics
from transfer_study.study.margin import Margin
from transfer_study.study.tasks.task import MetricName

WORDS = {"title": "What steadies learning", "caption": "Test scores in points. " * 20}


def made(**tasks: dict[str, list[float]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The runs of tasks with the scores of each variant, and their table."""
    about = {"encoder": "tiny", "reading": "refine", "arm": "single", "source": ""}
    runs = pd.DataFrame(
        [
            {
                **about,
                **{"task": task, "metric": "pearson", "variant": name, "seed": seed},
                **{"stage": f"{task}-{name}-{seed}", "value": value, "constant": 0.0},
            }
            for task, variants in tasks.items()
            for name, values in variants.items()
            for seed, value in enumerate(values)
        ]
    )
    test_sets = {}
    documents = tuple(map(str, range(50)))  # all alike
    for task, rows in runs.dropna(subset="value").groupby("task"):
        values = zip(rows["stage"], rows["value"], strict=True)
        models = {s: Statistics(np.tile([v, 1.0], (50, 1)), documents) for s, v in values}
        test_sets[str(task)] = TestSet.of(str(task), MetricName.ACCURACY, 50, 0.0, models)
    table = stability_table(runs, test_sets, Margin(absolute=0.01), ())
    return runs.assign(failed=has_failed(runs, ())), table


LONG = "a-name-that-is-longer-than-its-column"
SCORES = {
    "plain": [0.5, 0.52, -0.1, 0.0, 0.51, 0.5],
    "frozen": [0.8, 0.81, 0.2, 0.3, 0.8, 0.79],
    LONG: [0.1, 0.9, math.nan, math.nan, math.nan, math.nan],
}


@pytest.fixture
def drawn(artists: Any) -> Any:
    return artists(draw_stability(*made(a=SCORES, b={"plain": [0.2], "frozen": [0.4]}), **WORDS))


def runs_of(drawn: Any, name: str) -> list[Any]:
    children = drawn.figure.axes[0].get_children()
    return [artist for artist in children if artist.get_gid() == f"run:{name}"]


def middle(patch: Any) -> np.ndarray:
    low, high = np.reshape(patch.get_window_extent().extents, (2, 2))
    return (low + high) / 2


def test_every_run_is_drawn_once_and_in_the_order_of_scores(drawn: Any) -> None:
    marks = runs_of(drawn, "a/frozen")
    assert len(marks) == 6
    assert len(runs_of(drawn, f"a/{LONG}")) == 2  # what has no score has no place
    places = sorted(middle(mark)[0] for mark in marks)
    scores = sorted(SCORES["frozen"])
    scale = np.polyfit(scores, places, 1)
    assert np.abs(np.polyval(scale, scores) - places).max() < 1  # a pixel
    (mean,) = runs_of(drawn, "b/plain")
    assert middle(mean)[0] == pytest.approx(middle(drawn.patches["mean:b/plain"])[0], abs=1)


def test_failed_runs_are_crosses_of_another_colour(drawn: Any) -> None:
    marks = runs_of(drawn, "a/plain")
    crosses = [mark for mark in marks if to_hex(mark.get_edgecolor()).upper() == LOSS]
    assert len(crosses) == 2
    assert max(middle(c)[0] for c in crosses) < min(middle(m)[0] for m in marks if m not in crosses)
    assert drawn.text("failed:a/plain") == "2 of 6"
    assert drawn.text("failed:a/frozen") == "0 of 6"


def test_like_scores_do_not_cover_one_another(drawn: Any) -> None:
    places = [middle(mark) for mark in runs_of(drawn, "a/frozen")]
    for n, one in enumerate(places):
        assert all(np.abs(one - other).max() > 3 for other in places[:n])


def test_numbers_stand_beside_the_runs(drawn: Any) -> None:
    assert drawn.text("mean:a/plain").startswith("32.2 ± ")
    assert drawn.text("change:a/frozen").startswith("+29.5 [")
    assert drawn.text("change:a/plain") == ""
    assert drawn.text("change:b/frozen") == "+20.0"  # a single seed: no interval
    (gain,) = drawn.texts["change:a/frozen"]
    assert to_hex(gain.get_color()).upper() == VERDICTS["gain"].text.upper()
    assert "mean of plain" in drawn.text("legend")


def test_text_stays_apart_and_inside(drawn: Any, overlaps: Any) -> None:
    width, height = 72 * drawn.figure.get_size_inches()
    prefixes = ("task:", "metric:", "variant:", "mean:", "failed:", "change:", "tick:", "caption")
    words = {
        gid: box
        for gid, box in drawn.boxes(*prefixes).items()
        if gid in drawn.texts and drawn.text(gid) and not gid.startswith("tick:")
    }
    assert not overlaps(words)
    for gid, box in words.items():
        assert (box[:2] > 0).all() and box[2] < width and box[3] < height, gid


def test_a_figure_an_encoder_and_reading_of_single_tasks(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:

    saving = import_module("transfer_study.figures.save")
    monkeypatch.setattr(saving, "save", lambda figure, stem, kinds: [stem])
    runs, table = made(a={"plain": [0.1, 0.2], "x": [0.3, 0.4]})
    pair = [frame.assign(arm="pair", source="b") for frame in (runs, table)]
    other = [frame.assign(reading="finetune") for frame in (runs, table)]
    runs, table = (pd.concat(frames) for frames in zip((runs, table), pair, other, strict=True))
    paths = draw_stability_figures(runs, table, tmp_path, **WORDS)
    assert [path.name for path in paths] == ["stability", "stability-tiny-finetune"]
