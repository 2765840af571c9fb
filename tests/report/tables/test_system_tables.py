"""The tables as text: what is bold, what is missing, and signs that would break a format."""

from __future__ import annotations

import math
import re

import pandas as pd
import pytest

from transfer_study.analysis.paper.systems import CELL_COLUMNS
from transfer_study.report.tables.system_tables import about, lay_out, system_latex, system_markdown
from transfer_study.report.tables.table import latex_text, markdown_text
from transfer_study.study.fingerprint import DataFingerprint, Fingerprints, SplitFingerprint
from transfer_study.study.plan import plan
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.study import Study

NAN = math.nan
NOTE = "micro F1 & not macro_F1"


def cell(
    encoder: str,
    task: str,
    mean: float,
    sd: float = NAN,
    n: int = 3,
    published: float = NAN,
    notes: str = "",
    mix: str = "a+b",
) -> tuple[object, ...]:
    about = (encoder, "MT-Refinement", mix, task, "" if task == "average" else "micro_f1")
    return (*about, mean, sd, NAN, NAN, n, published, "", "3", notes)


CELLS = pd.DataFrame(
    [
        cell("one_a", "a", 0.5, 0.01, published=0.715, notes=NOTE),
        cell("one_a", "b", 0.25, 0.02, n=2),
        cell("one_a", "average", 0.375, 0.015, n=2),
        cell("two&b", "a", 0.4999, n=1, published=NAN),
        cell("two&b", "b", NAN, n=0),
        cell("two&b", "average", NAN, n=0),
        cell("paper", "a", NAN, n=0, published=0.8),
        cell("paper", "b", NAN, n=0),
        cell("paper", "average", NAN, n=0),
    ],
    columns=CELL_COLUMNS,
)
TABLE = lay_out(CELLS, "study_1", ("100% of a|b.",))


def test_markdown_reads_as_it_should() -> None:
    assert system_markdown(TABLE) == "\n".join(
        [
            r"# study\_1: scores by system",
            "",
            r"| encoder | system | tasks | seeds | a (micro\_f1) | published | b (micro\_f1) "
            "| average |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            r"| one\_a | MT-Refinement | 2 | 2–3 | **50.0 ± 1.0** | 71.5 <sup>a</sup> "
            "| **25.0 ± 2.0** | **37.5 ± 1.5** |",
            "| two&b | MT-Refinement | 2 | 0–1 | 50.0 | – | – | – |",
            "| paper | MT-Refinement | 2 | – | – | 80.0 | – | – |",
            "",
            r"100% of a\|b.",
            "",
            r"<sup>a</sup> micro F1 & not macro\_F1",
            "",
        ]
    )


def test_latex_has_the_same_cells_and_escapes_its_signs() -> None:
    text = system_latex(TABLE)
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert rows[1] == (
        r"one\_a & MT-Refinement & 2 & 2--3 & \textbf{50.0 $\pm$ 1.0} & 71.5$^{a}$ & "
        r"\textbf{25.0 $\pm$ 2.0} & \textbf{37.5 $\pm$ 1.5} \\"
    )
    assert rows[2] == r"two\&b & MT-Refinement & 2 & 0--1 & 50.0 & -- & -- & -- \\"
    assert r"\par $^{a}$ micro F1 \& not macro\_F1" in text
    assert r"100\% of a\textbar{}b." in text
    columns = re.search(r"\\begin\{tabular\}\{(\w+)\}", text)
    assert columns is not None
    # A sign that was not escaped would part a cell in two.
    assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns[1])}
    assert text.isascii()


def test_tables_without_published_values_have_no_columns_for_them() -> None:
    table = lay_out(CELLS.assign(published=NAN, notes=""), "s", ())
    assert "published" not in {column.heading for column in table.columns}
    assert {len(row.cells) for row in table.rows} == {len(table.columns)}
    assert table.notes == ()


@pytest.mark.parametrize(
    ("words", "latex", "markdown"),
    [
        ("a_b & 5%", r"a\_b \& 5\%", r"a\_b & 5%"),
        (r"\{x}~^", r"\textbackslash{}\{x\}\textasciitilde{}\textasciicircum{}", r"\\\{x\}~^"),
        ("$1 #2", r"\$1 \#2", r"$1 \#2"),
        ("a|b<c>*d*", r"a\textbar{}b\textless{}c\textgreater{}*d*", r"a\|b\<c\>\*d\*"),
        ("two\nlines\t", "two lines", "two lines"),
        ("1–2 ± 3", r"1--2 $\pm$ 3", "1–2 ± 3"),
    ],
)
def test_signs_are_escaped(words: str, latex: str, markdown: str) -> None:
    assert latex_text(words) == latex
    assert markdown_text(words) == markdown


def test_the_switches_of_a_recipe_are_stated() -> None:
    split = SplitFingerprint(n=10, sha256="0", gold="0")
    data = DataFingerprint(key="key", train=split, dev=split, test=split)
    known = Fingerprints(data={"mednli": data}, encoders={"tiny": "0"}, precision=Precision.FLOAT32)
    said = {}
    for protocol in ("clean", "paper"):
        study = Study.model_validate(
            {
                "name": "s",
                "encoder": "tiny",
                "tasks": [{"name": "mednli", "limits": {"max_test": 10}}],
                "arms": ["single"],
                "protocol": protocol,
            }
        )
        lines = about(plan(study, known).under(protocol), CELLS)
        said[protocol] = "\n".join(lines)
        assert "Limits leave a part of the data: mednli: test." in lines
    assert "Not the clean protocol" not in said["clean"]
    assert "Not the clean protocol (refine): " in said["paper"]
    assert "optimizer bert_adam" in said["paper"]
