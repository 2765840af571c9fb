"""What is said where numbers carry less than they seem to: in words, tables, doubts and advice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from tests.report.conftest import NAN, row
from transfer_study.analysis.intervals import lacking
from transfer_study.report.cautions import cautions
from transfer_study.report.content import Content
from transfer_study.report.edges_tables import edges_markdown
from transfer_study.report.words import doubts, headline, interval_text


def edge(**changes: Any) -> dict[str, Any]:
    return row("a_1", "b", "pair", "undecided", 0.02) | changes


NONE = {"adjusted_low": NAN, "adjusted_high": NAN}
UNLEARNED = {"verdict": "not_learned", "baseline": 0.2, "adjusted_p": NAN, **NONE}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (NONE | {"n_seeds": 1}, "one seed"),
        (NONE | {"n_documents": 1, "example_error": NAN}, "one test document"),
        (NONE | {"seed_sd": 0.0, "example_error": 0.0}, "all runs score alike"),
        (NONE | {"n_seeds": 2}, "no usable interval with 2 seeds"),
        (UNLEARNED, ""),
        ({}, ""),
    ],
)
def test_why_there_is_no_interval_stands_in_its_place(changes: dict[str, Any], says: str) -> None:
    made = edge(**changes)
    assert lacking(made) == says
    expected = says or ("–" if changes else "[0.0, +4.0]")
    assert interval_text(made) == expected


def test_nothing_to_say_of_sound_edges() -> None:
    assert cautions(pd.DataFrame([edge(), edge(source="c")])) == []
    assert cautions(pd.DataFrame([edge()]).iloc[:0]) == []


def test_a_task_that_was_not_learned_is_told_with_both_scores(content: Content) -> None:
    said = cautions(pd.DataFrame([edge(**UNLEARNED), edge(source="c", **UNLEARNED)]))
    assert len(said) == 1
    assert said[0].startswith("b was not learned: in half of the seeds or more, ")
    assert "no better than a constant answer (mean 20.0 against 20.0)" in said[0]
    assert "2 effects on it" in said[0]
    told = replace(content, deltas=pd.DataFrame([edge(**UNLEARNED), edge(target="c")]))
    assert "1 undecided and 1 not learned" in headline(told)
    assert "b was not learned: no better than a constant answer." in headline(told)
    assert doubts(told)[0] == cautions(told.edges)[0]
    assert "| not learned |" in edges_markdown(told.study, told.deltas)
    # No claim that tasks do not help where nothing could be measured.
    nothing = replace(content, deltas=pd.DataFrame([edge(**UNLEARNED)]))
    assert "No task is shown to help" not in headline(nothing)


def test_a_collapsed_model_is_told_apart_from_a_loss(content: Content) -> None:
    collapsed = edge(verdict="loss", delta=-0.4, collapsed=True)
    (said,) = cautions(pd.DataFrame([collapsed]))
    assert said.startswith("The model did not learn")
    assert "a_1 → b" in said
    told = replace(content, deltas=pd.DataFrame([collapsed]))
    assert "In 1 effect the model did not learn." in headline(told)
    assert "| loss (the model did not learn) |" in edges_markdown(told.study, told.deltas)


def test_documents_are_told_where_they_are_few_or_one() -> None:
    (one,) = cautions(pd.DataFrame([edge(**NONE, n_documents=1, example_error=NAN)]))
    assert "one document" in one
    (few,) = cautions(pd.DataFrame([edge(n_documents=12)]))
    assert few.startswith("The 200 test examples of b are of 12 documents")
    assert "11 degrees of freedom" in few
    # Where every example is a document of its own, there is nothing to tell.
    assert cautions(pd.DataFrame([edge(n_documents=12, n_test=12)])) == []


def test_intervals_that_rule_nothing_out_ask_for_seeds() -> None:
    (said,) = cautions(pd.DataFrame([edge(**NONE, n_seeds=2)]))
    assert "no usable interval with 2 seeds" in said
    assert "more seeds" in said
    (said,) = cautions(pd.DataFrame([edge(**NONE, seed_sd=0.0, example_error=0.0)]))
    assert "say nothing of equivalence" in said
