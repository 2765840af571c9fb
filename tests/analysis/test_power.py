"""The smallest detectable effect and the chance of a decision, against SciPy and simulation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from transfer_study.analysis.doubt.power import (
    chance_of_decision,
    error_of,
    power_table,
    smallest_effect,
    strict_reaches,
)
from transfer_study.analysis.effects.uncertainty import Variance, combined
from transfer_study.study.correction import Correction


@pytest.mark.parametrize("seeds", [2, 3, 5, 20])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 56])
def test_the_smallest_effect_is_detected_four_times_in_five(seeds, alpha):
    effect = smallest_effect(*error_of(np.sqrt(seeds), 0.0, seeds, 300), alpha)
    threshold = stats.t.ppf(1 - alpha / 2, seeds - 1)
    assert stats.nct.sf(threshold, seeds - 1, effect) == pytest.approx(0.8, abs=1e-3)


def test_the_smallest_effect_is_detected_four_times_in_five_of_simulated_studies():
    rng = np.random.default_rng(1)
    error, freedom = error_of(0.03, 0.0, 5, 300)
    effect = float(smallest_effect(error, freedom, 0.05))
    found = stats.ttest_1samp(rng.normal(effect, 0.03, (20_000, 5)), 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_error_falls_with_seeds_down_to_that_of_the_examples():
    errors, freedom = error_of(0.03, 0.01, np.array([1, 2, 5, 1_000_000]), 300)
    assert np.isnan(errors[0])  # with one seed nothing can be decided
    assert errors[1] > errors[2] > errors[3] == pytest.approx(0.01, rel=1e-3)
    # Seeds alone have S - 1 degrees of freedom, examples alone N - 1.
    assert 1 < freedom[1] < freedom[2] < freedom[3] == pytest.approx(299, rel=1e-2)
    assert error_of(0.03, 0.0, 5, 300)[1] == pytest.approx(4)


def pilot(**columns: object) -> pd.DataFrame:
    rows = {
        "source": ["a", "c", "a"],
        "target": ["b", "b", "d"],
        "metric": "accuracy",
        "over": "",
        "delta": 0.01,
        "seed_sd": [0.02, 0.04, 0.05],
        "score_sd": [0.015, 0.03, 0.04],
        "seed_freedom": [2.0, 2.0, np.nan],
        "example_error": [0.004, 0.006, 0.01],
        "n_seeds": [3, 3, 1],
        "n_test": 400,
        "n_documents": 400,
        "verdict": "undecided",
    } | columns
    return pd.DataFrame({"n_baseline_seeds": rows["n_seeds"]} | rows)


def planned(n_test: int = 400, n_seeds: int = 5, of_baseline: int | None = None) -> pd.DataFrame:
    edges = [("a", "b"), ("c", "b"), ("d", "b"), ("a", "d")]
    table = pd.DataFrame(edges, columns=["source", "target"])
    counts = {"n_seeds": n_seeds, "n_baseline_seeds": of_baseline or n_seeds}
    return table.assign(metric="accuracy", **counts, n_test=n_test, family=4)


def test_an_edge_is_judged_by_itself_then_by_its_target_then_not_at_all():
    table = power_table(planned(), pilot(), Correction.BH).set_index(["source", "target"])
    assert list(table["evidence"]) == ["own", "own", "target", "none"]
    own = smallest_effect(*error_of(0.02, 0.004, 5, 400), 0.05)
    assert table.loc[("a", "b"), "detectable"] == pytest.approx(own)
    low, mid, high = table["detectable"].to_numpy()[[0, 2, 1]]
    assert low < mid < high  # pooled is between the two that are known
    assert pd.isna(table.loc[("a", "d"), "detectable"])  # one seed says nothing of noise
    known = table.iloc[:3]
    assert (known["detectable_corrected"] > known["detectable"]).all()


def test_the_range_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(2)
    true = float(smallest_effect(*error_of(0.03, 0.0, 5, 400), 0.05))
    sds = rng.normal(0, 0.03, (4000, 3)).std(axis=1, ddof=1)
    names = [f"s{n}" for n in range(len(sds))]
    edges = {"source": names, "target": "b", "metric": "accuracy"}
    known = pd.DataFrame(
        edges
        | {
            "over": "",
            "seed_sd": sds,
            "score_sd": sds,
            "example_error": 0.0,
            "n_seeds": 3,
            "n_baseline_seeds": 3,
            "seed_freedom": 2.0,
            "n_test": 400,
        }
        | {"n_documents": 400, "verdict": "undecided"}
    )
    counts = {"n_seeds": 5, "n_baseline_seeds": 5, "n_test": 400, "family": 4}
    wanted = pd.DataFrame(edges | counts)
    table = power_table(wanted, known, Correction.BH)
    holds = (table["detectable_low"] < true) & (true < table["detectable_high"])
    assert holds.mean() == pytest.approx(0.95, abs=0.015)


def test_a_larger_test_set_shrinks_only_the_examples_part():
    noisy_examples = pilot(seed_sd=1e-9)
    small = power_table(planned(400), noisy_examples, Correction.BH)["detectable"][0]
    large = power_table(planned(1600), noisy_examples, Correction.BH)["detectable"][0]
    assert large == pytest.approx(small / 2, rel=0.01)
    noisy_seeds = pilot(example_error=0.0)
    same = [
        power_table(planned(n), noisy_seeds, Correction.BH)["detectable"][0] for n in (400, 1600)
    ]
    assert same[0] == pytest.approx(same[1])


def test_the_chance_of_a_decision_is_that_of_simulated_seeds_to_come():
    rng = np.random.default_rng(3)
    margin, level, now, then, sd = 0.01, 0.02, 4, 10, 0.02
    edges = pd.DataFrame(
        {
            "delta": [0.03, 0.012, 0.0],
            "n_seeds": now,
            "n_baseline_seeds": now,
            "seed_sd": sd,
            "score_sd": sd,
            "seed_freedom": now - 1.0,
            "example_error": [0.002, 0.002, 0.0001],
            "n_documents": 1000,
        }
    )
    found = chance_of_decision(edges, then, margin, level)
    error, freedom = error_of(sd, edges["example_error"], then, 1000)
    reach = stats.t.ppf(1 - level / 2, freedom) * error
    # Given four seeds, the mean of all that may come from a delta of which nothing else is known.
    means = rng.normal(edges["delta"], sd * np.sqrt(1 / now - 1 / then), (50_000, 3))
    gain, loss = means > np.maximum(margin, reach), -means > np.maximum(margin, reach)
    equivalent = np.abs(means) <= margin - reach
    assert found == pytest.approx((gain | loss | equivalent).mean(axis=0), abs=0.01)
    assert found[0] > found[1]


def test_an_edge_whose_examples_are_too_few_has_no_chance_however_many_seeds():
    edges = pd.DataFrame(
        {
            "delta": [0.015],
            "n_seeds": 4,
            "n_baseline_seeds": 4,
            "seed_freedom": 3.0,
            "seed_sd": 0.001,
            "score_sd": 0.001,
            "example_error": 0.02,
        }
        | {"n_documents": 100}
    )
    assert chance_of_decision(edges, 1000, 0.01, 0.05)[0] < 1e-6


def test_an_edge_among_many_is_planned_by_the_interval_that_will_judge_it() -> None:
    for sd, example_error, documents in ((0.02, 0.0, 500), (0.004, 0.004, 500), (0.02, 0.02, 12)):
        variance = example_error**2 * (documents - 1) / documents
        effect = combined(0.0, Variance(sd**2 / 3, 2.0, variance, documents))
        found = strict_reaches([sd], [example_error], [3], [documents], 0.0, 0.002)
        assert found == pytest.approx([effect.strict(0.002).high])
    assert np.isnan(strict_reaches([np.nan, 0.1], [0.1, 0.1], [3, 1], 90, 0.0, 0.01)).all()


def test_no_effect_is_detectable_that_is_not_possible() -> None:
    table = power_table(planned(n_seeds=2), pilot(seed_sd=[0.3, 0.04, 0.5]), Correction.BH)
    assert np.isinf(table["detectable"][0])
    assert table["detectable"][1] < 1


def test_one_document_tells_nothing_of_noise() -> None:
    alone = {"n_documents": [1, 400, 1], "example_error": [np.nan, 0.006, np.nan]}
    table = power_table(planned(), pilot(**alone), Correction.BH)
    assert table["evidence"].to_list() == ["target", "own", "target", "none"]
    assert table["detectable"].notna().to_list() == [True, True, True, False]


def test_what_was_not_learned_tells_nothing_of_noise() -> None:
    verdicts = ["not_learned", "not_learned", "undecided"]
    table = power_table(planned(), pilot(verdict=verdicts), Correction.BH)
    assert (table["evidence"] == "none").all()


def test_what_other_models_of_the_target_tell_of_the_noise_is_reckoned_with() -> None:
    alone = power_table(planned(), pilot(), Correction.BH)
    lent = power_table(planned(), pilot(seed_freedom=[4.4, 4.4, np.nan]), Correction.BH)
    known = alone["detectable"].notna()
    for name in ("detectable", "detectable_high", "detectable_corrected"):
        assert (lent[name] < alone[name])[known].all()
    own = smallest_effect(*error_of(0.02, 0.004, 5, 400, 2.4), 0.05)
    assert lent["detectable"][0] == pytest.approx(own)


def test_of_a_pilot_of_two_seeds_the_upper_end_is_shown() -> None:
    two = pilot(n_seeds=[2, 3, 1], seed_freedom=[1.0, 2.0, np.nan])
    table = power_table(planned(), two, Correction.BH).set_index(["source", "target"])
    first, other = table.loc[("a", "b")], table.loc[("c", "b")]
    assert first["detectable"] == first["detectable_high"] > 2 * first["detectable_low"]
    assert other["detectable_low"] < other["detectable"] < other["detectable_high"]


def test_further_seeds_of_a_baseline_are_planned_as_they_will_be_judged() -> None:
    """From a pilot of as many seeds, and from one that has further ones already."""
    sd, base_sd, together = 0.015, 0.04, 0.0003
    paired = sd**2 + base_sd**2 - 2 * together

    def of_mean(seeds: int, of_baseline: int) -> float:
        return sd**2 / seeds + (base_sd**2 - 2 * together) / of_baseline

    assert of_mean(3, 3) == pytest.approx(paired / 3)
    noise = {"seed_freedom": 2.0, "score_sd": sd, "example_error": 0.0}
    for of_pilot in (3, 7):
        of_sum = math.sqrt(3 * of_mean(3, of_pilot))
        known = pilot(seed_sd=of_sum, n_seeds=3, n_baseline_seeds=of_pilot, **noise)
        for seeds, of_baseline in ((5, 5), (5, 10), (3, 6)):
            table = power_table(planned(400, seeds, of_baseline), known, Correction.BH)
            error = np.array(math.sqrt(of_mean(seeds, of_baseline)))
            expected = smallest_effect(error, np.array(seeds - 1.0), 0.05)
            assert table["detectable"].to_numpy() == pytest.approx(float(expected))


def test_the_chance_of_an_edge_counts_a_baseline_that_is_there_already() -> None:
    rng = np.random.default_rng(5)
    margin, level, now, of_baseline, then = 0.01, 0.02, 3, 6, 9
    sd, base_sd, together = 0.02, 0.03, 0.00024
    covariance = [[sd**2, together], [together, base_sd**2]]
    runs = rng.multivariate_normal([0, 0], covariance, (40_000, then))
    model, base = runs[..., 0], runs[..., 1]
    seen = model[:, :now].mean(1) - base[:, :of_baseline].mean(1)
    last = model.mean(1) - base.mean(1)
    edges = pd.DataFrame(
        {
            "delta": [0.03],
            "n_seeds": now,
            "n_baseline_seeds": of_baseline,
            "seed_sd": math.sqrt(now) * seen.std(),
            "score_sd": sd,
            "seed_freedom": now - 1.0,
            "example_error": 0.001,
            "n_documents": 1000,
        }
    )
    found = chance_of_decision(edges, then, margin, level)
    reach = strict_reaches([math.sqrt(then) * last.std()], [0.001], [then], [1000], 0.0, level)
    far = max(margin, float(reach[0]))
    # What is to come lies around what was seen as the last mean around the first.
    to_come = 0.03 + (last - seen)
    assert found == pytest.approx([(np.abs(to_come) > far).mean()], abs=0.01)
