"""The graph of one task by its artists: who acts on it, on whom it acts, and how much."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from transfer_study.errors import StudyError
from transfer_study.figures import draw_task_graph
from transfer_study.figures.palette import GAIN, LOSS
from transfer_study.figures.task_graph import most_decided

WORDS = {"title": "topic", "caption": "Means over 3 seeds. " * 20}


@pytest.fixture
def drawn(all_verdicts, artists):
    return artists(draw_task_graph(all_verdicts.graph, "topic", **WORDS))


def test_it_has_the_edges_into_and_out_of_the_task_and_no_others(drawn):
    others = ("words", "twist", "near")
    edges = {f"{name}->topic" for name in others} | {f"topic->{name}" for name in others}
    assert drawn.gids("edge:") == {*edges, "sample"}
    assert drawn.gids("label:") == edges


def test_partners_stand_left_of_the_task_and_its_targets_right(drawn):
    boxes = drawn.boxes("node:")
    own = boxes["node:topic"]
    for name in ("words", "twist", "near"):
        assert boxes[f"node:{name}:in"][2] < own[0]
        assert boxes[f"node:{name}:out"][0] > own[2]


def test_arrows_run_from_left_to_right_and_end_on_the_outlines(drawn):
    boxes = drawn.boxes("node:")
    height = 72 * drawn.figure.get_size_inches()[1]
    for edge in drawn.gids("edge:") - {"sample"}:
        source, target = edge.split("->")
        tip = drawn.patches[f"head:{edge}"].get_path().vertices[0] * (1, -1) + (0, height)
        start = drawn.patches[f"edge:{edge}"].get_path().vertices[0] * (1, -1) + (0, height)
        assert start[0] < tip[0]
        for end, name, side in ((start, source, "in"), (tip, target, "out")):
            box = boxes["node:topic" if name == "topic" else f"node:{name}:{side}"]
            assert np.linalg.norm(end - np.clip(end, box[:2], box[2:])) < 4


def test_the_best_effect_is_on_top_and_what_has_none_at_the_bottom(drawn):
    at = {gid: box[1] for gid, box in drawn.boxes("label:").items()}
    assert at["label:words->topic"] > at["label:near->topic"] > at["label:twist->topic"]


def test_verdicts_look_as_in_the_whole_graph(all_verdicts, artists, drawn):
    assert to_hex(drawn.patches["edge:words->topic"].get_edgecolor()).upper() == GAIN
    assert to_hex(drawn.patches["edge:twist->topic"].get_edgecolor()).upper() == LOSS
    assert drawn.text("interval:words->topic") == "[25.1, 29.1]"
    twist = artists(draw_task_graph(all_verdicts.graph, "twist", **WORDS))
    assert "twist->near" in twist.gids("cross:")
    assert "near->twist" in twist.gids("circle:")


@pytest.mark.parametrize("tasks", [1, 2, 13, 30])
def test_nothing_overlaps_and_everything_is_inside(tasks, random_tables, artists, overlaps):
    graph = random_tables(tasks, tasks).graph
    drawn = artists(draw_task_graph(graph, most_decided(graph), **WORDS))
    boxes = drawn.boxes("node:", "label:", "interval:", "title", "caption", "legend", "heading")
    assert not overlaps(boxes)
    words = drawn.boxes("name:")
    for gid, box in words.items():
        node = boxes[gid.replace("name:", "node:")]
        assert (box[:2] >= node[:2]).all(), gid
        assert (box[2:] <= node[2:]).all(), gid
    every = np.array([*boxes.values()])
    size = 72 * drawn.figure.get_size_inches()
    assert every.min() >= 0
    assert (every[:, 2:].max(axis=0) <= size).all()


def test_the_task_with_most_gains_and_losses_is_the_one_drawn_by_default(make):
    def effect(source, target):
        return (
            "gain" if "b" in (source, target) and "d" not in (source, target) else "undecided"
        ), 0.1

    assert most_decided(make(["a", "b", "c", "d"], effect).graph) == "b"


def test_a_task_that_is_not_there_is_said(all_verdicts):
    with pytest.raises(StudyError, match="no task 'topics' in the graph; did you mean 'topic'"):
        draw_task_graph(all_verdicts.graph, "topics", **WORDS)
