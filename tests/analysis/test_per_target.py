"""The variance per target against a plain reckoning of its formulas, and in the table of deltas."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pandas as pd
import pytest

from tests.analysis.test_deltas import comparisons, scores
from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.per_target import variances_per_target
from transfer_study.analysis.effects.uncertainty import crossed
from transfer_study.study.margin import Margin


def plainly(runs: list[dict[int, float]]) -> list[tuple[float, float]]:
    """Variance and freedom of each partner's difference, model by model; the baseline is first."""

    def squares(run: dict[int, float]) -> tuple[float, int]:
        mean = sum(run.values()) / len(run)
        return sum((x - mean) ** 2 for x in run.values()), len(run) - 1

    spread = [squares(run) for run in runs]
    own = [ss / f for ss, f in spread]
    usual = [s2 <= 10 * statistics.median(own[1:]) for s2 in own]
    pool = [part for part, fits in list(zip(spread, usual, strict=True))[1:] if fits]
    pooled = [sum(part) for part in zip(*pool, strict=True)]
    (base, f_base) = spread[0]
    sigma_base = base / f_base
    if len(runs[0]) >= 5 and usual[0]:
        weight = 1 / (1 + 1 / pooled[1])
        sigma_base = (base + weight * pooled[0] / pooled[1]) / (f_base + weight)
        f_base += weight
    products = most = 0.0
    for a in range(len(runs)):
        for b in range(a):
            means = [sum(runs[x].values()) / len(runs[x]) for x in (a, b)]
            for seed in set(runs[a]) & set(runs[b]):
                one, other = runs[a][seed] - means[0], runs[b][seed] - means[1]
                products += one * other
                most += (one**2 + other**2) / 2
    rho = min(max(products / most, 0), 0.95)
    found = []
    for (ss, f), fits in list(zip(spread, usual, strict=True))[1:]:
        sigma, f_own = ss / f, f
        if fits:
            others = (pooled[0] - ss) / (pooled[1] - f)
            weight = 1 / (1 / 4 + 1 / (pooled[1] - f))
            sigma, f_own = (ss + weight * others) / (f + weight), f + weight
        variance = sigma + sigma_base - 2 * rho * math.sqrt(sigma * sigma_base)
        freedom = (sigma + sigma_base) ** 2 / (sigma**2 / f_own + sigma_base**2 / f_base)
        found.append((variance, freedom))
    return found


@pytest.mark.parametrize("seeds", [[3, 3, 3], [5, 5, 5, 5], [9, 3, 6, 9], [2, 2, 2], [10] * 8])
@pytest.mark.parametrize("together", [0.0, 1.0, 50.0])
@pytest.mark.parametrize("failed", [(), (2,), (0, 1)])
def test_the_numbers_are_those_of_the_formulas(
    seeds: list[int], together: float, failed: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(len(seeds))
    of_seed = together * rng.normal(size=10)
    runs = [{s: float(of_seed[s] + rng.normal()) for s in range(n)} for n in seeds]
    for model in failed:
        runs[model][1] -= 1000
    table = np.full((len(runs), 10), np.nan)
    for model, run in enumerate(runs):
        table[model, : len(run)] = list(run.values())
    variances, freedoms = variances_per_target(table)
    expected = np.array(plainly(runs)).T
    assert variances == pytest.approx(expected[0])
    assert freedoms == pytest.approx(expected[1])
    # And of many studies at once.
    many = variances_per_target(np.stack([table, 2 * table]))
    assert many[0] == pytest.approx(np.stack([variances, 4 * variances]))


def study(seeds: int, sources: str = "ACD") -> dict[str, float]:
    rng = np.random.default_rng(3)
    runs = {f"B-{seed}": rng.normal(0.5, 0.02) for seed in range(seeds)}
    for source in sources:
        runs |= {f"{source}B-{seed}": rng.normal(0.55, 0.02) for seed in range(seeds)}
    return runs


def judged(runs: dict[str, float], sources: str, seeds: int) -> pd.DataFrame:
    asked = comparisons(tuple(sources), tuple(range(seeds)))
    table = deltas(asked, scores(runs), Judgement(Margin(absolute=0.01)), ())
    return table.set_index("source")


def test_edges_of_one_target_are_known_from_all_its_runs() -> None:
    runs = study(4)
    edges = judged(runs, "ACD", 4)
    rows = [{seed: runs[f"{a}B-{seed}"] for seed in range(4)} for a in "ACD"]
    expected = plainly([{seed: runs[f"B-{seed}"] for seed in range(4)}, *rows])
    for row, (variance, freedom) in zip(edges.to_dict("records"), expected, strict=True):
        assert row["seed_sd"] == pytest.approx(math.sqrt(variance))
        assert row["seed_freedom"] == pytest.approx(freedom)
        assert row["freedom"] == pytest.approx(freedom)
        assert row["seed_freedom"] > 3


def test_two_seeds_are_too_few_to_be_known_from_other_models() -> None:
    edges = judged(study(2), "ACD", 2)
    assert (edges["seed_freedom"] == 1).all()


def test_an_edge_alone_on_its_baseline_is_known_from_its_own_runs() -> None:
    runs = study(4)
    edge = judged(runs, "A", 4).loc["A"]
    differences = [runs[f"AB-{seed}"] - runs[f"B-{seed}"] for seed in range(4)]
    assert edge.seed_sd == pytest.approx(np.std(differences, ddof=1))
    assert edge.seed_freedom == 3


def test_a_model_under_two_names_tells_nothing_twice() -> None:
    runs = study(4, "A")
    pair = comparisons(("A",), tuple(range(4)))
    both = pd.concat([pair, pair.assign(arm="full")], ignore_index=True)
    table = deltas(both, scores(runs), Judgement(Margin(absolute=0.01)), ())
    assert table["seed_freedom"].to_list() == [3, 3]


def test_a_model_that_collapsed_tells_nothing_of_how_others_vary() -> None:
    runs = study(4) | {f"DB-{seed}": 0.1 for seed in range(4)}
    with_it, without = judged(runs, "ACD", 4), judged(runs, "AC", 4)
    assert with_it.loc["D", "collapsed"]
    assert with_it.loc[["A", "C"], "seed_sd"].to_list() == without["seed_sd"].to_list()


def test_seeds_that_agree_by_chance_leave_what_examples_say_of_them() -> None:
    """Means that are equal though answers are not: there is an error, and an interval."""
    rng = np.random.default_rng(0)
    replicates = rng.normal(0, 0.02, (3, 4000))
    equal = crossed([0.02, 0.02, 0.02], replicates, 500)
    interaction = 0.02**2 / 3 * 500 / 499
    assert equal.seed_sd**2 / 3 == pytest.approx(interaction, rel=0.03)
    assert equal.error**2 == pytest.approx(interaction + equal.example_error**2, rel=0.03)
    assert equal.strict(0.05).high > 0.02
    # Where they vary more than that, their own variance stands.
    apart = crossed([0.0, 0.06, 0.12], replicates, 500)
    assert apart.seed_sd == pytest.approx(0.06)
