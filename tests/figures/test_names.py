"""Names of any length and script in every figure: legible, unlike one another, nothing cut."""

from __future__ import annotations

import string
import warnings

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from transfer_study.figures import (
    draw_column,
    draw_figures,
    draw_heat_map,
    draw_sizes,
    draw_stability,
    draw_task_graph,
    draw_transfer_graph,
    fonts,
)
from transfer_study.figures.lettering import shorten, width, wrap, wrap_name
from transfer_study.figures.naming import fit_names, one_line

WORDS = {"title": "What training together changes", "caption": "Means over 3 seeds. " * 20}
LETTERS = string.ascii_letters + string.digits + "-_" + "éßжλ"
CJK = ["疾病实体", "日本語タスク", "한국어"]

quick = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def named(draw, most: int) -> list[str]:
    """Two to `most` names of 1 to 300 letters, many of which begin and end alike."""
    count = draw(st.integers(2, most))
    length = draw(st.integers(1, 300))
    alphabet = draw(st.sampled_from([LETTERS, "iI-", "mW", "ab_"]))
    stem = draw(st.text(alphabet, min_size=length, max_size=length))
    middle = len(stem) // 2
    names = [f"a{stem[:middle]}{i}{stem[middle:]}"[: max(length, 4)] for i in range(count)]
    return list(dict.fromkeys(names)) if len(set(names)) > 1 else [f"{i}" for i in range(count)]


def wide(count: int, letters: int) -> list[str]:
    return [f"{'m' * (letters - 2)}{i:02}" for i in range(count)]


def inside(drawn) -> None:
    sheet = 72 * drawn.figure.get_size_inches()
    boxes = drawn.boxes(*sorted({gid.split(":")[0] for gid in drawn.texts if gid}))
    for gid, box in boxes.items():
        assert (box[:2] > -0.5).all(), gid
        assert (box[2:] < sheet + 0.5).all(), gid


def unlike(drawn, prefix: str, count: int) -> None:
    shown = [drawn.text(gid) for gid in drawn.texts if gid.startswith(prefix)]
    assert len(set(shown)) == len(shown) == count


def mixed(source: str, target: str) -> tuple[str, float]:
    verdict = ("gain", "loss", "undecided", "equivalent")[(len(source) + ord(target[-1])) % 4]
    return verdict, -0.02 if verdict == "loss" else 0.02


@quick
@given(names=named(6))
@example(names=wide(2, 28))
@example(names=wide(2, 40))
@example(names=wide(4, 300))
def test_the_graph(names, make, artists, overlaps):
    drawn = artists(draw_transfer_graph(make(names, mixed).graph, **WORDS))
    inside(drawn)
    unlike(drawn, "name:", len(names))
    assert not overlaps(drawn.boxes("node:"))
    assert not overlaps(drawn.boxes("name:", "score:", "mix:", "label:", "title", "caption"))
    for name in names:
        whole = "".join(t.get_text() for t in drawn.texts[f"name:{name}"])
        assert whole == name or drawn.text(f"key:{name}").replace(" ", "") == name


@quick
@given(names=named(40), full=st.booleans())
@example(names=wide(2, 22), full=False)  # the two tasks cover one another
@example(names=wide(2, 40), full=True)
@example(names=wide(8, 80), full=True)
@example(names=wide(40, 300), full=True)
def test_the_column_figure(names, full, make, artists, overlaps):
    drawn = artists(draw_column(make(names, mixed, full=full).graph))
    inside(drawn)
    assert not overlaps(drawn.boxes("node:"))
    if len(names) <= 8 and drawn.gids("node:"):
        unlike(drawn, "name:", len(names))
    else:
        unlike(drawn, "row:", len(names))


@quick
@given(names=named(40))
@example(names=wide(4, 80))
@example(names=wide(40, 300))
def test_the_heat_map(names, make, artists, overlaps):
    tables = make(names, mixed)
    drawn = artists(draw_heat_map(tables.graph, **WORDS))
    inside(drawn)
    unlike(drawn, "row:", len(names))
    unlike(drawn, "column:", len(names))
    assert not overlaps(drawn.boxes("row:", "column:", "title", "caption", "key:"))


@quick
@given(names=named(5))
@example(names=wide(3, 80))
def test_the_sizes(names, make, artists, overlaps):
    tables = make(names, mixed)
    drawn = artists(draw_sizes({100: tables.graph, 1000: tables.graph}, **WORDS))
    inside(drawn)
    unlike(drawn, "column:", len(names))
    assert not overlaps(drawn.boxes("row:", "column:", "title", "caption", "key:"))


@quick
@given(names=named(40))
@example(names=wide(3, 300))
def test_the_graph_of_one_task(names, make, artists, overlaps):
    drawn = artists(draw_task_graph(make(names, mixed).graph, names[0], **WORDS))
    inside(drawn)
    assert not overlaps(drawn.boxes("name:", "label:", "score:", "title", "caption"))
    nodes, words = drawn.boxes("node:"), drawn.boxes("name:")
    for name, box in words.items():
        node = nodes[name.replace("name:", "node:")]
        assert (box[:2] > node[:2]).all() and (box[2:] < node[2:]).all()


@quick
@given(names=named(4))
@example(names=wide(3, 300))
def test_the_runs_of_variants(names, artists, overlaps):
    about = {"metric": "accuracy", "n_seeds": 3, "mean": 0.6, "sd": 0.02, "failed": 0}
    about |= {"constant": 0.4, "delta": 0.01, "low": -0.02, "high": 0.04, "verdict": "undecided"}
    table = pd.DataFrame([{"task": t, "variant": v, **about} for t in names[:2] for v in names])
    runs = table[["task", "variant"]].assign(value=0.6, failed=False)
    drawn = artists(draw_stability(runs, table, **WORDS))
    inside(drawn)
    unlike(drawn, f"variant:{names[0]}/", len(names))
    assert not overlaps(drawn.boxes("variant:", "task:", "title", "caption", "key:"))


def test_a_figure_of_a_task_with_a_very_long_name_has_a_file(make, tmp_path):
    names = wide(2, 300)
    asked = {"title": "T", "caption": lambda e, r, v: "", "task": names[1]}
    tables = make(names, mixed)
    paths = draw_figures(tables.deltas, tables.tasks, tmp_path, **asked)
    assert len([path for path in paths if path.name.startswith("transfer_graph-task-mmm")]) == 3
    assert all(path.is_file() for path in paths)


def test_a_short_name_is_whole_and_a_cut_one_has_its_number():
    labels = fit_names({"short": 1, "x" * 90: 2, "x" * 91: 3}, 60.0, 8.0)
    assert one_line(labels["short"]) == "short"
    assert one_line(labels["x" * 90]).startswith("2 x")
    assert one_line(labels["x" * 91]).startswith("3 x")
    assert all(width(one_line(label), 8.0) <= 60 for label in labels.values())


@pytest.mark.parametrize("text", ["x" * 300, "a-" * 150, "a " * 100, "ab"])
def test_lines_are_no_wider_than_asked(text):
    assert max(width(line, 8.0) for line in wrap(text, 100.0, 8.0)) <= 100
    assert max(width(line, 8.0) for line in wrap_name(text.strip(), 100.0, 8.0)) <= 160
    assert "".join(wrap_name(text.strip(), 100.0, 8.0)).replace(" ", "") == text.replace(" ", "")
    assert width(shorten(text, 50.0, 8.0), 8.0) <= 50


@pytest.fixture
def only_dejavu(monkeypatch):
    """A machine without a font of the letters that DejaVu Sans lacks."""
    monkeypatch.setattr(fonts, "installed", lambda: ())
    forget()
    yield
    forget()


def forget() -> None:
    width.cache_clear()  # which depends on the fonts that there are


def test_without_a_font_a_name_is_its_number_and_no_letter_is_a_box(
    only_dejavu, make, artists, tmp_path
):
    names = ["plain", *CJK]
    tables = make(names, mixed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = artists(draw_transfer_graph(tables.graph, title="研究 T", caption="c 疾病"))
        draw_figures(tables.deltas, tables.tasks, tmp_path, title="研究", caption=lambda *_: "")
    assert drawn.text("name:plain") == "plain"
    assert [drawn.text(f"name:{name}") for name in CJK] == ["task 2", "task 3", "task 4"]
    assert "no font" in drawn.text(f"key:{CJK[0]}")
    assert drawn.text("title") == "U+7814 U+7A76 T"
    assert all(fonts.drawable(t.get_text()) for texts in drawn.texts.values() for t in texts)


def test_with_a_font_a_name_is_drawn_in_it(monkeypatch, make, artists, tmp_path):
    font = tmp_path / "Made.ttf"
    make_font(font, {"疾", "病", "实", "体"})
    monkeypatch.setattr(fonts, "installed", lambda: (str(font),))
    forget()
    tables = make([CJK[0], CJK[1]], mixed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = artists(draw_transfer_graph(tables.graph, title="T", caption="c"))
        drawn.boxes("name:")
        draw_figures(tables.deltas, tables.tasks, tmp_path, title="T", caption=lambda *_: "")
    forget()
    assert drawn.text(f"name:{CJK[0]}") == CJK[0]
    assert drawn.text(f"name:{CJK[1]}") == "task 2"
    (label,) = drawn.texts[f"name:{CJK[0]}"]
    assert any(str(font) in family for family in label.get_fontfamily())


def test_a_font_of_boxes_is_no_font(tmp_path, monkeypatch):
    blank = tmp_path / "blank.ttf"
    make_font(blank, set("疾病"), family="Adobe Blank")
    monkeypatch.setattr(fonts, "installed", lambda: (str(blank), str(tmp_path / "none.ttf")))
    assert not fonts.drawable("疾病")
    assert fonts.legible("a疾b") == "aU+75BEb"


def make_font(path, letters: set[str], family: str = "Made") -> None:
    """A font in which each of these letters is a square."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    pen.moveTo((50, 0))
    for corner in ((50, 700), (950, 700), (950, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    names = [".notdef", *(f"u{ord(letter):X}" for letter in sorted(letters))]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): f"u{ord(letter):X}" for letter in letters})
    builder.setupGlyf(dict.fromkeys(names, square))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 50)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(path)
