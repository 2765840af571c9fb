"""The transfer graph by its artists: what an edge, a node and the legend look like and where."""

from __future__ import annotations

import itertools

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex

from transfer_study.errors import StudyError
from transfer_study.figures import draw_transfer_graph
from transfer_study.figures.palette import FAINT, GAIN, GREY, LOSS

WORDS = {"title": "What training together changes", "caption": "Means over 3 seeds. " * 20}


@pytest.fixture
def drawn(all_verdicts, artists):
    return artists(draw_transfer_graph(all_verdicts.graph, **WORDS))


def colour(patch) -> str:
    return to_hex(patch.get_edgecolor()).upper()


def is_solid(patch) -> bool:
    return patch.get_linestyle() in ("solid", "-")


def test_a_gain_is_green_solid_filled_and_plus(drawn):
    edge, head = drawn.patches["edge:words->topic"], drawn.patches["head:words->topic"]
    assert colour(edge) == colour(head) == GAIN
    assert is_solid(edge)
    assert to_hex(head.get_facecolor()).upper() == GAIN
    assert drawn.text("label:words->topic") == "+27.1"
    assert drawn.text("interval:words->topic") == "[25.1, 29.1]"


def test_a_loss_is_red_dashed_open_and_minus(drawn):
    edge, head = drawn.patches["edge:twist->topic"], drawn.patches["head:twist->topic"]
    assert colour(edge) == colour(head) == LOSS
    assert not is_solid(edge)
    assert to_hex(head.get_facecolor()).upper() == "#FFFFFF"
    assert drawn.text("label:twist->topic") == "−13.1"
    assert drawn.text("interval:twist->topic") == "[−15.1, −11.1]"


def test_what_changes_nothing_or_is_unknown_is_grey(drawn):
    equivalent, undecided = drawn.patches["edge:topic->words"], drawn.patches["edge:near->words"]
    assert colour(equivalent) == colour(undecided) == GREY
    assert is_solid(equivalent)
    assert not is_solid(undecided)


def test_failed_is_crossed_and_not_run_circled_in_the_middle_without_a_number(drawn):
    assert drawn.gids("cross:") == {"twist->near", "sample"}
    assert drawn.gids("circle:") == {"near->twist", "sample"}
    for name, mark, word in (
        ("twist->near", "cross", "failed"),
        ("near->twist", "circle", "not run"),
    ):
        start, control, end = drawn.patches[f"edge:{name}"].get_path().vertices
        at = drawn.patches[f"{mark}:{name}"].get_path().vertices[:-1].mean(axis=0)
        # The shaft ends where the arrowhead begins, so its middle is a little before the edge's.
        assert np.linalg.norm((start + 2 * control + end) / 4 - at) < 6
        assert drawn.text(f"label:{name}") == word


def test_what_was_not_learned_has_a_mark_of_its_own_and_no_number(unlearned, artists):
    drawn = artists(draw_transfer_graph(unlearned.graph, **WORDS))
    edge = drawn.patches["edge:words->near"]
    assert colour(edge) not in (GREY, FAINT, GAIN, LOSS)
    assert not is_solid(edge)
    assert drawn.gids("diamond:") == {"words->near", "topic->near", "twist->near", "sample"}
    assert drawn.text("label:words->near") == "not learned"
    assert drawn.text("mix:near") == "◇ not learned"
    assert "not learned" in drawn.text("legend")


def test_an_edge_whose_model_did_not_learn_has_a_sign(unlearned, artists):
    drawn = artists(draw_transfer_graph(unlearned.graph, **WORDS))
    assert drawn.text("label:twist->topic") == "−30.0†"
    assert drawn.text("label:twist->words") == "−30.0"
    assert "† the model did not learn; its baseline did" in drawn.text("legend")


def test_what_was_not_learned_is_never_faint(make, artists):
    names = [f"t{i}" for i in range(6)]
    tables = make(names, lambda s, t: ("not_learned" if t == "t5" else "undecided", 0.0))
    drawn = artists(draw_transfer_graph(tables.graph, **WORDS))
    assert colour(drawn.patches["edge:t0->t5"]) != FAINT
    assert colour(drawn.patches["edge:t0->t1"]) == FAINT


def test_width_follows_the_size_of_the_effect(drawn):
    names = ("words->twist", "twist->topic", "words->topic")  # 4, 13 and 27 points
    small, medium, large = (drawn.patches[f"edge:{name}"].get_linewidth() for name in names)
    assert small < medium < large
    assert drawn.patches["edge:topic->words"].get_linewidth() < small
    legend = drawn.text("legend")
    assert all(words in legend for words in ("under 10", "10 to 20", "20 points or more"))


def test_opposite_edges_are_apart_and_each_to_its_right(drawn):
    names = ("words", "topic", "twist", "near")
    for a, b in itertools.permutations(names, 2):
        start, control, end = drawn.patches[f"edge:{a}->{b}"].get_path().vertices
        back = drawn.patches[f"edge:{b}->{a}"].get_path().vertices
        way = end - start
        right = np.array([-way[1], way[0]])  # y points down
        assert (control - start) @ right > 0, f"{a}->{b} bows to its left"
        apart = (control + (start + end) / 2 - back[1] - (back[0] + back[2]) / 2) / 2
        assert apart @ right / np.linalg.norm(right) > 10, f"{a}->{b} is on its opposite"


def test_arrowheads_point_at_the_target(drawn):
    for a, b in itertools.permutations(("words", "topic", "twist", "near"), 2):
        tip = drawn.patches[f"head:{a}->{b}"].get_path().vertices[0]
        box = drawn.patches[f"node:{b}"].get_path().get_extents()
        near = np.clip(tip, box.min, box.max)
        assert np.linalg.norm(tip - near) < 14


def test_a_node_shows_name_metric_score_kind_and_the_full_mix(drawn):
    assert drawn.text("name:topic") == "topic"
    assert drawn.text("score:topic") == "entity F1 61.2"
    assert colour(drawn.patches["ring:topic"]) == GAIN
    assert drawn.text("mix:topic") == "+15.3 [13.3, 17.3]"
    assert colour(drawn.patches["ring:twist"]) == LOSS
    assert not is_solid(drawn.patches["ring:twist"])
    assert drawn.text("mix:twist") == "−5.1 [−7.1, −3.1]"
    assert is_solid(drawn.patches["ring:near"])
    assert not is_solid(drawn.patches["ring:words"])
    shapes = {name: drawn.patches[f"node:{name}"].get_path().vertices for name in ("words", "near")}
    assert len(shapes["words"]) != len(shapes["near"])


def test_without_a_full_mix_there_are_no_rings(make, artists):
    tables = make(["a", "b"], lambda s, t: ("gain", 0.02), full=False)
    drawn = artists(draw_transfer_graph(tables.graph, **WORDS))
    assert not drawn.gids("ring:")
    assert "Outer ring" not in drawn.text("legend")


def test_a_mix_that_failed_is_crossed(make, artists):
    tables = make(["a", "b"], lambda s, t: ("failed" if s == "+" else "gain", 0.02))
    assert artists(draw_transfer_graph(tables.graph, **WORDS)).text("mix:a") == "× failed"


def test_one_seed_colours_nothing(make, artists):
    tables = make(["a", "b", "c"], lambda s, t: ("undecided", 0.3))
    tables.deltas[["adjusted_low", "adjusted_high", "adjusted_p"]] = np.nan
    tables.deltas["n_seeds"] = 1
    drawn = artists(draw_transfer_graph(tables.graph, **WORDS))
    colours = {colour(p) for gid, p in drawn.patches.items() if gid.startswith(("edge:", "ring:"))}
    assert drawn.text("interval:a->b") == "no interval"
    assert "no interval one seed" in drawn.text("legend")
    samples = {GAIN, LOSS}  # of the legend
    assert {colour(p) for gid, p in drawn.patches.items() if "->" in gid} & samples == set()
    assert GREY in colours


@pytest.mark.parametrize("tasks", [1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_overlaps_and_everything_is_inside(seed, tasks, random_tables, artists, overlaps):
    drawn = artists(draw_transfer_graph(random_tables(10 * tasks + seed, tasks).graph, **WORDS))
    width, height = 72 * drawn.figure.get_size_inches()
    boxes = drawn.boxes("node:", "mix:", "title", "caption", "legend")
    marks = drawn.boxes("cross:", "circle:")
    for name in drawn.gids("label:"):
        label, detail = (drawn.boxes(prefix + name) for prefix in ("label:", "interval:"))
        both = np.array([*label.values(), *detail.values()])
        boxes[f"words of {name}"] = np.array([*both[:, :2].min(axis=0), *both[:, 2:].max(axis=0)])
    legend = boxes.pop("legend")
    assert not overlaps(boxes)
    words = {gid: box for gid, box in boxes.items() if not gid.startswith("node:")}
    samples = {"cross:sample", "circle:sample"}
    assert not [pair for pair in overlaps({**marks, **words}) if not samples & {*pair}]
    assert boxes["caption"][3] < legend[1], "the caption runs into the legend"
    assert min(box[1] for gid, box in boxes.items() if gid != "caption") > legend[3] - 1
    for gid, box in {**boxes, "legend": legend, **drawn.boxes("edge:", "ring:")}.items():
        assert (box[:2] > 0).all(), gid
        assert box[2] < width, gid
        assert box[3] < height, gid


@pytest.mark.parametrize("tasks", [3, 8, 12])
def test_type_is_never_smaller_than_eight_points(tasks, random_tables, artists):
    drawn = artists(draw_transfer_graph(random_tables(tasks, tasks).graph, **WORDS))
    assert min(text.get_fontsize() for group in drawn.texts.values() for text in group) >= 8


def test_from_five_tasks_on_grey_edges_are_faint_and_without_words(random_tables, artists):
    tables = random_tables(3, 6)
    drawn = artists(draw_transfer_graph(tables.graph, **WORDS))
    for source, target, verdict in tables.graph.edges(data="verdict"):
        name = f"{source}->{target}"
        coloured = verdict in ("gain", "loss")
        assert (f"label:{name}" in drawn.texts) == coloured
        assert (colour(drawn.patches[f"edge:{name}"]) == FAINT) == (not coloured)


def test_from_nine_tasks_on_grey_edges_are_in_the_matrix_only(random_tables, artists):
    tables = random_tables(4, 9)
    drawn = artists(draw_transfer_graph(tables.graph, **WORDS))
    graph = tables.graph
    shown = {f"{a}->{b}" for a, b, v in graph.edges(data="verdict") if v in ("gain", "loss")}
    failed = {f"{a}->{b}" for a, b, v in graph.edges(data="verdict") if v == "failed"}
    assert drawn.gids("edge:") - {"sample"} == shown | failed
    assert {f"{a}->{b}" for a, b in graph.edges} <= drawn.gids("cell:")
    boxes = drawn.boxes("node:", "cell:")
    graph_right = max(box[2] for gid, box in boxes.items() if gid.startswith("node:"))
    assert graph_right < min(box[0] for gid, box in boxes.items() if gid.startswith("cell:"))


def test_more_than_twelve_tasks_are_refused(make):
    names = [f"t{i}" for i in range(13)]
    tables = make(names, lambda s, t: ("undecided", 0.0) if s == "t0" else None)
    with pytest.raises(StudyError, match=r"13 tasks and at most 12.*heat map"):
        draw_transfer_graph(tables.graph, **WORDS)


def test_drawing_leaves_the_readers_settings_alone(all_verdicts):
    before = dict(mpl.rcParams)
    draw_transfer_graph(all_verdicts.graph, **WORDS)
    assert dict(mpl.rcParams) == before
