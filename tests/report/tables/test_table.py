"""One table in every format: what a cell says, on which side it stands, and what is not known."""

from __future__ import annotations

import io
import math

import pandas as pd
import pytest

from transfer_study.report.tables.table import (
    TableCell,
    as_latex,
    as_markdown,
    change,
    frame_table,
    label,
    markdown_notes,
    number,
    score,
    span,
    table_of,
    text,
)
from transfer_study.terminal.console import PlainConsole, in_terminal

RECORDS = [
    {"task": "a|b", "score": 0.5825, "delta": -0.004, "low": -0.01, "high": 0.0021, "seeds": 5},
    {
        "task": "nan",
        "score": math.nan,
        "delta": math.nan,
        "low": math.nan,
        "high": 1.0,
        "seeds": None,
    },
]
TABLE = table_of(
    RECORDS,
    text("task", lambda record: TableCell(record["task"], bold=record["seeds"] == 5)),
    score("score", "score"),
    change("change", "delta"),
    span("interval", "low", "high"),
    number("seeds", "seeds"),
    label("what", lambda record: TableCell("best", marks="a")),
    title="Two",
    notes=[TableCell("by <dev>", marks="a")],
    style=lambda record: "green" if record["seeds"] else "",
)


def test_markdown_has_numbers_to_the_right_and_a_dash_for_what_is_not_known() -> None:
    assert as_markdown(TABLE).splitlines() == [
        "| task | score | change | interval | seeds | what |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        r"| **a\|b** | 58.3 | −0.4 | \[−1.0, +0.2\] | 5 | best <sup>a</sup> |",
        "| nan | – | – | – | – | best <sup>a</sup> |",
    ]
    assert markdown_notes(TABLE) == [r"<sup>a</sup> by \<dev\>"]


def test_latex_has_the_same_cells_in_both_forms() -> None:
    row = r"\textbf{a\textbar{}b} & 58.3 & $-$0.4 & [$-$1.0, +0.2] & 5 & best$^{a}$ \\"
    short, long = as_latex(TABLE), as_latex(TABLE, "Of 100%")
    assert row in short and row in long
    assert r"\begin{tabular}{lrrrrl}" in short
    assert r"\caption{Of 100\%}\\" in long and long.count(r"\toprule") == 2


def test_a_terminal_has_them_too_in_its_colours() -> None:
    said = io.StringIO()
    console = PlainConsole(width=80, file=said, force_terminal=True, color_system="standard")
    console.print(in_terminal(TABLE))
    lines = said.getvalue().splitlines()
    assert "Two" in lines[0] and "\x1b[32m" in lines[2] and "\x1b[32m" not in lines[3]
    assert all(words in lines[2] for words in ("a|b", "58.3", "[−1.0, +0.2]", "best a"))


@pytest.mark.parametrize(
    ("value", "said"),
    [(1234, "1,234"), (2.0, "2"), (0.0026242, "0.002624"), (43211.7, "43,212"), (True, "True")],
)
def test_a_frame_is_told_as_it_is(value: object, said: str) -> None:
    table = frame_table(pd.DataFrame({"a_b": [value], "who": ["x"]}))
    assert [cell.text for cell in table.rows[0].cells] == [said, "x"]
    first, second = table.columns
    assert (first.heading, first.number, second.number) == ("a b", value is not True, False)


def test_of_a_long_frame_the_rest_is_counted() -> None:
    frame = pd.DataFrame({"n": [1.0, math.nan, 3.0]})
    assert [row.cells[0].text for row in frame_table(frame).rows] == ["1", "–", "3"]
    cut = frame_table(frame, 2)
    assert (len(cut.rows), cut.notes[0].text) == (2, "Not shown: 1 more row.")
