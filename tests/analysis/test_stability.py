"""Mean, spread and failures over seeds, of runs small enough to reckon by hand."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from transfer_study.analysis.doubt.stability import STABILITY_COLUMNS, has_failed, stability_table
from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.metrics import Statistics
from transfer_study.study.margin import Margin
from transfer_study.study.tasks.task import MetricName

MARGIN = Margin(absolute=0.01)
PLAIN = [0.5, 0.0, 0.7, 0.6]


def runs(task: str = "a", constant: float = 0.0, **variants: list[float | None]) -> pd.DataFrame:
    """A row a run; a run without a score is None."""
    about = {"encoder": "tiny", "reading": "refine", "arm": "single", "source": ""}
    about |= {"task": task, "metric": "micro_f1", "constant": constant}
    return pd.DataFrame(
        [
            {
                **about,
                "variant": name,
                "seed": seed,
                "stage": f"{task}-{name}-{seed}",
                "value": math.nan if value is None else value,
            }
            for name, values in variants.items()
            for seed, value in enumerate(values)
        ]
    )


def stability(made: pd.DataFrame, margin: Margin, failed: Collection[str]) -> pd.DataFrame:
    """The table where each test set is of documents that are all alike: t over seeds is left."""
    documents = tuple(map(str, range(100)))
    test_sets = {}
    for task, rows in made.dropna(subset="value").groupby("task"):
        values = zip(rows["stage"], rows["value"], strict=True)
        models = {s: Statistics(np.tile([v, 1.0], (100, 1)), documents) for s, v in values}
        constant = float(rows["constant"].iloc[0])
        test_sets[str(task)] = TestSet.of(str(task), MetricName.ACCURACY, 100, constant, models)
    return stability_table(made, test_sets, margin, failed)


def row(table: pd.DataFrame, variant: str) -> dict[str, Any]:
    (found,) = table[table["variant"] == variant].to_dict("records")
    return {str(key): value for key, value in found.items()}


def test_numbers_of_a_variant() -> None:
    other = [0.6, 0.3, 0.7, 0.8]
    table = stability(runs(plain=PLAIN, other=other), MARGIN, ())
    assert list(table.columns) == [name for name in STABILITY_COLUMNS if name != "size"]
    assert list(table["variant"]) == ["plain", "other"]
    plain, changed = row(table, "plain"), row(table, "other")
    assert plain["mean"] == pytest.approx(0.45)
    assert plain["sd"] == pytest.approx(np.std(PLAIN, ddof=1))
    assert (plain["lowest"], plain["highest"]) == (0.0, 0.7)
    assert (plain["n_seeds"], plain["failed"], plain["failed_share"]) == (4, 1, 0.25)
    assert math.isnan(plain["delta"])
    assert not isinstance(plain["verdict"], str)
    reference = stats.ttest_rel(other, PLAIN)
    low, high = reference.confidence_interval(0.95)
    assert changed["delta"] == pytest.approx(0.15)
    assert (changed["low"], changed["high"]) == (pytest.approx(low), pytest.approx(high))
    assert changed["p"] == pytest.approx(reference.pvalue)
    assert changed["verdict"] == "undecided"
    assert changed["failed"] == 0


def test_a_run_fails_that_is_not_better_than_a_constant_answer() -> None:
    made = runs(constant=0.5, plain=[0.5, 0.51, 0.4, 0.9])
    assert has_failed(made, ()).tolist() == [True, False, True, False]
    assert row(stability(made, MARGIN, ()), "plain")["failed"] == 2


def test_a_run_that_broke_off_has_failed_and_one_not_yet_run_has_not() -> None:
    made = runs(plain=[0.5, 0.6, 0.7], broken=[0.5, None, 0.7], missing=[0.5, None, None])
    table = stability(made, MARGIN, {"a-broken-1"})
    broken, missing = row(table, "broken"), row(table, "missing")
    assert (broken["n_seeds"], broken["failed"], broken["verdict"]) == (3, 1, "failed")
    assert broken["mean"] == pytest.approx(0.6)
    assert (missing["n_seeds"], missing["failed"], missing["verdict"]) == (1, 0, "not_run")


@pytest.mark.parametrize(
    ("change", "verdict"), [(0.03, "gain"), (-0.03, "loss"), (0.001, "equivalent")]
)
def test_verdicts_are_those_of_edges(change: float, verdict: str) -> None:
    jitter = [0.0, 0.001, -0.001, 0.0005]
    other = [value + change + j for value, j in zip(PLAIN, jitter, strict=True)]
    assert row(stability(runs(plain=PLAIN, o=other), MARGIN, ()), "o")["verdict"] == verdict


def test_pairs_are_formed_by_seed_in_whatever_order() -> None:
    jitter = [0.0, 0.001, -0.001, 0.0005]
    other = [value + 0.1 + j for value, j in zip(PLAIN, jitter, strict=True)]
    made = runs(plain=PLAIN, other=other)
    shuffled = pd.concat([made[made["variant"] == "plain"], made[made["variant"] == "other"][::-1]])
    in_order, out_of_order = (row(stability(r, MARGIN, ()), "other") for r in (made, shuffled))
    assert (out_of_order["low"], out_of_order["high"]) == (in_order["low"], in_order["high"])
    assert 0.09 < in_order["low"] < 0.1 < in_order["high"] < 0.11


def test_tasks_are_summarised_apart_in_their_order() -> None:
    made = pd.concat([runs("b", plain=[0.1, 0.2], o=[0.3, 0.4]), runs("a", plain=[0.9], o=[0.8])])
    table = stability(made, MARGIN, ())
    assert table[["task", "variant"]].to_numpy().tolist() == [
        ["b", "plain"],
        ["b", "o"],
        ["a", "plain"],
        ["a", "o"],
    ]
    assert row(table[table["task"] == "a"], "o")["delta"] == pytest.approx(-0.1)
