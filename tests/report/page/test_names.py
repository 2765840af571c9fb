"""Names of any length in the page, the Markdown and the tables: whole somewhere, and apart."""

from __future__ import annotations

import re
import string

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from transfer_study.report.markdown import report_markdown
from transfer_study.report.page import page
from transfer_study.report.page.subject import Subject
from transfer_study.report.tables.edges_tables import edges_latex, edges_markdown
from transfer_study.report.tables.table import latex_text, markdown_text

LETTERS = string.ascii_letters + string.digits + "-_é疾علم"


@st.composite
def named(draw) -> list[str]:
    """Two to forty names of up to 300 letters that begin and end alike."""
    count, length = draw(st.integers(2, 40)), draw(st.integers(1, 298))
    stem = draw(st.text(LETTERS, min_size=length, max_size=length))
    return [f"a{stem[: length // 2]}{i}{stem[length // 2 :]}"[:300] for i in range(count)]


@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(names=named())
@example(names=["m" * 298 + f"{i:02}" for i in range(4)])
@example(names=[f"{i:02}" + "m" * 26 for i in range(2)])
@example(names=["疾" * 120 + f"{i}" for i in range(13)])
def test_names_of_any_length_are_whole_and_apart(names, content):
    names = list(dict.fromkeys(names))
    made = content(len(names), names=names)
    html, markdown = page(made), report_markdown(made)
    for name in names:
        assert name in html
        assert markdown_text(name) in markdown
        assert markdown_text(name) in edges_markdown(made.design, made.deltas)
        assert latex_text(name) in edges_latex(made.design, made.deltas)
    subject = Subject(made)
    for labels in (subject.short, subject.brief):
        assert len({*labels.values()}) == len(names)
        assert max(map(len, labels.values())) < 120
    cut = {name for name in names if subject.short[name] != name}
    assert {name for name in cut if f'<abbr title="{name}">' in html} == cut


def test_short_names_are_never_cut(content):
    html = page(content(8))
    assert "<abbr" not in html
    assert not re.search(r">\d+ corpus-", html)
