"""Effects on a baseline that has more seeds than its partners' models, reckoned by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.analysis.made_up import MadeUpAnswers, planned
from tests.analysis.test_deltas import comparisons, scores, without
from transfer_study.analysis.effects.corrections import MeasuredEdge, corrected
from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.double_difference import joint
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.looks import edges_of, standing
from transfer_study.analysis.effects.per_target import of_models
from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.analysis.effects.runs import edge_of
from transfer_study.analysis.effects.scores import comparison_table
from transfer_study.metrics import Statistics
from transfer_study.report.results import tables
from transfer_study.study.correction import Correction
from transfer_study.study.looks import Looks
from transfer_study.study.margin import Margin
from transfer_study.study.tasks.task import MetricName

ALONE = Judgement(Margin(absolute=0.01), Correction.NONE)
SEEDS, OF_BASELINE = (0, 1, 2), (0, 1, 2, 3, 4, 5)


def asked(sources: str = "A", seeds: tuple[int, ...] = SEEDS) -> pd.DataFrame:
    """Comparisons of these seeds, and after each edge's the further seeds of its baseline."""
    table = comparisons(tuple(sources), OF_BASELINE)
    beyond = ~table["seed"].isin(seeds)
    table.loc[beyond, "stage"] = ""
    return table.sort_values("stage", key=lambda stage: stage == "", kind="stable")


def runs(sources: str = "A", seed: int = 0) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    found = {f"B-{n}": rng.normal(0.5, 0.03) for n in OF_BASELINE}
    return found | {f"{s}B-{n}": rng.normal(0.6, 0.02) for s in sources for n in SEEDS}


def test_an_effect_by_itself_is_the_sum_of_paired_runs_and_further_ones() -> None:
    found = runs()
    (edge,) = deltas(asked(), scores(found), ALONE, ()).to_dict("records")
    model = np.array([found[f"AB-{n}"] for n in SEEDS])
    base = np.array([found[f"B-{n}"] for n in OF_BASELINE])
    assert edge["baseline"] == pytest.approx(base.mean())
    assert edge["score"] == pytest.approx(model.mean())
    assert edge["delta"] == pytest.approx(model.mean() - base.mean())
    assert (edge["n_seeds"], edge["n_baseline_seeds"]) == (3, 6)
    own = 3 * np.var(model / 3 - base[:3] / 6, ddof=1)
    more = 3 * np.var(base / 6, ddof=1)
    assert edge["seed_sd"] ** 2 / 3 == pytest.approx(own + more)
    assert edge["score_sd"] == pytest.approx(np.std(model, ddof=1))
    freedom = (own + more) ** 2 / ((own + more / 3) ** 2 / 2 + more**2 / 5)
    assert edge["seed_freedom"] == pytest.approx(freedom)


def test_effects_of_one_target_share_the_variance_of_its_baseline() -> None:
    found = runs("ACD")
    edges = deltas(asked("ACD"), scores(found), ALONE, ())
    table = np.full((4, 6), np.nan)
    table[0] = [found[f"B-{n}"] for n in OF_BASELINE]
    table[1:, :3] = [[found[f"{s}B-{n}"] for n in SEEDS] for s in "ACD"]
    variances, freedoms, (together,) = of_models(table)
    assert freedoms[0] > 5  # of six seeds, and moderated
    for edge, partner, f in zip(edges.to_dict("records"), variances[1:], freedoms[1:], strict=True):
        of_mean, base = partner / 3, variances[0] / 6
        covariance = together * math.sqrt(partner * variances[0]) * 3 / (3 * 6)
        variance = of_mean + base - 2 * covariance
        assert edge["seed_sd"] ** 2 / 3 == pytest.approx(variance)
        assert edge["score_sd"] ** 2 == pytest.approx(partner)
        freedom = (of_mean + base) ** 2 / (of_mean**2 / f + base**2 / freedoms[0])
        assert edge["seed_freedom"] == pytest.approx(freedom)


def test_further_runs_of_a_noisy_baseline_make_an_interval_narrower() -> None:
    found = runs("ACD")
    few, many = (
        deltas(table, scores(found), ALONE, ())
        for table in (comparisons(tuple("ACD"), SEEDS), asked("ACD"))
    )
    assert (many["high"] - many["low"] < few["high"] - few["low"]).all()


@pytest.mark.parametrize("missing", ["B-4", "B-1", "AB-1"])
def test_a_run_that_is_missing_leaves_the_effect_open_until_it_is_there(missing: str) -> None:
    there = without(scores(runs()), missing)
    (edge,) = deltas(asked(), there, ALONE, ()).to_dict("records")
    assert edge["verdict"] == "not_run"
    expected = {"B-4": (3, 5), "B-1": (2, 5), "AB-1": (2, 5)}[missing]
    assert (edge["n_seeds"], edge["n_baseline_seeds"]) == expected
    (edge,) = deltas(asked(), there, ALONE, (missing,)).to_dict("records")
    assert edge["verdict"] == "failed"


def test_whether_a_baseline_learned_is_told_by_all_its_runs() -> None:
    found = runs() | {f"B-{n}": 0.1 for n in (2, 3, 4, 5)}
    (edge,) = deltas(asked(), scores(found), ALONE, ()).to_dict("records")
    assert edge["verdict"] == "not_learned"
    (paired,) = deltas(comparisons(("A",), SEEDS), scores(found), ALONE, ()).to_dict("records")
    assert paired["verdict"] != "not_learned"


def test_one_seed_has_no_interval_however_many_the_baseline_has() -> None:
    (edge,) = deltas(asked(seeds=(0,)), scores(runs()), ALONE, ()).to_dict("records")
    assert (edge["n_seeds"], edge["n_baseline_seeds"]) == (1, 6)
    assert edge["verdict"] == "undecided"
    assert math.isnan(edge["low"])


def examples_apart(seed: int, spread: float = 0.3) -> tuple[TestSet, pd.DataFrame, pd.DataFrame]:
    """A test set whose examples vary by run, the paired runs and the baseline's further ones."""
    rng = np.random.default_rng(seed)
    easy = rng.normal(0, 1, 200)
    models = {}
    for name, better, seeds in (("AB", 0.3, SEEDS), ("B", 0.0, OF_BASELINE)):
        for n in seeds:
            able = better + easy + rng.normal(0, spread) + rng.normal(0, 0.5, 200)
            right = (able > 0).astype(float)
            ids = tuple(map(str, range(200)))
            models[f"{name}-{n}"] = Statistics(np.column_stack([right, np.ones(200)]), ids)
    table = asked()
    paired = table["stage"] != ""
    of_task = TestSet.of("B", MetricName("accuracy"), 200, 0.1, models)
    return of_task, table[paired], table[~paired]


def test_without_further_runs_an_effect_is_that_of_pairs() -> None:
    """The block of further runs, with none in it, changes nothing."""
    test_set, paired, further = examples_apart(0)
    signs = {"stage": 1, "baseline": -1}
    edge = edge_of(paired, further[:0], signs, test_set)
    assert edge.further is None
    (own,) = edge.blocks
    assert edge.effect.seed_sd**2 / 3 == pytest.approx(max(own.variance, edge.effect.interaction))


def test_an_effect_on_resampled_examples_is_that_of_the_means() -> None:
    test_set, paired, further = examples_apart(1)
    edge = edge_of(paired, further, {"stage": 1, "baseline": -1}, test_set)
    model, base = (
        test_set.replicates([f"{name}-{n}" for n in seeds]).mean(axis=0)
        for name, seeds in (("AB", SEEDS), ("B", OF_BASELINE))
    )
    assert edge.resampled == pytest.approx(model - base)


def test_max_t_draws_each_run_of_a_baseline_again() -> None:
    """The normal deviate of an edge has, over resamples, the variance of the edge itself."""
    test_set, paired, further = examples_apart(2, spread=1.0)
    edge = edge_of(paired, further, {"stage": 1, "baseline": -1}, test_set)
    assert edge.further is not None
    rng = np.random.default_rng(0)
    values, weights = edge.further.values, rng.standard_normal((40_000, 6))
    s = 3
    drawn = weights[:, :s] @ (edge.observed - edge.observed.mean()) / math.sqrt(s * (s - 1))
    drawn += weights[:, s:] @ (values[-3:] - values.mean()) * math.sqrt(6 / 5)
    own, more = edge.blocks
    of_three = float(((values[-3:] - values.mean()) ** 2).sum() * 6 / 5)
    assert drawn.var() == pytest.approx(own.variance + of_three, rel=0.05)
    assert more.variance == pytest.approx(3 * values.var(ddof=1))
    found = corrected(Correction.MAX_T, [edge, edge])
    assert found.p[0] >= edge.effect.strict(0.05).p


def test_two_studies_with_further_runs_are_compared_as_if_no_run_were_shared() -> None:
    test_set, paired, further = examples_apart(3)
    signs = {"stage": 1, "baseline": -1}
    wide, narrow = (edge_of(paired, more, signs, test_set) for more in (further, further[:0]))
    found = joint(narrow, wide, test_set.units)
    assert found.mean == pytest.approx(wide.effect.mean - narrow.effect.mean)

    def of_runs(edge: MeasuredEdge) -> float:
        return edge.effect.error**2 - edge.effect.example_error**2

    assert found.seed_sd**2 >= of_runs(wide) + of_runs(narrow) - 1e-12


STUDY: dict[str, Any] = {"seeds": 3, "baseline_seeds": 6, "margin": 0.01}


def test_each_edge_is_held_against_its_own_seeds_and_the_further_ones() -> None:
    plan = planned(["a", "b", "c"], arms=["single", "pairs", "leave-one-out"], **STUDY)
    table = comparison_table(plan)
    beyond = table[table["stage"] == ""]
    assert set(beyond["arm"]) == {"pair"}
    assert set(beyond["seed"]) == {3, 4, 5}
    assert (beyond.groupby(["source", "target"])["seed"].nunique() == 3).all()
    alone = {(s.target, s.seed): s.stage.id for s in plan.systems if s.arm == "single"}
    for row in beyond.to_dict("records"):
        assert row["baseline"] == alone[row["target"], row["seed"]]


def test_what_cancels_over_a_control_knows_no_further_runs() -> None:
    controls = ["placebo", "self"]
    plan = planned(["a", "b"], arms=["single", "pairs"], controls=controls, **STUDY)
    edges = tables(plan, MadeUpAnswers(), ())[1]
    by_over = edges[edges["arm"] == "pair"].groupby("over")
    assert by_over["n_baseline_seeds"].first().to_dict() == {"": 6, "placebo": 3, "self": 6}
    # Half of a task alone is the baseline of one effect.
    assert set(edges.loc[edges["arm"] == "self", "n_baseline_seeds"]) == {3}
    over = edges[(edges["over"] == "self") & (edges["target"] == "a")].iloc[0]
    raw = {arm: edges[(edges["over"] == "") & (edges["arm"] == arm)] for arm in ("pair", "self")}
    deltas_of = {arm: rows.set_index("target")["delta"]["a"] for arm, rows in raw.items()}
    assert over["delta"] == pytest.approx(deltas_of["pair"] - deltas_of["self"])


def test_an_edge_that_stopped_keeps_its_baseline_at_later_looks() -> None:
    first = planned(["a", "b", "c"], arms=["single", "pairs"], **STUDY)
    looks = Looks.fixed(first.study.seeds, 8, 3)
    assert looks.counts == (3, 6, 8)
    plan = first.looked(looks.another(frozenset()))
    edges = tables(plan, MadeUpAnswers(), ())[1]
    assert set(edges["n_seeds"]) == {3}
    assert set(edges["n_baseline_seeds"]) == {6}
    looks = looks.after(standing(edges))
    going = edges_of(edges)[0]
    plan = first.looked(looks.another({going}))
    later = comparison_table(plan, plan.looks.seeds_at(2))
    count = looks.counts[1]
    for row, rows in later.groupby(["source", "target"]):
        stages = rows["stage"] != ""
        expected = count if row == (going.source, going.target) else 3
        assert stages.sum() == expected
        assert len(rows) == max(6, expected)
    plan = first.looked(looks.another({going}).another({going}))
    last = comparison_table(plan, plan.looks.seeds_at(3))
    sizes = last.groupby(["source", "target"]).size()
    assert sizes[going.source, going.target] == 8
    assert sizes.drop((going.source, going.target)).eq(6).all()
    ids = [stage.id for stage in plan]
    assert {stage.id for stage in first} <= {*ids}
