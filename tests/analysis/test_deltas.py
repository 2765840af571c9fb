"""Deltas and verdicts of frames small enough to reckon by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy import stats

from transfer_study.analysis.deltas import COLUMNS, deltas
from transfer_study.analysis.judgement import Judgement
from transfer_study.analysis.replicates import TestSet
from transfer_study.metrics import Statistics
from transfer_study.spec.correction import Correction
from transfer_study.spec.margin import Margin
from transfer_study.spec.task import MetricName


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


def scores(values: dict[str, float], task="B", metric="accuracy", n=500) -> dict[str, TestSet]:
    """A test set of one document: there is nothing to resample, so that t over seeds is left."""
    one = {
        stage: Statistics(np.array([[value * n, n]]), ("document",))
        for stage, value in values.items()
    }
    return {task: TestSet.of(task, MetricName(metric), n, one)}


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
    assert list(edge.index) == COLUMNS
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
        "seed_sd": pytest.approx(np.std([0.01, 0.02, 0.06], ddof=1)),
        "example_error": pytest.approx(0),
        "freedom": pytest.approx(2),
        "n_seeds": 3,
        "n_test": 500,
        "verdict": "undecided",
    }


def test_variants_of_a_recipe_are_rows_of_their_own():
    plain, other = (comparisons().assign(variant=name) for name in ("plain", "other"))
    other["stage"], other["baseline"] = "o-" + other["stage"], "o-" + other["baseline"]
    measured = of_differences((28, 30, 32))["B"].scores()
    changed = {f"o-{k}": v for k, v in of_differences((-28, -30, -32))["B"].scores().items()}
    edges = deltas(pd.concat([plain, other]), scores(measured | changed), MARGIN, ())
    assert list(edges.columns) == ["variant", *COLUMNS]
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


@pytest.mark.parametrize(("d", "verdict"), [(20, "gain"), (-20, "loss"), (5, "equivalent")])
def test_without_any_spread_the_mean_decides(d, verdict):
    same = scores({"B-0": 0.5, "B-1": 0.5, "AB-0": 0.5 + d / 1000, "AB-1": 0.5 + d / 1000})
    edge = only(deltas(comparisons(seeds=(0, 1)), same, MARGIN, ()))
    assert edge.low == edge.high == edge.delta
    assert (edge.p, edge.verdict) == (0, verdict)


def test_no_change_at_all_is_equivalent_under_any_margin():
    edge = only(
        deltas(
            comparisons(),
            of_differences((0, 0, 0)),
            within(absolute=0),
            (),
        )
    )
    assert (edge.delta, edge.p, edge.verdict) == (0, 1, "equivalent")


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
    assert list(deltas(asked.iloc[:0], given, MARGIN, ()).columns) == COLUMNS


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
        (-0.1, "number of at least 0.*found -0.1"),
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
    assert list(made.columns) == [*COLUMNS[:3], "size", *COLUMNS[3:]]
    assert made["size"].tolist() == [10, 20, pd.NA]
    assert made["delta"].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert made["n_seeds"].tolist() == [3, 3, 3]
    assert made.to_csv(index=False).splitlines()[3].startswith("tiny,A,B,,pair,")
