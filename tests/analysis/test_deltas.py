"""Deltas and verdicts of frames small enough to reckon by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy import stats

from tests.analysis.made_up import USUAL
from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.analysis.effects.uncertainty import Interval
from transfer_study.metrics import Statistics
from transfer_study.study.correction import Correction
from transfer_study.study.margin import Margin
from transfer_study.study.tasks.task import MetricName


def within(**margin: float) -> Judgement:
    """Each edge judged by itself."""
    return Judgement(Margin(**margin), Correction.NONE)


MARGIN = within(absolute=0.01)
# Differences of three seeds in thousandths, and what they say under MARGIN.
VERDICTS = {
    "gain": (28, 30, 32),
    "loss": (-28, -30, -32),
    "equivalent": (1, 0, 2),
    "undecided": (-40, 50, 60),
}


def comparisons(sources=("A",), seeds=(0, 1, 2), target="B") -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "encoder": "tiny",
                "reading": "refine",
                "arm": "pair",
                "source": source,
                "target": target,
                "metric": "accuracy",
                "over": "",
                "seed": seed,
                "stage": f"{source}{target}-{seed}",
                "baseline": f"{target}-{seed}",
            }
            for source in sources
            for seed in seeds
        ]
    )


def scores(
    values: dict[str, float], task="B", metric="accuracy", documents=100, constant=0.1
) -> dict[str, TestSet]:
    """A test set of documents that are all alike: t over seeds is left."""
    names = tuple(map(str, range(documents)))
    alike = {
        stage: Statistics(np.tile([value, 1.0], (documents, 1)), names)
        for stage, value in values.items()
    }
    return {task: TestSet.of(task, MetricName(metric), 500, constant, alike)}


def without(given: dict[str, TestSet], stage: str) -> dict[str, TestSet]:
    values = {name: value for name, value in given["B"].scores().items() if name != stage}
    return scores(values)


def of_differences(differences, source="A") -> dict[str, TestSet]:
    baseline = {f"B-{seed}": 0.5 + 0.1 * seed for seed in range(len(differences))}
    stage = {f"{source}B-{seed}": 0.5 + 0.1 * seed + d / 1000 for seed, d in enumerate(differences)}
    return scores({**baseline, **stage})


def only(frame: pd.DataFrame) -> pd.Series:
    assert len(frame) == 1
    return frame.iloc[0]


def test_numbers_of_an_edge():
    edge = only(deltas(comparisons(), of_differences((10, 20, 60)), MARGIN, ()))
    reference = stats.ttest_1samp([0.01, 0.02, 0.06], 0)
    low, high = reference.confidence_interval(0.95)
    assert list(edge.index) == USUAL
    assert edge.to_dict() == {
        "encoder": "tiny",
        "source": "A",
        "target": "B",
        "arm": "pair",
        "reading": "refine",
        "metric": "accuracy",
        "over": "",
        "baseline": pytest.approx(0.6),
        "score": pytest.approx(0.63),
        "delta": pytest.approx(0.03),
        "low": pytest.approx(low),
        "high": pytest.approx(high),
        "p": pytest.approx(reference.pvalue),
        "adjusted_low": pytest.approx(low),
        "adjusted_high": pytest.approx(high),
        "adjusted_p": pytest.approx(reference.pvalue),
        "level": 0.05,
        "seed_sd": pytest.approx(np.std([0.01, 0.02, 0.06], ddof=1)),
        "score_sd": pytest.approx(np.std([0.51, 0.62, 0.76], ddof=1)),
        "seed_freedom": 2,
        "example_error": pytest.approx(0, abs=1e-12),
        "freedom": pytest.approx(2),
        "n_seeds": 3,
        "n_baseline_seeds": 3,
        "n_test": 500,
        "n_documents": 100,
        "constant": 0.1,
        "collapsed": False,
        "verdict": "undecided",
    }


def test_variants_of_a_recipe_are_rows_of_their_own():
    plain, other = (comparisons().assign(variant=name) for name in ("plain", "other"))
    other["stage"], other["baseline"] = "o-" + other["stage"], "o-" + other["baseline"]
    measured = of_differences((28, 30, 32))["B"].scores()
    changed = {f"o-{k}": v for k, v in of_differences((-28, -30, -32))["B"].scores().items()}
    edges = deltas(pd.concat([plain, other]), scores(measured | changed), MARGIN, ())
    assert list(edges.columns) == ["variant", *USUAL]
    assert edges[["variant", "verdict", "n_seeds"]].to_numpy().tolist() == [
        ["plain", "gain", 3],
        ["other", "loss", 3],
    ]


@pytest.mark.parametrize(("verdict", "differences"), VERDICTS.items())
def test_verdicts(verdict, differences):
    assert only(deltas(comparisons(), of_differences(differences), MARGIN, ())).verdict == verdict


def test_a_sure_but_small_effect_is_no_gain():
    # The interval, about .006 to .012, excludes zero and crosses the margin.
    edge = only(deltas(comparisons(), of_differences((8, 9, 10)), MARGIN, ()))
    assert 0 < edge.low < 0.01 < edge.high
    assert edge.verdict == "undecided"


@pytest.mark.parametrize("correction", Correction)
@pytest.mark.parametrize("d", [20, -20, 5, 0])
def test_without_any_spread_nothing_is_decided(d, correction):
    same = scores({f"B-{n}": 0.5 for n in range(3)} | {f"AB-{n}": 0.5 + d / 1000 for n in range(3)})
    judgement = Judgement(Margin(absolute=0.01), correction)
    edge = only(deltas(comparisons(), same, judgement, ()))
    assert edge.delta == pytest.approx(d / 1000)
    assert edge[["low", "high", "p", "adjusted_low", "adjusted_high", "adjusted_p"]].isna().all()
    assert edge.verdict == "undecided"


@pytest.mark.parametrize("correction", Correction)
def test_one_document_says_nothing_of_documents(correction):
    given = scores(of_differences((28, 30, 32))["B"].scores(), documents=1)
    edge = only(deltas(comparisons(), given, Judgement(Margin(absolute=0.01), correction), ()))
    assert edge.delta == pytest.approx(0.03)
    assert edge[["low", "high", "p", "adjusted_low", "adjusted_high", "adjusted_p"]].isna().all()
    assert (edge.n_documents, edge.verdict) == (1, "undecided")


def differing(documents: int, answers: int = 20) -> dict[str, TestSet]:
    """Two more right answers of each document of twenty, in each of three seeds, but for one."""
    names = tuple(map(str, range(documents)))
    rows = {}
    for seed in range(3):
        right = np.full(documents, 11.0)
        rows[f"B-{seed}"] = Statistics(np.column_stack([right, right * 0 + answers]), names)
        right[1:] += 2
        right[0] -= 1
        rows[f"AB-{seed}"] = Statistics(np.column_stack([right, right * 0 + answers]), names)
    return {"B": TestSet.of("B", MetricName.ACCURACY, documents * answers, 0.5, rows)}


def test_few_documents_are_judged_by_their_t():
    edge = only(deltas(comparisons(), differing(4), Judgement(Margin(absolute=0.01)), ()))
    by_document = stats.ttest_1samp([-0.05, 0.1, 0.1, 0.1], 0)
    assert edge.adjusted_p == pytest.approx(by_document.pvalue, rel=0.05)
    low, high = by_document.confidence_interval(0.95)
    found = edge[["adjusted_low", "adjusted_high"]].astype(float).tolist()
    assert found == pytest.approx([low, high], rel=0.05)
    assert edge.verdict == "undecided"


def test_an_interval_ends_where_scores_do():
    # Two seeds, whose t has ends some thirteen standard errors away.
    given = scores({"B-0": 0.5, "B-1": 0.5, "AB-0": 0.64, "AB-1": 0.56})
    edge = only(deltas(comparisons(seeds=(0, 1)), given, MARGIN, ()))
    assert edge.low == pytest.approx(0.1 - 12.706 * 0.04, abs=1e-3)
    given = scores({"B-0": 0.1, "B-1": 0.1, "AB-0": 0.95, "AB-1": 0.85}, constant=0.0)
    edge = only(deltas(comparisons(seeds=(0, 1)), given, MARGIN, ()))
    assert (edge.low, edge.high) == (pytest.approx(0.8 - 12.706 * 0.05, abs=1e-3), 1.0)


def test_an_interval_that_rules_nothing_out_is_none():
    given = scores({"B-0": 0.5, "B-1": 0.5, "AB-0": 0.9, "AB-1": 0.3})
    edge = only(deltas(comparisons(seeds=(0, 1)), given, MARGIN, ()))
    assert edge[["low", "high", "adjusted_low", "adjusted_high"]].isna().all()
    assert edge.p == edge.adjusted_p == pytest.approx(0.795, abs=1e-3)  # the test stands
    assert edge.verdict == "undecided"


def test_correlations_go_from_minus_one_to_one():
    test_set = TestSet("B", MetricName.PEARSON, 9, 0.0, (), np.zeros((9, 0, 6)))
    wide = Interval(0.1, -1.4, 1.6, 0.9)
    assert test_set.possible(wide, 0.5) == Interval(0.1, -1.4, 1.6, 0.9)
    assert np.isnan(test_set.possible(wide, -0.5).low)
    accuracy = replace(test_set, metric=MetricName.ACCURACY)
    assert np.isnan(accuracy.possible(wide, 0.5).low)
    assert accuracy.possible(Interval(0.7, 0.2, 1.2, 0.01), 0.1).high == 1.0
    # An effect over a control is a difference of two.
    assert accuracy.possible(Interval(0.7, 0.2, 1.2, 0.01), 0.1, terms=2).high == 1.2


def test_effects_on_a_task_that_was_not_learned_are_not_judged():
    """A constant answer scores alike with every partner: no sign of equivalence."""
    values = {f"B-{n}": 0.1 for n in range(3)} | {f"AB-{n}": 0.1 for n in range(3)}
    edge = only(deltas(comparisons(), scores(values), MARGIN, ()))
    assert (edge.verdict, edge.collapsed) == ("not_learned", False)
    assert edge[["adjusted_low", "adjusted_high", "adjusted_p", "level"]].isna().all()
    # Nor where some runs scatter below it, or one of three is above.
    values = {"B-0": 0.05, "B-1": 0.09, "B-2": 0.4, "AB-0": 0.5, "AB-1": 0.6, "AB-2": 0.55}
    assert only(deltas(comparisons(), scores(values), MARGIN, ())).verdict == "not_learned"
    values |= {"B-1": 0.3}
    assert only(deltas(comparisons(), scores(values), MARGIN, ())).verdict != "not_learned"


def over_a_control() -> pd.DataFrame:
    """The edge over a control with the same baseline, which cancels."""
    rows = comparisons()
    control = rows["stage"].str.replace("AB", "A*B")
    return rows.assign(over="matched", control=control, control_baseline=rows["baseline"])


def test_an_effect_over_a_control_that_did_not_learn_is_no_gain():
    values = {f"B-{n}": 0.5 for n in range(3)} | {f"AB-{n}": 0.5 + n / 100 for n in range(3)}
    collapsed = scores(values | {f"A*B-{n}": 0.1 for n in range(3)})
    assert only(deltas(over_a_control(), collapsed, MARGIN, ())).verdict == "not_learned"
    learned = scores(values | {f"A*B-{n}": 0.2 for n in range(3)})
    assert only(deltas(over_a_control(), learned, MARGIN, ())).verdict == "gain"


def test_a_baseline_that_cancels_and_is_missing_is_not_said_to_have_not_learned():
    values = {f"AB-{n}": 0.5 + n / 100 for n in range(3)} | {f"A*B-{n}": 0.2 for n in range(3)}
    for known in ({}, {"B-0": 0.5}):
        edge = only(deltas(over_a_control(), scores(values | known), MARGIN, ()))
        assert (edge.verdict, edge.n_seeds) == ("gain", 3)


def test_a_model_that_collapsed_is_a_loss_and_marked():
    values = {f"B-{n}": 0.6 + n / 100 for n in range(3)} | {f"AB-{n}": 0.1 for n in range(3)}
    edge = only(deltas(comparisons(), scores(values), MARGIN, ()))
    assert (edge.verdict, edge.collapsed) == ("loss", True)


def test_what_was_not_learned_is_of_no_family():
    learned = of_differences((7, 31, 32))["B"].scores()
    asked = pd.concat([comparisons(), comparisons(sources=("B",), target="C")])
    flat = {f"C-{n}": 0.1 for n in range(3)} | {f"BC-{n}": 0.1 for n in range(3)}
    judgement = Judgement(Margin(absolute=0.01), Correction.HOLM)
    both = deltas(asked, scores(learned) | scores(flat, task="C"), judgement, ())
    alone = only(deltas(comparisons(), scores(learned), judgement, ()))
    assert both["verdict"].tolist() == [alone.verdict, "not_learned"]
    assert both["adjusted_p"].iloc[0] == alone.adjusted_p
    assert both["level"].iloc[0] == 0.05


def test_a_single_seed_decides_nothing():
    edge = only(deltas(comparisons(seeds=(0,)), of_differences((300,)), MARGIN, ()))
    assert edge.delta == pytest.approx(0.3)
    assert edge[["low", "high", "p"]].isna().all()
    assert (edge.n_seeds, edge.verdict) == (1, "undecided")


@pytest.mark.parametrize("gone", ["AB-2", "B-2"])
@pytest.mark.parametrize("differences", VERDICTS.values())
def test_a_missing_run_is_never_a_finding(gone, differences):
    partial = without(of_differences(differences), gone)
    edge = only(deltas(comparisons(), partial, MARGIN, ()))
    assert (edge.n_seeds, edge.verdict) == (2, "not_run")
    assert edge.delta == pytest.approx(sum(differences[:2]) / 2000)
    assert edge.baseline == pytest.approx(0.55)

    assert only(deltas(comparisons(), partial, MARGIN, {gone})).verdict == "failed"
    assert only(deltas(comparisons(), partial, MARGIN, {"another-0"})).verdict == "not_run"


def test_nothing_has_run():
    for verdict, failed in (("not_run", set()), ("failed", {"B-1"})):
        edge = only(deltas(comparisons(), {}, MARGIN, failed))
        assert edge[["baseline", "score", "delta", "low", "high", "p"]].isna().all()
        assert (edge.n_seeds, edge.n_test, edge.verdict) == (0, 0, verdict)


def test_a_failure_that_a_later_attempt_mended_is_none():
    edge = only(deltas(comparisons(), of_differences(VERDICTS["gain"]), MARGIN, {"AB-0"}))
    assert edge.verdict == "gain"


def several() -> tuple[pd.DataFrame, dict[str, TestSet]]:
    values = {}
    for source in ("C", "A", "A+C"):
        values |= of_differences((7, 31, 32), source)["B"].scores()
    return comparisons(sources=("C", "A", "A+C")), scores(values)


def test_edges_come_in_the_order_asked_for():
    asked, given = several()
    assert list(deltas(asked, given, MARGIN, ())["source"]) == ["C", "A", "A+C"]
    interleaved = asked.sort_values("seed", kind="stable")
    assert list(deltas(interleaved, given, MARGIN, ())["source"]) == ["C", "A", "A+C"]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_changes_no_number(seed):
    asked, given = several()
    expected = deltas(asked, given, MARGIN, ()).set_index("source")
    shuffled = deltas(asked.sample(frac=1, random_state=seed), given, MARGIN, ()).set_index(
        "source"
    )
    pd.testing.assert_frame_equal(shuffled.loc[expected.index], expected, check_exact=True)


def test_no_comparisons_make_an_empty_table():
    asked, given = several()
    assert list(deltas(asked.iloc[:0], given, MARGIN, ()).columns) == USUAL


def test_a_relative_margin_is_a_share_of_the_baseline():
    # The mean baseline is .6, so 10% of it is .06.
    given = of_differences((48, 50, 52))
    asked = comparisons()
    assert only(deltas(asked, given, within(relative=0.1), ())).verdict == "equivalent"
    assert only(deltas(asked, given, within(relative=0.05), ())).verdict == "gain"


def test_margins():
    assert Margin.model_validate("0.02") == Margin.model_validate(0.02) == Margin(absolute=0.02)
    assert Margin.model_validate({"relative": "0.1"}) == Margin(relative=0.1)
    assert Margin(absolute=0.02).of(0.5) == 0.02
    assert Margin(relative=0.1).of(-0.5) == pytest.approx(0.05)
    for value in (Margin(absolute=0), Margin(relative=0.1)):
        assert Margin.model_validate_json(value.model_dump_json()) == value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (-0.1, "number from 0 to below 1.*found -0.1"),
        # One point is meant, by which every effect that there is would be equivalent.
        (1, "number from 0 to below 1, where 0.01 is one point.*found 1"),
        ({"absolute": 1}, "less than 1"),
        (np.nan, "found nan"),
        ("inf", "found 'inf'"),
        ("small", "found 'small'"),
        (True, "found True"),
        (None, "found None"),
        ([0.1], "found"),
        ({}, "exactly one"),
        ({"absolute": 0.1, "relative": 0.1}, "exactly one"),
        ({"relative": -0.1}, "greater than or equal to 0"),
        ({"absolute": "x"}, "valid number"),
        ({"percent": 1}, "not permitted"),
    ],
)
def test_bad_margins(value, says):
    with pytest.raises(ValidationError, match=says):
        Margin.model_validate(value)


def test_an_edge_has_a_row_a_size_where_there_are_sizes():
    sizes = [(10, "small"), (20, "large"), (None, "whole")]
    runs = [
        comparisons().assign(size=size, stage=name + "-" + comparisons()["stage"])
        for size, name in sizes
    ]
    table = pd.concat(runs, ignore_index=True).astype({"size": "Int64"})
    values = {f"B-{seed}": 0.5 for seed in range(3)}
    for delta, (_, name) in zip((0.1, 0.2, 0.3), sizes, strict=True):
        values |= {f"{name}-AB-{seed}": 0.5 + delta for seed in range(3)}
    made = deltas(table, scores(values), MARGIN, failed=())
    assert list(made.columns) == [*USUAL[:3], "size", *USUAL[3:]]
    assert made["size"].tolist() == [10, 20, pd.NA]
    assert made["delta"].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert made["n_seeds"].tolist() == [3, 3, 3]
    assert made.to_csv(index=False).splitlines()[3].startswith("tiny,A,B,,pair,")
