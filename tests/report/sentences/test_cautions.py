"""What is said where numbers carry less than they seem to: in words, tables, doubts and advice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from tests.report.conftest import NAN, row
from transfer_study.analysis.effects.intervals import lacking
from transfer_study.report.content import Content
from transfer_study.report.markdown import report_markdown
from transfer_study.report.sentences.captions import adjustment
from transfer_study.report.sentences.cautions import cautions, outlying_baselines, over_controls
from transfer_study.report.sentences.figure_names import font_note
from transfer_study.report.sentences.words import doubts, headline, interval_text
from transfer_study.report.tables.edges_tables import edges_markdown
from transfer_study.study.correction import Correction


def edge(**changes: Any) -> dict[str, Any]:
    return row("a_1", "b", "pair", "undecided", 0.02) | changes


NONE = {"adjusted_low": NAN, "adjusted_high": NAN}
UNLEARNED = {"verdict": "not_learned", "baseline": 0.2, "adjusted_p": NAN, **NONE}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (NONE | {"n_seeds": 1}, "one seed"),
        (NONE | {"n_documents": 1, "example_error": NAN}, "one test document"),
        (NONE | {"seed_sd": 0.0, "example_error": 0.0}, "all seeds change it alike"),
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
    assert "| not learned |" in edges_markdown(told.design, told.deltas)
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
    assert "| loss (the model did not learn) |" in edges_markdown(told.design, told.deltas)


def test_documents_are_told_where_they_are_few_or_one() -> None:
    (one,) = cautions(pd.DataFrame([edge(**NONE, n_documents=1, example_error=NAN)]))
    assert "one document" in one
    (few,) = cautions(pd.DataFrame([edge(n_documents=12)]))
    assert few.startswith("The 200 test examples of b are of 12 documents")
    assert "11 degrees of freedom" in few
    # Where every example is a document of its own, there is nothing to tell.
    assert cautions(pd.DataFrame([edge(n_documents=12, n_test=12)])) == []


def test_of_given_runs_no_study_is_named(content: Content) -> None:
    """What others trained cannot be tuned here, and has no keys."""
    edges = pd.DataFrame(
        [edge(**UNLEARNED), edge(target="c", **NONE, n_documents=1, example_error=NAN)]
    )
    outlying = runs([0.542, 0.539, 0.413, 0.506]), pd.DataFrame([edge(source="a_0")])
    ours = " ".join([*cautions(edges), *outlying_baselines(*outlying)])
    theirs = " ".join([*cautions(edges, given=True), *outlying_baselines(*outlying, given=True)])
    for word in ("transfer-study tune", "document_pattern", "of a study"):
        assert word in ours and word not in theirs
    strange = content.tasks.assign(name=["\U0001e922", "b", "c"])
    judged = replace(content, tasks=strange, design=replace(content.design, given=True))
    told = font_note(judged)
    assert told is not None and told.endswith("then the same command draws them")
    assert "transfer-study" not in told


def test_intervals_that_rule_nothing_out_ask_for_seeds() -> None:
    (said,) = cautions(pd.DataFrame([edge(**NONE, n_seeds=2)]))
    assert "no usable interval with 2 seeds" in said
    assert "more seeds" in said
    (said,) = cautions(pd.DataFrame([edge(**NONE, seed_sd=0.0, example_error=0.0)]))
    assert "say nothing of equivalence" in said


def test_a_control_that_may_explain_an_edge_is_a_doubt_in_every_form(content: Content) -> None:
    """The fixture's gain holds over its placebo; another study's loss does not."""
    assert not list(over_controls(content.deltas))
    rows = content.deltas.copy()
    rows.loc[rows["over"] == "placebo", "verdict"] = "undecided"
    doubtful = replace(content, deltas=rows)
    said = "a_1 → b is a gain, over placebo it is undecided: that control may explain it."
    assert said in doubts(doubtful)
    assert said.replace("_", r"\_") in report_markdown(doubtful)


def runs(baseline: list[float], *, arms: int = 3) -> pd.DataFrame:
    """Scores on b: its baseline's, and those of partners whose runs differ by 0.8 points."""
    by_arm = {("single", ""): baseline}
    by_arm |= {("pair", f"a_{n}"): [0.55, 0.56, 0.564, 0.546] for n in range(arms)}
    rows = [
        {"arm": arm, "source": source, "seed": seed, "value": value}
        for (arm, source), values in by_arm.items()
        for seed, value in enumerate(values)
    ]
    about = {"encoder": "tiny", "reading": "refine", "task": "b", "split": "test"}
    return pd.DataFrame(rows).assign(**about, metric="accuracy")


def test_a_run_of_a_baseline_that_decides_all_widths_is_named() -> None:
    """As a relation task's four baselines did: 54, 54, 41 and 51 points."""
    edges = pd.DataFrame([edge(source=f"a_{n}") for n in range(3)])
    (said,) = outlying_baselines(runs([0.542, 0.539, 0.413, 0.506]), edges)
    assert said.startswith("One run of b alone (seed 2, 41.3 points, mean 50.0) makes 6")
    assert "% of the seeds' variance of the 3 effects on it" in said
    assert not list(outlying_baselines(runs([0.50, 0.51, 0.52, 0.49]), edges))
    # Of three seeds one always is half of a variance.
    assert not list(outlying_baselines(runs([0.542, 0.539, 0.413]), edges))
    assert not list(outlying_baselines(pd.DataFrame(), edges))


def test_of_no_edges_no_correction_is_told() -> None:
    assert "over" not in adjustment(Correction.BH, "")
    assert "over 2 edges" in adjustment(Correction.BH, "2 edges")
