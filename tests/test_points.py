"""One number has the same digits wherever it is written."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_study.points import (
    axis_number,
    counted,
    interval,
    known,
    p_text,
    points,
    verdict_text,
)

# Whatever a model makes of the two texts, an odd number of 80 answers is right: 58.75, 83.75, ...
_ROWS = {("sun", "yes"): 47, ("sun", "no"): 13, ("rain", "yes"): 0, ("rain", "no"): 20}

_STUDY = """\
name: edge
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
tasks:
  - name: weather
    kind: classification
    labels: ["yes", "no"]
    metric: accuracy
    source: {format: tsv, folder: weather, columns: {text: text, label: label}}
  - name: relation
    kind: classification
    labels: [herb, beast]
    metric: accuracy
    source: {format: synthetic, task: relation, train: 80, dev: 20, test: 80}
arms: [single, pairs, full]
readings: [finetune]
seeds: 1
refine: {epochs: 2, learning_rate: 0.002, precision: float32}
finetune: {epochs: 3, learning_rate: 0.002, precision: float32}
"""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5825, "58.3"),
        (0.58249999999999, "58.3"),  # the same number, by another order of adding
        (0.582499, "58.2"),
        (0.0005, "0.1"),
        (0.000499, "0.0"),
        (-0.0005, "−0.1"),
        (-0.0, "0.0"),
        (1.0, "100.0"),
        (float("nan"), "–"),
    ],
)
def test_rounds_half_away_from_zero_what_the_files_have(value, text) -> None:
    assert points(value) == text


@given(st.floats(-2, 2))
def test_who_rounds_the_file_by_hand_gets_the_same(value) -> None:
    written = Decimal(f"{value:.6f}")
    by_hand = (100 * written).quantize(Decimal("0.1"), ROUND_HALF_UP)
    assert points(value).replace("−", "-") == f"{by_hand + 0:.1f}".replace("-0.0", "0.0")
    assert points(value, signed=True).lstrip("+") == points(value)


def test_an_interval_has_both_ends_or_a_dash() -> None:
    assert interval(-0.01, 0.0255) == "[−1.0, 2.6]"
    assert interval(-0.01, 0.0255, signed=True) == "[−1.0, +2.6]"
    assert interval(float("nan"), 0.1) == "–"


@pytest.mark.parametrize(("p", "said"), [(0.0004, "<0.001"), (0.0126, "0.013"), (1.0, "1.000")])
def test_p_has_three_decimals(p: float, said: str) -> None:
    assert p_text(p) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (0.005, "+0.5"), (-0.01, "−1"), (0.30000000000000004, "+30"), (-0.0025, "−0.25")],
)
def test_an_axis_has_its_changes_in_points_as_short_as_can_be(value: float, said: str) -> None:
    assert axis_number(value) == said


@pytest.mark.parametrize("value", [None, float("nan"), pd.NA, pd.NaT])
def test_what_is_not_known_is_a_dash_and_a_word_is_itself(value: object) -> None:
    assert known(value) == verdict_text(value) == "–"
    assert [known(word) for word in ("nan", "None", "<NA>", 0)] == ["nan", "None", "<NA>", "0"]


def test_verdicts_and_counts_are_as_readers_write_them() -> None:
    assert verdict_text("not_run") == "not run"
    assert [counted(n, "edge") for n in (0, 1, 2)] == ["0 edges", "1 edge", "2 edges"]


@pytest.fixture
def edge_study(tmp_path: Path) -> Path:
    (tmp_path / "weather").mkdir()
    for split in ("train", "dev", "test"):
        rows = [f"{split} {text}\t{label}" for (text, label), n in _ROWS.items() for _ in range(n)]
        content = "\n".join(["text\tlabel", *rows]).replace(f"{split} ", "")
        (tmp_path / "weather" / f"{split}.tsv").write_text(f"{content}\n", encoding="utf-8")
    path = tmp_path / "edge.yaml"
    path.write_text(_STUDY, encoding="utf-8")
    return path


def test_a_score_on_the_edge_is_the_same_in_every_place(
    command, edge_study, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said, _ = command("run", str(edge_study), "--executor", "in-process", "--quiet")
    assert code == 0
    folder = tmp_path / "results" / "edge"
    row = pd.read_csv(folder / "deltas.csv", dtype=str, keep_default_na=False)
    row = row[(row["target"] == "weather") & (row["arm"] == "pair")].iloc[0]
    exact = 100 * Decimal(row["baseline"])
    assert exact % Decimal("0.1") == Decimal("0.05")  # it sits on the edge
    shown = f"{exact.quantize(Decimal('0.1'), ROUND_HALF_UP)}"
    found = {"terminal": _cells(said, "relation weather ")}
    for name in ("deltas.md", "report.md"):
        found[name] = _cells((folder / name).read_text("utf-8"), "| relation | weather | pair |")
    for name, line in (
        ("deltas.tex", "relation & weather & pair &"),
        ("tables.tex", "tiny & single"),
    ):
        found[name] = _cells((folder / name).read_text("utf-8"), line)
    found["tables.md"] = _cells((folder / "tables.md").read_text("utf-8"), "| tiny | single")
    html = (folder / "report.html").read_text("utf-8")
    edges = re.search(r'<table[^>]*id="edges".*?</table>', html, re.S)[0]
    found["page, table"] = _numbers(re.search(r"<tr data-e.*?weather(.*?)<tr", edges, re.S)[1])
    picture = re.search(r'<svg[^>]*id="graph".*?</svg>', html, re.S)[0]
    found["page, graph"] = _numbers(picture)
    for place, numbers in found.items():
        assert shown in numbers, (place, shown, numbers)
        near = {number for number in numbers if abs(Decimal(number) - exact) < Decimal("0.1")}
        assert near == {shown}, place


def _cells(text: str, start: str) -> list[str]:
    """The numbers of the line that begins so, blanks being one."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return _numbers(next(line for line in lines if line.startswith(start)))


def _numbers(text: str) -> list[str]:
    return re.findall(r"(?<![\d.])\d+\.\d(?!\d)", text)
