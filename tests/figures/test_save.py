"""Files of figures: the same bytes for the same figure, and the right files for a study."""

from __future__ import annotations

from importlib import import_module

import matplotlib as mpl
import pandas as pd
import pytest

from transfer_study.analysis.graph.views import View
from transfer_study.figures import draw_figures, draw_transfer_graph, save
from transfer_study.figures.save import file_part

WORDS = {"title": "What training together changes", "caption": "Means over 3 seeds."}


def contents(paths) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths}


@pytest.fixture
def two_tasks(make):
    return make(["a", "b"], lambda source, target: ("gain", 0.02))


def test_the_same_figure_has_the_same_bytes_whatever_the_readers_style(two_tasks, tmp_path):
    figure = draw_transfer_graph(two_tasks.graph, **WORDS)
    paths = save(figure, tmp_path / "plots" / "graph.v1")  # folders are made
    assert [path.name for path in paths] == ["graph.v1.svg", "graph.v1.png", "graph.v1.pdf"]
    first = contents(paths)
    assert contents(save(figure, tmp_path / "again" / "graph.v1")) == first
    with mpl.rc_context({"savefig.bbox": "tight", "svg.fonttype": "none", "font.size": 20}):
        other = draw_transfer_graph(two_tasks.graph, **WORDS)
        assert contents(save(other, tmp_path / "other" / "graph.v1")) == first
    for name, data in first.items():
        assert data.startswith((b"<?xml", b"\x89PNG\r", b"%PDF-")), name
        for word in (b"CreationDate", b"dc:date", mpl.__version__.encode()):
            assert word not in data, name
    assert b"<text" not in first["graph.v1.svg"]  # letters are drawn: no font is needed


@pytest.fixture
def not_saved(monkeypatch):
    """Files are named and not written, which takes most of the time."""
    monkeypatch.setattr(
        import_module("transfer_study.figures.save"),
        "save",
        lambda figure, stem, kinds=("svg",): [stem.with_name(f"{stem.name}.{kinds[0]}")],
    )


def test_a_study_has_a_graph_and_a_heat_map(two_tasks, tmp_path):
    paths = draw_figures(
        two_tasks.deltas, two_tasks.tasks, tmp_path, title="T", caption=lambda e, r, v: f"{e} {r}"
    )
    kinds = ("svg", "png", "pdf")
    expected = {f"{stem}.{kind}" for stem in ("transfer_graph", "heat_map") for kind in kinds}
    assert {path.name for path in paths} == {
        *expected,
        "transfer_graph-column.pdf",
        "transfer_graph.graphml",
        "transfer_graph.json",
    }
    assert all(path.parent == tmp_path and path.exists() for path in paths)


@pytest.mark.usefixtures("not_saved")
def test_further_encoders_and_readings_have_their_names_in_the_files(two_tasks, tmp_path):
    pairs = [("hub/tiny", "refine"), ("hub/tiny", "finetune"), ("/x/big b/", "refine")]
    pairs += [("other/tiny", "finetune")]
    deltas = pd.concat([two_tasks.deltas.assign(encoder=e, reading=r) for e, r in pairs])
    asked = []

    def caption(encoder: str, reading: str, view: View) -> str:
        asked.append((encoder, reading))
        return ""

    paths = draw_figures(deltas, two_tasks.tasks, tmp_path, title="T", caption=caption)
    assert asked == pairs
    assert {path.name for path in paths if path.name.startswith("heat_map")} == {
        f"heat_map{suffix}.svg"
        for suffix in ("", "-tiny-finetune", "-big-b-refine", "-tiny-finetune-2")
    }


@pytest.mark.usefixtures("not_saved")
def test_beyond_twelve_tasks_the_graph_is_that_of_one_task(make, tmp_path):
    names = [f"t{i}" for i in range(13)]
    tables = make(names, lambda s, t: ("gain", 0.01) if s == "t4" else None, full=False)
    paths = draw_figures(
        tables.deltas, tables.tasks, tmp_path, title="T", caption=lambda e, r, v: ""
    )
    drawn = {path.name for path in paths if path.suffix in (".svg", ".pdf")}
    assert drawn == {"heat_map.svg", "transfer_graph-task-t4.svg", "transfer_graph-column.pdf"}
    assert {path.suffix for path in paths} == {".graphml", ".json", ".svg", ".pdf"}


@pytest.mark.usefixtures("not_saved")
def test_a_task_that_is_asked_for_is_drawn_beside_the_whole_graph(two_tasks, tmp_path):
    paths = draw_figures(
        two_tasks.deltas,
        two_tasks.tasks,
        tmp_path,
        title="T",
        caption=lambda e, r, v: "",
        task="b",
    )
    assert {"transfer_graph.svg", "transfer_graph-task-b.svg"} <= {path.name for path in paths}


def test_a_name_with_a_slash_is_part_of_a_file_and_no_folder():
    names = ["glue/rte", "glue-rte", "a" * 80 + "/b", "a" * 80 + "-b"]
    parts = [file_part(name) for name in names]
    assert parts[1] == "glue-rte"
    assert len({*parts}) == len(names)
    assert not any("/" in part or len(part.encode()) > 60 for part in parts)
