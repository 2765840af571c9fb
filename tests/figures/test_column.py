"""The figure for a paper's column: its width, its smallest type, and what it falls back on."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from transfer_study.figures import draw_column, save
from transfer_study.figures.column import COLUMN, SMALLEST
from transfer_study.figures.geometry.detail import column_details
from transfer_study.figures.geometry.scene import compose_narrow


def sizes_of_type(drawn) -> set[float]:
    return {text.get_fontsize() for texts in drawn.texts.values() for text in texts}


@pytest.mark.parametrize("tasks", [1, 2, 4, 8, 13, 30])
def test_it_is_as_wide_as_a_column_and_its_type_is_readable(tasks, random_tables, artists):
    drawn = artists(draw_column(random_tables(tasks, tasks).graph))
    width, height = 72 * drawn.figure.get_size_inches()
    assert width == pytest.approx(72 * COLUMN)
    assert height < 72 * 7
    assert min(sizes_of_type(drawn)) == pytest.approx(SMALLEST)
    boxes = np.array([*drawn.boxes("node:", "cell:", "legend", "row:", "mix:").values()])
    assert boxes[:, :2].min() >= -0.5
    assert boxes[:, 2].max() <= width + 0.5
    assert boxes[:, 3].max() <= height + 0.5
    assert "caption" not in drawn.texts
    assert "title" not in drawn.texts


def test_up_to_four_tasks_have_every_number(all_verdicts, artists):
    drawn = artists(draw_column(all_verdicts.graph))
    assert drawn.text("label:words->topic") == "+27.1"
    assert drawn.text("label:near->words") == "+0.4"


def test_a_graph_that_would_be_a_tangle_is_a_matrix_of_signs(make, artists):
    def effect(source, target):
        return ("gain", 0.02) if source < target else ("loss", -0.02)

    drawn = artists(draw_column(make([f"task{i}" for i in range(9)], effect).graph))
    assert not drawn.gids("node:")
    assert drawn.text("label:task0->task1") == "+"
    assert drawn.text("label:task1->task0") == "−"
    assert {drawn.text(f"row:task{i}")[:1] for i in range(9)} == set("123456789")


def test_signs_fit_their_cells(random_tables, artists):
    drawn = artists(draw_column(random_tables(3, 30).graph))
    cells, signs = drawn.boxes("cell:"), drawn.boxes("label:")
    for gid, box in signs.items():
        if "sample" in gid:
            continue
        cell = cells[gid.replace("label:", "cell:")]
        assert box[0] >= cell[0] - 1
        assert box[2] <= cell[2] + 1


def test_the_pdf_embeds_its_fonts(all_verdicts, tmp_path: Path):
    (path,) = save(draw_column(all_verdicts.graph), tmp_path / "column", kinds=("pdf",))
    data = path.read_bytes()
    parts = [data]
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
        try:
            parts.append(zlib.decompress(stream))
        except zlib.error:  # not a compressed one
            continue
    text = b"\n".join(parts)
    fonts = re.findall(rb"/Type /FontDescriptor[^>]*", text) or re.findall(rb"/FontFile2", text)
    assert b"/FontFile2" in text
    assert fonts
    assert b"/Type3" not in text


def test_tasks_that_have_no_room_side_by_side_are_no_graph(make):
    graph = make(["a", "b"], lambda s, t: ("gain", 0.02), full=False).graph
    assert compose_narrow(graph, column_details(2, 2, 300.0)[0]) is not None
    assert compose_narrow(graph, column_details(2, 2, 60.0)[0]) is None
