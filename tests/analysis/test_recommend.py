"""With whom to train a task: what is advised, and what it takes where nothing can be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.analysis.made_up import USUAL
from transfer_study.analysis.advice.evidence import effects
from transfer_study.analysis.advice.recommend import (
    Recommendation,
    check_task,
    chosen_edges,
    recommendations,
)
from transfer_study.analysis.advice.settle import chance, examples_to_settle
from transfer_study.analysis.effects.sequential import Sequential
from transfer_study.analysis.effects.uncertainty import Variance, combined
from transfer_study.errors import StudyError
from transfer_study.study.looks import Looks
from transfer_study.study.margin import Margin

A, B, C, D = "chemprot", "ddi2013-type", "bc5cdr-chemical", "bc5cdr-disease"
MARGIN = Margin(absolute=0.01)
NAN = math.nan


def reach_of(seed_sd: float, example_error: float, seeds: int) -> float:
    """How far the adjusted interval of such an effect goes, at the level of 1%."""
    effect = combined(0.0, Variance(seed_sd**2 / seeds, seeds - 1.0, example_error**2))
    return effect.strict(0.01).high


def edge(source: str, target: str, delta: float, **changes: Any) -> dict[str, Any]:
    """An edge of five seeds; its verdict and interval follow from its errors."""
    row = {"seed_sd": 0.01, "score_sd": 0.01, "example_error": 0.004, "n_seeds": 5} | changes
    row = {"n_baseline_seeds": row["n_seeds"]} | row
    row = {"seed_freedom": row["n_seeds"] - 1.0} | row
    reach = reach_of(row["seed_sd"], row["example_error"], row["n_seeds"])
    low, high = delta - reach, delta + reach
    verdict = "undecided"
    if low > 0 and delta > 0.01:
        verdict = "gain"
    elif high < 0 and delta < -0.01:
        verdict = "loss"
    elif low >= -0.01 and high <= 0.01:
        verdict = "equivalent"
    about = {"encoder": "base", "reading": "refine", "arm": "pair", "metric": "micro_f1"}
    judged = {"adjusted_low": low, "adjusted_high": high, "verdict": verdict}
    numbers = {"baseline": 0.6, "delta": delta, "over": "", "level": 0.01}
    numbers |= {"n_test": 500, "n_documents": 500, "constant": 0.1, "collapsed": False}
    return {**about, **numbers, **judged, **row, "source": source, "target": target}


def table(*edges: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(edges, columns=USUAL)


@pytest.fixture
def advise(make_plan: Any) -> Any:
    def of(task: str, *edges: dict[str, Any], **changes: Any) -> Recommendation:
        plan = make_plan("base", readings=["refine"], **changes)
        (one,) = (r for r in recommendations(plan, table(*edges)) if r.task == task)
        return one

    return of


def test_the_gain_with_the_highest_lower_end_is_advised(advise: Any) -> None:
    wide = edge(C, A, 0.08, seed_sd=0.03)
    sure = edge(B, A, 0.06)
    assert 0 < wide["adjusted_low"] < sure["adjusted_low"]
    one = advise(A, wide, sure, edge(D, A, -0.05))
    assert (one.arm, one.partners, one.enough) == ("pair", (B,), True)
    assert one.gain == 0.06
    assert (one.low, one.high) == (sure["adjusted_low"], sure["adjusted_high"])
    assert 0 < one.expected < one.gain
    assert one.text.startswith("Train chemprot with ddi2013-type: +6.0 points [")
    assert one.command == (
        "transfer-study export STUDY --task chemprot --arm pair:ddi2013-type --to models/chemprot"
    )
    # The wide one could still be the better.
    reach = [(e["adjusted_high"] - e["adjusted_low"]) / 2 for e in (wide, sure)]
    assert one.regret == pytest.approx(0.02 + math.hypot(*reach))


def test_alone_where_nothing_is_gained(advise: Any) -> None:
    one = advise(A, edge(B, A, -0.05), edge(C, A, 0.001, seed_sd=0.001, example_error=0.001))
    assert (one.arm, one.partners, one.enough, one.gain) == ("single", (), True, 0)
    assert 0 < one.regret < 0.01
    assert "alone" in one.text
    assert "--arm single" in one.command


def test_an_undecided_effect_is_no_gain_and_says_what_would_settle_it(advise: Any) -> None:
    open_ = edge(B, A, 0.03, seed_sd=0.03)
    assert open_["verdict"] == "undecided"
    one = advise(A, open_, edge(C, A, -0.05))
    assert (one.arm, one.enough, one.gain) == ("single", False, 0)
    assert one.text.startswith("Not enough evidence for chemprot")
    assert one.regret == pytest.approx(open_["adjusted_high"])
    seeds = int(one.command.rpartition(" ")[2])
    assert one.command == f"transfer-study run STUDY --until-decided --max-seeds {seeds}"
    (effect, _) = effects(table(open_, edge(C, A, -0.05)), MARGIN)[A]
    assert f"With {seeds} seeds it is decided with a chance of {chance(effect, seeds):.0%}." in (
        one.text
    )
    assert chance(effect, seeds) >= 0.8 > chance(effect, seeds - 1)


def test_the_chance_is_that_of_seeds_to_come_judged_by_the_looks_of_the_command() -> None:
    """Simulated from what was seen, decided at the last of the looks that the command has."""
    row = edge(B, A, 0.03, seed_sd=0.04)
    (effect,) = effects(table(row), MARGIN)[A]
    for most in (8, 17, 40):
        level = Sequential(Looks.fixed(range(5), most).counts).level(0.01, most)
        assert level < 0.01
        rng = np.random.default_rng(most)
        to_come = rng.normal(0.03, 0.04 * math.sqrt(1 / 5 - 1 / most), 100_000)
        noise = Variance(0.04**2 / most, most - 1.0, 0.004**2 * 499 / 500, 500)
        width = combined(0.0, noise).strict(level)
        decided = (np.abs(to_come) > max(width.high, 0.01)).mean()
        assert chance(effect, most) == pytest.approx(decided, abs=0.01)


def test_what_is_not_promised_is_said_with_its_chance_and_gets_no_command(advise: Any) -> None:
    open_ = edge(B, A, 0.012, seed_sd=0.06, example_error=0.02)
    one = advise(A, open_)
    assert "With 50 seeds it is decided with a chance of" in one.text
    assert "% only" in one.text
    assert one.command.startswith("transfer-study export")


def test_a_larger_test_set_is_advised_only_where_it_would_help(advise: Any) -> None:
    """Four seeds, ±2.8 points: seeds do it, and nothing is said of test sets."""
    few = edge(B, A, 0.018, seed_sd=0.02, example_error=0.004, n_seeds=4)
    assert few["verdict"] == "undecided"
    text = advise(A, few).text
    assert "test set" not in text
    assert "seeds it is decided with a chance of" in text
    open_ = edge(B, A, 0.06, example_error=0.05)
    (effect,) = effects(table(open_), MARGIN)[A]
    assert chance(effect, 50) < 0.2
    times = examples_to_settle(effect, 50)
    assert chance(effect, 50, times) >= 0.8
    assert f"with a test set {times:g} times as large besides" in advise(A, open_).text


def test_two_seeds_are_told_to_become_three_and_nothing_else(advise: Any) -> None:
    open_ = edge(B, A, 0.001, seed_sd=0.05, example_error=0.03, n_seeds=2)
    one = advise(A, open_)
    assert one.command == "transfer-study run STUDY --set seeds=3"
    assert "Two seeds say little of how runs vary; run 3 or more." in one.text
    assert "no number of seeds" not in one.text


def test_one_seed_decides_nothing(advise: Any) -> None:
    nothing = dict.fromkeys(("adjusted_low", "adjusted_high", "seed_sd", "example_error"), math.nan)
    one = advise(A, edge(B, A, 0.3) | nothing | {"n_seeds": 1, "verdict": "undecided"})
    assert not one.enough
    assert math.isnan(one.regret)
    assert one.command == "transfer-study run STUDY --set seeds=3"


def test_what_was_not_run_is_no_evidence(advise: Any) -> None:
    one = advise(A, edge(B, A, 0.3) | {"verdict": "failed"}, edge(C, A, 0.3) | {"over": "placebo"})
    assert (one.arm, one.enough, len(one.compared)) == ("single", False, 1)
    assert "1 of 1 ways to train it are not complete" in one.text
    assert one.command == "transfer-study run STUDY"


def test_partners_that_help_one_by_one_are_named_but_not_claimed(advise: Any) -> None:
    pairs = edge(B, A, 0.06), edge(C, A, 0.05)
    one = advise(A, *pairs)
    assert one.untried == (B, C)
    assert one.partners == (B,)
    assert "never tried" in one.text
    assert advise(A, *pairs, edge(f"{B}+{C}", A, 0.055, arm="group:x")).untried == ()


def test_a_mix_without_one_task_is_known_through_the_full_mix() -> None:
    full = edge(f"{B}+{C}+{D}", A, 0.01, arm="full")
    harm = edge(C, A, -0.05, arm="leave-one-out")
    *_, without = effects(table(full, harm), MARGIN)[A]
    assert (without.arm, without.partners) == ("without", (B, D))
    assert without.delta == pytest.approx(0.06)
    reach = [(e["adjusted_high"] - e["adjusted_low"]) / 2 for e in (full, harm)]
    assert without.high - without.delta == pytest.approx(sum(reach))
    assert without.verdict == "gain"
    assert A not in effects(table(harm), MARGIN)


def test_a_mix_without_one_task_can_be_exported_as_advised(advise: Any) -> None:
    full = edge(f"{B}+{C}+{D}", A, 0.01, arm="full")
    harm = edge(C, A, -0.05, arm="leave-one-out")
    one = advise(A, full, harm, arms=["single", "full", "leave-one-out"])
    assert "--arm without:ddi2013-type+bc5cdr-disease " in one.command


def test_shrinking_takes_away_the_luck_of_the_best_of_many() -> None:
    """The best of many measured gains is too high on average; its expectation is not."""
    rng, n = np.random.default_rng(0), 40
    measured, expected = [], []
    for _ in range(200):
        true = rng.normal(0, 0.01, n)
        seen = true + rng.normal(0, 0.01, n)
        edges = [
            edge(f"{B}-{i}", A, float(d), seed_sd=0.0, example_error=0.01)
            for i, d in enumerate(seen)
        ]
        found = effects(table(*edges), MARGIN)[A]
        best = int(np.argmax([e.expected for e in found]))
        measured.append(seen[best] - true[best])
        expected.append(found[best].expected - true[best])
    assert np.mean(measured) > 0.008
    assert abs(np.mean(expected)) < 0.002


def test_commands_name_reading_and_encoder_where_there_are_several(make_plan: Any) -> None:
    plan = make_plan("base", {"name": "other", "source": "other"})
    rows = [
        edge(B, A, 0.06, encoder=e, reading=r)
        for e in ("base", "other")
        for r in ("refine", "finetune")
    ]
    found = recommendations(plan, table(*rows), "my study.yaml")
    assert len(found) == 16
    (command,) = (
        r.command for r in found if (r.task, r.encoder, r.reading) == (A, "other", "finetune")
    )
    assert "export 'my study.yaml' " in command
    assert " --reading finetune --encoder other " in command


def test_wrong_names(make_plan: Any) -> None:
    plan = make_plan("base")
    with pytest.raises(StudyError, match=r"found chemport.*did you mean 'chemprot'"):
        check_task([task.name for task in plan.study.tasks], "chemport")
    edges = table(edge(B, A, 0.06))
    with pytest.raises(StudyError, match="--encoder: found bose; did you mean 'base'"):
        chosen_edges(plan, edges, "bose", None)
    with pytest.raises(StudyError, match="--reading: found finetune; allowed: refine"):
        chosen_edges(plan, edges, None, "finetune")
    with pytest.raises(StudyError, match="compares nothing"):
        chosen_edges(plan, edges.iloc[:0], None, None)


def test_a_task_that_was_not_learned_gets_no_advice_on_partners(advise: Any) -> None:
    nothing = {"verdict": "not_learned", "level": NAN, "adjusted_low": NAN, "adjusted_high": NAN}
    one = advise(A, edge(B, A, 0.0, **nothing), edge(C, A, 0.0, **nothing))
    assert (one.arm, one.enough, one.compared[1:]) == ("single", False, ())
    assert one.text.startswith("chemprot was not learned")
    assert "--set refine.epochs=" in one.command
    assert "would give" not in one.text
    assert "not complete" not in one.text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"n_seeds": 2}, "(no usable interval with 2 seeds)"),
        ({"n_documents": 1, "example_error": NAN}, "no number of seeds decides it"),
        ({"seed_sd": 0.0, "example_error": 0.0}, "What never differed has no interval"),
    ],
)
def test_without_an_interval_no_price_of_being_wrong_is_named(
    advise: Any, changes: dict[str, Any], says: str
) -> None:
    nothing = {"adjusted_low": NAN, "adjusted_high": NAN, "verdict": "undecided"}
    one = advise(A, edge(B, A, 0.02) | changes | nothing)
    assert not one.enough
    assert says in one.text
    assert "would give" not in one.text
    assert "What being wrong costs is not known" in one.text


def test_being_wrong_never_costs_more_than_there_is(advise: Any) -> None:
    wide = edge(B, A, 0.02, seed_sd=0.3, n_seeds=3) | {"adjusted_low": -1.0, "adjusted_high": 0.3}
    one = advise(A, wide, edge(C, A, 0.02, seed_sd=0.3, n_seeds=3) | {"adjusted_low": -0.4})
    assert one.regret <= 1.0


@pytest.mark.parametrize("arm", ["pair", "sequential", "soft"])
def test_every_arm_with_a_partner_that_is_held_against_the_single_task_is_advised(
    advise: Any, arm: str
) -> None:
    one = advise(A, edge(B, A, 0.06, arm=arm), edge(C, A, 0.06, arm="heads-only"))
    assert (one.arm, one.partners) == (arm, (B,))


@pytest.mark.parametrize("arm", ["full", "distil"])
def test_every_way_to_learn_all_tasks_is_advised(advise: Any, arm: str) -> None:
    one = advise(A, edge("+".join((B, C, D)), A, 0.06, arm=arm))
    assert (one.arm, one.partners) == (arm, (B, C, D))
