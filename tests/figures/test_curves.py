"""A line a recipe and seed in its task's panel; the chosen recipe and the study's own stand out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

from transfer_study.figures import palette
from transfer_study.figures.curves import draw_curves

TARGETS = pd.DataFrame(
    {
        "target": ["a", "b", "c"],
        "metric": ["micro_f1", "pearson", "accuracy"],
        "constant": [0.2, 0.0, 0.5],
    }
)
CURVES = pd.DataFrame(
    [
        (target, recipe, seed, epoch, 0.1 * recipe + 0.02 * epoch)
        for target in "abc"
        for recipe in (1, 2, 3)
        for seed in (0, 1)
        for epoch in range(1, 2 * recipe)
    ],
    columns=["target", "recipe", "seed", "epoch", "dev"],
)


def lines(figure: Figure, gid: str) -> list[PathPatch]:
    found = (patch for axes in figure.axes for patch in axes.patches)
    return [patch for patch in found if patch.get_gid() == gid]


@pytest.fixture(scope="module")
def figure() -> Figure:
    return draw_curves(CURVES, TARGETS, 3, title="mine", caption="and so on")


def test_every_trial_has_its_line(figure: Figure) -> None:
    for recipe in (1, 2, 3):
        of_recipe = lines(figure, f"curve:{recipe}")
        assert len(of_recipe) == 6
        vertices = np.asarray(of_recipe[0].get_path().vertices)
        assert len(vertices) == max(2 * recipe - 1, 2)
        if recipe > 1:
            assert (np.diff(vertices[:, 0]) > 0).all()
            assert (np.diff(vertices[:, 1]) < 0).all()  # it rises; y goes down the page


def test_the_chosen_recipe_and_the_study_s_own_stand_out(figure: Figure) -> None:
    from matplotlib.colors import to_hex

    colours = {
        n: {to_hex(p.get_edgecolor()) for p in lines(figure, f"curve:{n}")} for n in (1, 2, 3)
    }
    wanted = {1: palette.INK, 2: palette.FAINT, 3: palette.RUN}
    assert colours == {n: {colour.lower()} for n, colour in wanted.items()}
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert {"mine", "a", "b", "c", "micro F1", "Pearson r", "a constant answer"} <= set(texts)
    assert "recipe 3, the best for all tasks" in texts
    assert "the study's own" in texts


def test_a_constant_s_score_is_a_line_across_its_panel(figure: Figure) -> None:
    constants = lines(figure, "constant")
    assert len(constants) == 3
    for patch in constants:
        vertices = np.asarray(patch.get_path().vertices)
        assert vertices[0, 1] == vertices[1, 1]


def test_one_epoch_and_equal_scores_are_drawn_too() -> None:
    one = pd.DataFrame([("a", 1, 0, 1, 0.5)], columns=["target", "recipe", "seed", "epoch", "dev"])
    about = TARGETS[:1].assign(constant=0.5)
    figure = draw_curves(one, about, 1, title="", caption="")
    assert len(lines(figure, "curve:1")) == 1
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert "the study's own" not in texts
