"""Each kind of task has a shape of its own, which fills its box."""

from __future__ import annotations

import numpy as np
import pytest

from transfer_study.figures.geometry.outline import contains, outline
from transfer_study.study.tasks.kinds import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_an_outline_is_convex_turns_one_way_and_fills_its_box(kind: str) -> None:
    shape = outline(kind, 40.0, 12.0)
    edges = np.roll(shape, -1, axis=0) - shape
    following = np.roll(edges, -1, axis=0)
    turns = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    assert (turns >= -1e-9).all()
    np.testing.assert_allclose(np.abs(shape).max(axis=0), (40, 12), atol=0.1)
    inside = contains(shape, np.array([(0.0, 0.0), (39.9, 11.9), (50.0, 0.0)]))
    assert inside.tolist()[::2] == [True, False]


def test_no_two_kinds_look_alike() -> None:
    shapes = {tuple(np.round(outline(kind, 40.0, 12.0), 2).flatten()) for kind in KINDS}
    assert len(shapes) == len(KINDS)
