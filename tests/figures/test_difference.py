"""The difference graph by its artists: what happened is told by stroke and head, not hue alone."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from transfer_study.analysis.compare.difference_graph import difference_graph
from transfer_study.figures.difference import draw_difference_graph, draw_differences
from transfer_study.figures.palette import CHANGES, VERDICTS

NAMES = ("words", "topic", "twist", "near")
WORDS = {"title": "From one to another", "caption": "Differences of two studies. " * 10}
PLACES = {"words": (1.0, 0.0), "topic": (0.0, 1.0), "twist": (-1.0, 0.0), "near": (0.0, -1.0)}
HAPPENED = {
    ("words", "topic"): ("flipped", True),
    ("topic", "words"): ("appeared", True),
    ("twist", "topic"): ("appeared", False),
    ("topic", "twist"): ("vanished", True),
    ("words", "twist"): ("changed", True),
    ("twist", "near"): ("only_a", False),
    ("near", "twist"): ("not_measured", False),
}


def rows(happened=HAPPENED, names=NAMES) -> pd.DataFrame:
    made = []
    for source in names:
        for target in names:
            if source == target:
                continue
            kind, shown = happened.get((source, target), ("kept", False))
            known = kind not in ("only_a", "only_b")
            made.append(
                {
                    **{"encoder": "tiny", "reading": "refine", "arm": "pair"},
                    **{"source": source, "target": target, "happened": kind, "shown": shown},
                    **{"baseline_a": 0.61, "baseline_b": 0.65, "delta_a": 0.01, "delta_b": 0.05},
                    "difference": 0.04 if known else math.nan,
                    "adjusted_low": 0.01 if known else math.nan,
                    "adjusted_high": 0.07 if known else math.nan,
                    **{"adjusted_p": 0.01, "verdict_a": "gain", "verdict_b": "loss"},
                }
            )
    return pd.DataFrame(made)


def tasks(names=NAMES) -> pd.DataFrame:
    about = {"kind": "tagging", "domain": "made", "metric": "entity_f1"}
    return pd.DataFrame([{"name": name, **about} for name in names])


@pytest.fixture
def drawn(artists):
    return artists(draw_difference_graph(difference_graph(rows(), tasks(), PLACES), **WORDS))


def look(drawn, name: str) -> tuple[str, str, bool]:
    edge, head = drawn.patches[f"edge:{name}"], drawn.patches[f"head:{name}"]
    filled = to_hex(head.get_facecolor()) != "#ffffff"
    return to_hex(edge.get_edgecolor()).upper(), str(edge.get_linestyle()), filled


def test_each_kind_has_its_colour_and_a_stroke_or_head_of_its_own(drawn):
    looks = {
        kind: look(drawn, "->".join(ends))
        for ends, (kind, _) in HAPPENED.items()
        if CHANGES[kind].coloured
    }
    for kind, (colour, _, filled) in looks.items():
        assert (colour, filled) == (CHANGES[kind].colour, CHANGES[kind].filled)
    strokes = {(CHANGES[kind].dashes, CHANGES[kind].filled) for kind in CHANGES}
    assert len(strokes) == len(CHANGES) - 1  # appeared and kept, of which one is grey and faint
    verdicts = {style.colour for style in VERDICTS.values() if style.coloured}
    assert not verdicts & {style.colour for style in CHANGES.values()}


def test_what_is_shown_is_heavier_than_a_verdict_that_changed(drawn):
    shown, told = (drawn.patches[f"edge:{n}"] for n in ("topic->words", "twist->topic"))
    assert shown.get_linewidth() > 2 * told.get_linewidth()
    assert drawn.text("label:words->topic") == "+4.0"
    assert drawn.text("interval:words->topic") == "[1.0, 7.0]"
    assert "label:twist->near" not in drawn.texts  # in one study only: no difference


def test_the_legend_names_what_happened_and_nothing_overlaps(drawn, overlaps):
    legend = drawn.text("legend")
    for kind in ("flipped", "appeared", "vanished", "changed", "kept", "only_a", "not_measured"):
        assert CHANGES[kind].word in legend
    assert CHANGES["only_b"].word not in legend
    assert not overlaps(drawn.boxes("node:", "ground:"))


def test_places_are_kept_and_a_new_task_stands_in_the_widest_gap():
    three = {name: PLACES[name] for name in ("words", "topic", "twist")}
    graph = difference_graph(rows(), tasks(), three)
    for name, place in three.items():
        assert (graph.nodes[name]["x"], graph.nodes[name]["y"]) == place
    assert (graph.nodes["near"]["x"], graph.nodes["near"]["y"]) == pytest.approx((0, -1))
    circle = difference_graph(rows(), tasks(), {})
    radii = [np.hypot(circle.nodes[n]["x"], circle.nodes[n]["y"]) for n in circle]
    assert radii == pytest.approx([1.0] * 4)


def test_more_tasks_than_can_be_drawn_leave_the_graph_file(tmp_path):
    names = tuple(f"task{i}" for i in range(13))
    table, words = rows({}, names), {"names": ("a", "b"), "correction": "not adjusted"}
    paths = draw_differences(table, tasks(names), tmp_path, tmp_path, **words)
    assert {path.suffix for path in paths} == {".json", ".graphml"}


@pytest.mark.parametrize("arm", ["pair", "sequential", "leave-one-out", "heads-only", "soft"])
def test_every_arm_of_single_sources_is_drawn(arm: str, tmp_path: Path) -> None:
    table = rows().assign(arm=arm)
    words = {"names": ("one", "other"), "correction": "bh"}
    drawn = {path.name for path in draw_differences(table, tasks(), tmp_path, tmp_path, **words)}
    assert {"transfer_graph.svg", "transfer_graph.json"} <= drawn
