"""Effects over training size, by their artists."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from transfer_study.analysis.graph.graph import build_graph
from transfer_study.figures import draw_sizes
from transfer_study.figures.palette import GAIN, GREY, LOSS

WORDS = {"title": "What more data change", "caption": "Means over 3 seeds. " * 20}
SIZES = (30, 100, 300)


def draw(deltas, tasks):
    about = {"tasks": tasks, "encoder": "tiny", "reading": "refine"}
    graphs = {int(n): build_graph(rows, **about) for n, rows in deltas.groupby("size")}
    return draw_sizes(graphs, **WORDS)


@pytest.fixture
def tables(make):
    """Three tasks: a helps b while b is small, b hurts a, c was not measured everywhere."""
    effects = {
        30: {("a", "b"): ("gain", 0.08), ("b", "a"): ("undecided", -0.01)},
        100: {("a", "b"): ("gain", 0.04), ("b", "a"): ("loss", -0.03)},
        300: {("a", "b"): ("equivalent", 0.0), ("b", "a"): ("loss", -0.06)},
    }
    made = [
        make(
            ["a", "b", "c"],
            lambda s, t, size=size: (
                ("failed", 0.0)
                if (s, t, size) == ("c", "a", 100)
                else effects[size].get((s, t), ("undecided", 0.005))
            ),
        )
        for size in SIZES
    ]
    deltas = pd.concat(
        [m.deltas.assign(size=size) for m, size in zip(made, SIZES, strict=True)]
    ).astype({"size": "Int64"})
    # c is of one size.
    deltas.loc[deltas["target"] == "c", "size"] = pd.NA
    return deltas, made[0].tasks


@pytest.fixture
def drawn(tables, artists):
    return artists(draw(*tables))


def middle(patch) -> np.ndarray:
    box = patch.get_path().get_extents()
    return (box.min + box.max) / 2


def test_every_edge_into_a_target_of_several_sizes_has_a_panel(drawn):
    panels = {f"{source}->{target}" for source in ("a", "b", "c", "+") for target in "ab"}
    assert drawn.gids("panel:") == panels
    assert drawn.gids("column:") == {"a", "b"}
    assert drawn.gids("row:") == {"a", "b", "c", "+"}
    marks = {f"a->b@{size}" for size in SIZES}
    assert marks <= drawn.gids("mark:")


def test_marks_go_from_left_to_right_and_as_high_as_their_effects(drawn):
    at = [middle(drawn.patches[f"mark:a->b@{size}"]) for size in SIZES]
    assert at[0][0] < at[1][0] < at[2][0]
    assert at[0][1] < at[1][1] < at[2][1]  # y points down: the gain becomes smaller
    panel = drawn.patches["panel:a->b"].get_path().get_extents()
    zero = (panel.min[1] + panel.max[1]) / 2
    assert at[2][1] == pytest.approx(zero, abs=0.5)
    # Twice the effect is twice as high.
    assert zero - at[0][1] == pytest.approx(2 * (zero - at[1][1]), abs=1.5)
    line = drawn.patches["line:a->b"].get_path().vertices
    assert np.allclose(line[:, 0], [m[0] for m in at], atol=0.5)


def test_verdicts_differ_in_shape_and_fill_as_well_as_colour(drawn):
    gain, loss, equivalent, undecided = (
        drawn.patches[f"mark:{name}"] for name in ("a->b@30", "b->a@100", "a->b@300", "b->a@30")
    )
    assert [to_hex(m.get_edgecolor()).upper() for m in (gain, loss, equivalent, undecided)] == [
        GAIN,
        LOSS,
        GREY,
        GREY,
    ]
    filled = [to_hex(m.get_facecolor()).upper() != "#FFFFFF" for m in (gain, loss)]
    filled += [to_hex(m.get_facecolor()).upper() != "#FFFFFF" for m in (equivalent, undecided)]
    assert filled == [True, False, True, False]
    assert gain.get_path().vertices[0][1] < middle(gain)[1]  # points up
    assert loss.get_path().vertices[0][1] > middle(loss)[1]


def test_a_size_that_failed_is_crossed_and_nothing_is_drawn_across_it(drawn):
    assert "cross:c->a@100" in drawn.patches
    assert "failed" in drawn.text("legend")
    for part in ("line:c->a", "band:c->a"):
        # The last of the pieces: it holds the largest size only.
        box = drawn.patches[part].get_path().get_extents()
        assert np.ptp([box.min[0], box.max[0]]) < 1
    whole = drawn.patches["band:a->b"].get_path().get_extents()
    assert np.ptp([whole.min[0], whole.max[0]]) > 40


def test_bands_hold_the_intervals(drawn):
    band = drawn.patches["band:a->b"].get_path().get_extents()
    marks = [middle(drawn.patches[f"mark:a->b@{size}"])[1] for size in SIZES]
    assert band.min[1] < min(marks)
    assert band.max[1] > max(marks)


def test_on_the_diagonal_stand_the_scores_at_each_size(drawn):
    assert [text.get_text() for text in drawn.texts["score:a"]] == ["61.2"] * 3
    assert "score:c" not in drawn.texts


def test_the_only_target_of_several_sizes_has_its_scores_as_well(tables, artists):
    deltas, tasks = tables
    deltas.loc[deltas["target"] == "b", "size"] = pd.NA
    drawn = artists(draw(deltas, tasks))
    assert drawn.gids("column:") == {"a"}
    assert [text.get_text() for text in drawn.texts["score:a"]] == ["61.2"] * 3


@pytest.mark.parametrize("tasks", [2, 5, 9])
@pytest.mark.parametrize("sizes", [1, 3, 6])
def test_text_stays_apart_and_inside(tasks, sizes, random_tables, artists, overlaps):
    tables = random_tables(tasks, tasks)
    every = [tables.deltas.assign(size=10**n) for n in range(1, sizes + 1)]
    deltas = pd.concat(every).astype({"size": "Int64"})
    drawn = artists(draw(deltas, tables.tasks))
    width, height = 72 * drawn.figure.get_size_inches()
    words = drawn.boxes("row:", "column:", "title", "caption")
    assert not overlaps({**words, **drawn.boxes("panel:")})
    for gid, box in {**words, **drawn.boxes("panel:", "mark:", "band:")}.items():
        assert (box[:2] > 0).all(), gid
        assert box[2] < width, gid
        assert box[3] < height, gid
