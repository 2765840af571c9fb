"""The heat map by its artists: numbers, colours, and verdicts that need no colour."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from transfer_study.figures import draw_heat_map
from transfer_study.figures.palette import (
    GAIN,
    LOSS,
    VERDICTS,
    WHITE,
    bin_limits,
    bin_width,
    domain_fills,
    shade,
)

WORDS = {"title": "What training together changes", "caption": "Means over 3 seeds. " * 20}


def draw(tables):
    return draw_heat_map(tables.graph, **WORDS)


@pytest.fixture
def drawn(all_verdicts, artists):
    return artists(draw(all_verdicts))


def fill(patch) -> str:
    return to_hex(patch.get_facecolor()).upper()


def line(patch) -> tuple[str, bool]:
    solid = patch.get_linestyle() in ("solid", "-")
    return to_hex(patch.get_edgecolor()).upper(), solid


def is_grey(colour: str) -> bool:
    return len(set(to_rgb(colour))) == 1


def test_a_cell_has_the_number_and_the_interval(drawn):
    assert drawn.text("label:words->topic") == "+27.1"
    assert drawn.text("interval:words->topic") == "[25.1, 29.1]"
    assert drawn.text("label:twist->topic") == "−13.1"
    assert drawn.text("score:topic") == "61.2"


def test_sources_are_rows_and_targets_columns(drawn):
    boxes = drawn.boxes("cell:", "row:", "column:")
    middle = {gid: (box[:2] + box[2:]) / 2 for gid, box in boxes.items()}
    for source, target in (("words", "topic"), ("topic", "words"), ("twist", "near")):
        cell = middle[f"cell:{source}->{target}"]
        assert abs(cell[1] - middle[f"row:{source}"][1]) < 3
        assert abs(cell[0] - middle[f"column:{target}"][0]) < 3


def test_the_full_mix_is_a_row_apart_below(drawn):
    boxes = {gid: box for gid, box in drawn.boxes("cell:").items() if gid != "cell:sample"}
    rows = sorted({round(box[1]) for box in boxes.values()})
    mix = {gid for gid, box in boxes.items() if round(box[1]) == rows[0]}
    assert mix == {f"cell:+->{name}" for name in ("words", "topic", "twist", "near")}
    assert rows[1] - rows[0] > rows[2] - rows[1] + 5


def test_verdicts_differ_in_more_than_hue(drawn):
    lines = {
        "gain": line(drawn.patches["cell:words->topic"]),
        "loss": line(drawn.patches["cell:twist->topic"]),
        "equivalent": line(drawn.patches["cell:topic->words"]),
        "undecided": line(drawn.patches["cell:near->words"]),
    }
    assert lines["gain"] == (GAIN, True)
    assert lines["loss"] == (LOSS, False)
    assert lines["equivalent"][1]
    assert not lines["undecided"][1]
    (gain,), (undecided,) = drawn.texts["label:words->topic"], drawn.texts["label:near->words"]
    assert "Bold" in gain.get_fontproperties().get_file()
    assert "Bold" not in undecided.get_fontproperties().get_file()
    assert "twist->near" in drawn.gids("cross:")
    assert "near->twist" in drawn.gids("circle:")
    assert drawn.text("label:twist->near") == "failed"


def test_what_was_not_learned_has_a_sign_of_its_own(unlearned, artists):
    drawn = artists(draw(unlearned))
    assert "words->near" in drawn.gids("diamond:")
    assert drawn.text("label:words->near") == "not learned"
    assert not is_grey(line(drawn.patches["cell:words->near"])[0])
    assert drawn.text("label:twist->topic") == "−30.0†"
    assert "the model did not learn" in drawn.text("legend")


def test_only_a_gain_or_a_loss_is_coloured(drawn):
    assert is_grey(fill(drawn.patches["cell:near->words"]))
    assert is_grey(fill(drawn.patches["cell:topic->words"]))
    assert not is_grey(fill(drawn.patches["cell:words->topic"]))
    assert not is_grey(fill(drawn.patches["cell:+->twist"]))


def test_the_scale_is_symmetric_and_white_at_zero():
    def strength(colour: str, full: str) -> float:
        way = np.subtract(to_rgb(full), 1)
        return float(np.subtract(to_rgb(colour), 1) @ way / (way @ way))

    assert shade(0.0, 0.1) == WHITE
    steps = np.linspace(0.01, 0.1, 10)
    gains = [strength(shade(step, 0.1), GAIN) for step in steps]
    losses = [strength(shade(-step, 0.1), LOSS) for step in steps]
    assert gains == sorted(gains)
    assert np.allclose(gains, losses, atol=0.01)


def test_pairs_outside_the_study_are_blank(make, artists):
    tables = make(
        ["a", "b", "c", "d"],
        lambda s, t: ("gain", 0.02) if s == "+" or (s in "ac") == (t in "ac") else None,
        domains=2,
    )
    drawn = artists(draw(tables))
    assert "a->b" not in drawn.gids("cell:")
    assert "a->c" in drawn.gids("cell:")
    assert "not part of the study" in drawn.text("legend")


@pytest.mark.parametrize("tasks", [1, 2, 5, 9, 14])
def test_text_stays_apart_and_inside(tasks, random_tables, artists, overlaps):
    drawn = artists(draw(random_tables(tasks, tasks)))
    width, height = 72 * drawn.figure.get_size_inches()
    words = drawn.boxes("label:", "interval:", "score:", "row:", "column:", "title", "caption")
    words.pop("label:sample", None)
    assert not overlaps(words)
    for gid, box in words.items():
        assert (box[:2] > 0).all(), gid
        assert box[2] < width, gid
        assert box[3] < height, gid
    cells = drawn.boxes("cell:")
    for gid in words:
        if gid.startswith(("label:", "interval:")):
            cell, text = cells["cell:" + gid.split(":", 1)[1]], words[gid]
            assert (text[:2] > cell[:2]).all(), gid
            assert (text[2:] < cell[2:]).all(), gid


def test_small_coloured_type_can_be_read():
    def luminance(colour: str) -> float:
        channels = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)
        ]
        return float(np.dot([0.2126, 0.7152, 0.0722], channels))

    for verdict in VERDICTS.values():
        assert 1.05 / (luminance(verdict.text) + 0.05) >= 4.5, verdict.word
    for ends in (shade(1, 1), shade(-1, 1)):
        assert (luminance(ends) + 0.05) / (luminance("#1F1F1F") + 0.05) >= 4.5


def test_domains_differ_from_one_another_and_from_edges():
    fills = domain_fills("abcdef").values()
    assert len(set(fills)) == 6
    assert all(min(to_rgb(colour)) > 0.75 for colour in fills)  # far paler than any edge
    assert domain_fills(["b", "a"]) == domain_fills(["a", "b", "b"])


@pytest.mark.parametrize(
    ("largest", "limits"),
    [(0.0, (0.5, 1)), (0.004, (0.5, 1)), (0.027, (1, 2)), (0.041, (2, 4)), (0.271, (10, 20))],
)
def test_the_bins_of_width_suit_the_effects(largest, limits):
    assert bin_limits([0.001, largest]) == limits
    widths = [bin_width(points / 100, limits) for points in (limits[0] / 2, *limits)]
    assert widths == sorted(set(widths))
