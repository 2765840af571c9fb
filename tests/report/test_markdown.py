"""The report as Markdown, and the sentences that it shares with the page."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
import pytest

from tests.report.page.conftest import make_content, with_meaning
from transfer_study.report.content import Content
from transfer_study.report.markdown import report_markdown
from transfer_study.report.of_plan import content_of
from transfer_study.report.sentences.citations import bibtex
from transfer_study.report.sentences.words import (
    advised,
    completeness,
    doubts,
    headline,
    methods,
)
from transfer_study.study.correction import Correction
from transfer_study.study.looks import Looks
from transfer_study.study.pairs import Pairing
from transfer_study.study.plan import Plan


@dataclass(frozen=True)
class Advice:
    """Advice as the report takes it."""

    task: str = "b"
    encoder: str = "tiny"
    reading: str = "refine"
    variant: str = ""
    text: str = "Train b with a_1."
    command: str = "transfer-study export made_up.yaml --task b --arm pair:a_1 --to model"
    enough: bool = True


def sections(text: str) -> list[str]:
    return [line[3:] for line in text.splitlines() if line.startswith("## ")]


def test_the_verdict_is_in_plain_words(content: Content) -> None:
    said = headline(content)
    assert said.startswith("Of 7 effects, 1 gain, 1 loss, 1 equivalent and 2 undecided.")
    assert "Most helpful: a_1 on b, +5.0 points [+3.0, +7.0] (pair, refine reading, tiny)." in said
    assert "Most harmful: b on a_1, −3.0 points [−5.0, −1.0]" in said
    assert completeness(content) == (
        "5 of 7 edges: 3 decided (1 gain, 1 loss, 1 equivalent); 2 undecided, 1 failed, 1 not run"
    )


def test_where_nothing_is_decided_that_is_said(content: Content) -> None:
    nothing = replace(content, deltas=content.deltas.assign(verdict="undecided"))
    assert headline(nothing).endswith("No task is shown to help or to hurt another.")
    one = replace(nothing, design=replace(content.design, n_seeds=1))
    assert headline(one).endswith("One seed: nothing can be decided.")
    not_run = replace(content, deltas=content.deltas.assign(verdict="not_run"))
    assert headline(not_run) == "Nothing is measured yet."
    none = replace(content, deltas=content.deltas.iloc[:0])
    assert "compares nothing" in headline(none)
    assert completeness(none) == "no edges, for the study compares no tasks"


def test_the_report_goes_from_the_verdict_to_the_failures(content: Content) -> None:
    full = replace(
        content,
        figures=["../plots/transfer_graph.svg", "../plots/transfer_graph-column.pdf"],
        recommendations=[Advice()],
        leaks=pd.DataFrame({"kind": ["exact"], "texts": [3]}),
        costs=pd.DataFrame({"what": ["pairs"], "stages": [9], "hours": [1.25]}),
        false_edge_rate="A/A comparisons: of 40 …",
        warnings=["The test set of c is small."],
    )
    text = report_markdown(full)
    assert sections(text) == [
        "Figures",
        "Edges",
        "Recommendations",
        "How it could be wrong",
        "A/A comparisons",
        "Leaks",
        "Costs",
        "Methods",
        "How to reproduce",
        "Failures",
    ]
    for said in (
        "![transfer_graph](../plots/transfer_graph.svg)",
        "[transfer_graph-column.pdf](../plots/transfer_graph-column.pdf)",
        r"- **b**: Train b with a\_1.",
        "transfer-study export made_up.yaml",
        "| exact | 3 |",
        "| pairs | 9 | 1.25 |",
        "- The test set of c is small.",
        "transfer-study run made_up.yaml",
        "@inproceedings{peng2020empirical",
    ):
        assert said in text, said
    (failed,) = content.failed.values()
    assert failed in text


def test_a_study_by_looks_is_repeated_by_looks(content: Content, planned: Plan) -> None:
    looks = Looks.fixed(planned.study.seeds, max_seeds=9, looks=2)
    tables = content.deltas, content.scores, content.tasks
    of_looks = content_of(replace(planned, looks=looks), *tables, file="made_up.yaml")
    run = of_looks.commands[1]
    assert run.startswith("transfer-study run made_up.yaml --until-decided --max-seeds 9 --looks 2")


def test_what_was_not_measured_is_a_doubt_and_no_empty_section(content: Content) -> None:
    bare = replace(content, failed={})
    assert sections(report_markdown(bare)) == [
        "Edges",
        "How it could be wrong",
        "Methods",
        "How to reproduce",
    ]
    said = " ".join(doubts(bare))
    assert "not searched for leaks" in said
    assert "No controls were run" not in said  # there is a placebo
    assert "leaves out" not in said
    found = replace(content, leaks=pd.DataFrame({"kind": []}))
    assert "No text of a test set was found" in report_markdown(found)


def test_pairs_that_a_setting_leaves_out_are_a_doubt(content: Content, planned: Plan) -> None:
    study = planned.study
    first, *others = study.tasks
    apart = (first.model_copy(update={"domain": "elsewhere"}), *others)
    update = {"tasks": apart, "pairs": Pairing.WITHIN}
    apart_only = replace(planned, study=study.model_copy(update=update))
    within = content_of(apart_only, content.deltas, content.scores, content.tasks)
    n = len(study.tasks)
    said = f"`pairs: within_domain` leaves out {n - 1} of {n * (n - 1) // 2} pairs"
    assert any(doubt.startswith(said) for doubt in doubts(within))
    assert f"leaves out {n - 1} of" in report_markdown(within)


@pytest.mark.parametrize(
    ("correction", "words", "cited"),
    [
        (Correction.BH, "Benjamini-Hochberg over 5 edges", "benjamini1995controlling"),
        (Correction.BY, "Benjamini-Yekutieli over 5 edges", "benjamini2001control"),
        (Correction.HOLM, "Holm over 5 edges", "holm1979simple"),
        (Correction.MAX_T, "max-T over 5 edges", "westfall1993resampling"),
        (Correction.NONE, "not adjusted for the number of edges", "peng2020empirical"),
    ],
)
def test_the_correction_is_named_and_cited(
    content: Content, correction: Correction, words: str, cited: str
) -> None:
    asked = replace(content, design=replace(content.design, correction=correction))
    assert words in methods(asked)
    assert cited in bibtex(correction)
    assert cited in report_markdown(asked)


def test_advice_for_one_task_has_a_heading_each_that_says_what_differs(
    content: Content, planned: Plan
) -> None:
    both = [Advice(), Advice(reading="finetune"), Advice(task="c", encoder="/models/large")]
    titles = [title for title, _ in advised(replace(content, recommendations=both))]
    assert titles == [
        "b, tiny, refine reading",
        "b, tiny, finetune reading",
        "c, large, refine reading",
    ]
    variants = [Advice(variant="plain"), Advice(variant="frozen")]
    titled = replace(content, recommendations=variants)
    assert [title for title, _ in advised(titled)] == ["b, plain", "b, frozen"]
    assert "- **b, frozen**: Train b" in report_markdown(titled)
    once = replace(content, recommendations=[Advice()])
    assert [title for title, _ in advised(once)] == ["b"]
    systems = tuple(replace(system, protocol="paper") for system in planned.systems)
    tables = content.deltas, content.scores, content.tasks
    of_paper = replace(planned, systems=systems)
    paper = content_of(of_paper, *tables, recommendations=[Advice()])
    assert [title for title, _ in advised(paper)] == ["b, protocol paper"]


def test_estimates_of_one_encoder_among_several_say_of_which_they_are(content: Content) -> None:
    pair = {"encoder": "tiny", "reading": "refine", "arm": "pair", "source": "c", "target": "b"}
    numbers = {"expected": 0.03, "low": 0.0, "high": 0.06, "gain": 0.9, "loss": 0.0}
    predicted = pd.DataFrame([{**pair, **numbers, "likely": "likely gain"}])
    told = replace(content, predicted=predicted)
    assert "| pair | c | b | +3.0 |" in report_markdown(told)
    both = pd.concat([content.deltas, content.deltas.assign(encoder="/models/large")])
    several = report_markdown(replace(told, deltas=both))
    assert "| tiny | pair | c | b | +3.0 |" in several
    assert "1 pair was not measured." in several


def test_the_largest_gains_and_losses_say_what_they_mean() -> None:
    told = with_meaning(make_content(4))
    text = report_markdown(told)
    assert "### corpus-1 on corpus-2, +5.7 points" in text
    assert "| class | \\<b\\> | 1,200 | 50.0 | 58.0 | +8.0 | \\[+1.0, +15.0\\] | gain |" in text
    assert "between two runs of one arm 80 change each way" in text
    assert "What the edges mean" not in report_markdown(replace(told, meaning=None))
