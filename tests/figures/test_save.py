"""Files of figures: the same bytes for the same figure, and the right files for a study."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
import pytest

from transfer_study.figures import draw_figures, draw_transfer_graph, save

WORDS = {"title": "What training together changes", "caption": "Means over 3 seeds."}


def contents(paths) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths}


def test_saving_makes_three_files_in_a_new_folder(all_verdicts, tmp_path):
    paths = save(draw_transfer_graph(all_verdicts.graph, **WORDS), tmp_path / "plots" / "graph.v1")
    assert [path.name for path in paths] == ["graph.v1.svg", "graph.v1.png", "graph.v1.pdf"]
    starts = [path.read_bytes()[:5] for path in paths]
    assert starts == [b"<?xml", b"\x89PNG\r", b"%PDF-"]


def test_the_same_figure_has_the_same_bytes(all_verdicts, tmp_path):
    figure = draw_transfer_graph(all_verdicts.graph, **WORDS)
    first = contents(save(figure, tmp_path / "a" / "graph"))
    assert contents(save(figure, tmp_path / "b" / "graph")) == first
    with mpl.rc_context({"savefig.bbox": "tight", "svg.fonttype": "none", "font.size": 20}):
        again = draw_transfer_graph(all_verdicts.graph, **WORDS)
        assert contents(save(again, tmp_path / "c" / "graph")) == first


def test_files_name_neither_dates_nor_versions(all_verdicts, tmp_path):
    figure = draw_transfer_graph(all_verdicts.graph, **WORDS)
    for name, data in contents(save(figure, tmp_path / "graph")).items():
        for word in (b"CreationDate", b"dc:date", mpl.__version__.encode()):
            assert word not in data, name


def test_type_in_svg_is_drawn_so_that_no_font_is_needed(all_verdicts, tmp_path):
    svg = save(draw_transfer_graph(all_verdicts.graph, **WORDS), tmp_path / "graph")[0]
    assert "<text" not in svg.read_text("utf-8")


@pytest.fixture
def two_tasks(make):
    return make(["a", "b"], lambda source, target: ("gain", 0.02))


def test_a_study_has_a_graph_and_a_heat_map(two_tasks, tmp_path):
    paths = draw_figures(
        two_tasks.deltas, two_tasks.tasks, tmp_path, title="T", caption=lambda e, r: f"{e} {r}"
    )
    kinds = ("svg", "png", "pdf")
    expected = {f"{stem}.{kind}" for stem in ("transfer_graph", "heat_map") for kind in kinds}
    assert {path.name for path in paths} == {
        *expected,
        "transfer_graph.graphml",
        "transfer_graph.json",
    }
    assert all(path.parent == tmp_path and path.exists() for path in paths)


def test_further_encoders_and_readings_have_their_names_in_the_files(two_tasks, tmp_path):
    pairs = [("hub/tiny", "refine"), ("hub/tiny", "finetune"), ("/x/big b/", "refine")]
    pairs += [("other/tiny", "finetune")]
    deltas = pd.concat([two_tasks.deltas.assign(encoder=e, reading=r) for e, r in pairs])
    asked = []

    def caption(encoder: str, reading: str) -> str:
        asked.append((encoder, reading))
        return ""

    paths = draw_figures(deltas, two_tasks.tasks, tmp_path, title="T", caption=caption)
    assert asked == pairs
    assert {path.name for path in paths if path.name.startswith("heat_map")} == {
        f"heat_map{suffix}.{kind}"
        for suffix in ("", "-tiny-finetune", "-big-b-refine", "-tiny-finetune-2")
        for kind in ("svg", "png", "pdf")
    }


def test_beyond_twelve_tasks_there_is_the_heat_map_only(make, tmp_path):
    names = [f"t{i}" for i in range(13)]
    tables = make(names, lambda s, t: ("undecided", 0.01) if s == "t0" else None, full=False)
    paths = draw_figures(tables.deltas, tables.tasks, tmp_path, title="T", caption=lambda e, r: "")
    assert {path.name for path in paths if path.suffix == ".svg"} == {"heat_map.svg"}
    assert {path.suffix for path in paths} == {".graphml", ".json", ".svg", ".png", ".pdf"}
