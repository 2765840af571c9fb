"""Which of all tasks to train together: evidence, budgets and commands."""

from __future__ import annotations

import math
import shlex
from itertools import permutations
from typing import Any

import pytest

from tests.analysis.test_recommend import A, B, C, D, edge, table
from transfer_study.analysis.advice.grouping import Advice, assumptions, groupings
from transfer_study.analysis.advice.preference import By
from transfer_study.errors import StudyError


@pytest.fixture
def plan(make_plan: Any) -> Any:
    return make_plan("base", readings=["refine"], arms=["single", "pairs"])


def pairs(*tasks: str, **by_pair: float) -> list[dict[str, Any]]:
    """All pairs both ways; the effects are by initials of source and target, else −0.03."""
    short = {A: "A", B: "B", C: "C", D: "D"}
    return [
        edge(source, target, by_pair.get(short[source] + short[target], -0.03))
        for source, target in permutations(tasks, 2)
    ]


def only(found: list[Advice]) -> Advice:
    (one,) = found
    return one


def test_sure_gains_join_tasks_where_models_are_free(plan: Any) -> None:
    edges = pairs(A, B, C, D, AB=0.06, BA=0.05, CD=0.05, DC=0.05)
    one = only(groupings(plan, table(*edges)))
    assert one.chosen.groups == ((A, B), (C, D))
    assert [row.models for row in one.groupings] == [1, 2, 3, 4]
    assert one.chosen.low > 0
    assert one.chosen.regret == 0
    assert {gain.evidence for gain in one.chosen.gains} == {"pair"}
    reach = [(e["adjusted_high"] - e["adjusted_low"]) / 2 for e in edges if e["delta"] > 0]
    assert one.chosen.high - one.chosen.expected == pytest.approx(math.hypot(*reach) / 4)


def test_undecided_effects_join_tasks_only_under_a_budget(plan: Any) -> None:
    open_ = [edge(s, t, 0.02, seed_sd=0.03) for s, t in ((A, B), (B, A))]
    assert {e["verdict"] for e in open_} == {"undecided"}
    edges = [*open_, *(e for e in pairs(A, B, C, D) if {e["source"], e["target"]} != {A, B})]
    free = only(groupings(plan, table(*edges)))
    assert free.chosen.text == "each task alone"
    assert "undecided effect is no reason" in assumptions(free)[0]
    budget = only(groupings(plan, table(*edges), models=3))
    assert budget.chosen.groups == ((A, B), (C,), (D,))
    assert budget.chosen.expected > 0 > budget.chosen.low
    assert budget.chosen.regret == pytest.approx(-budget.chosen.low)
    assert "some must be joined" in assumptions(budget)[0]
    asked = only(groupings(plan, table(*edges), by=By.EXPECTED))
    assert asked.chosen.groups == ((A, B), (C,), (D,))


def test_a_group_that_was_never_run_is_a_prediction(plan: Any) -> None:
    one = only(groupings(plan, table(*pairs(A, B, C, D)), models=1))
    assert {gain.evidence for gain in one.chosen.gains} == {"pairs"}
    assert one.chosen.gains[0].expected == pytest.approx(-0.03, abs=0.002)
    assert math.isnan(one.prediction_error)
    assert any("no larger group was run to check it" in line for line in assumptions(one))
    run, export = one.commands
    assert shlex.split(run)[3:] == [
        *("--set", "arms=[single, pairs, groups]"),
        *("--set", f"groups={{together1: [{A}, {B}, {C}, {D}]}}"),
    ]
    assert f"--task {A} --arm group:together1 --multi " in export


def test_where_all_is_done_nothing_is_to_be_run(plan: Any) -> None:
    edges = pairs(A, B, C, D, AB=0.05, BA=0.05)
    one = only(groupings(plan, table(*edges)))
    assert one.chosen.groups == ((A, B), (C,), (D,))
    assert one.commands
    assert all(" export " in command for command in one.commands)
    edges[-1] |= {"verdict": "not_run"}
    assert only(groupings(plan, table(*edges))).commands[0] == "transfer-study run STUDY"


def test_what_was_measured_goes_before_the_prediction_and_checks_it(plan: Any) -> None:
    others = {t: "+".join(o for o in (A, B, C, D) if o != t) for t in (A, B, C, D)}
    full = [edge(source, target, 0.06, arm="full") for target, source in others.items()]
    one = only(groupings(plan, table(*pairs(A, B, C, D), *full)))
    assert one.chosen.groups == ((A, B, C, D),)
    assert {gain.evidence for gain in one.chosen.gains} == {"full"}
    # Pairs predict -0.03 for each of the four.
    assert one.prediction_error == pytest.approx(0.09)
    assert one.n_checked == 4


def test_pairs_that_were_never_run_are_no_evidence(plan: Any) -> None:
    one = only(groupings(plan, table(*pairs(A, B, AB=0.05, BA=0.05), *pairs(C, D))))
    assert one.chosen.groups == ((A, B), (C,), (D,))
    everything = one.groupings[0]
    assert [gain.unknown for gain in everything.gains] == [2, 2, 2, 2]
    assert math.isnan(everything.low)
    assert any("never run count as no effect" in line for line in assumptions(one))


def test_a_task_that_was_not_learned_is_named_and_not_said_to_be_never_run(plan: Any) -> None:
    nan = math.nan
    nothing = {"verdict": "not_learned", "level": nan, "adjusted_low": nan, "adjusted_high": nan}
    edges = [e | nothing if e["target"] in (C, D) else e for e in pairs(A, B, C, D)]
    one = only(groupings(plan, table(*edges)))
    assert one.not_learned == (C, D)
    said = " ".join(assumptions(one))
    assert f"{C} and {D} were not learned" in said
    assert "never run" not in said


def test_no_gain_goes_beyond_what_is_possible(plan: Any) -> None:
    wide = {"adjusted_low": -1.0, "adjusted_high": 0.3, "verdict": "undecided"}
    mixes = {t: "+".join(o for o in (A, B, C, D) if o != t) for t in (A, B, C, D)}
    full = [edge(others, t, 0.5) | {"arm": "full"} for t, others in mixes.items()]
    edges = [e | wide for e in pairs(A, B, C, D)]
    one = only(groupings(plan, table(*edges, *full), by=By.EXPECTED))
    gains = [gain for grouping in one.groupings for gain in grouping.gains]
    assert {gain.evidence for gain in gains} == {"full", "pairs", "pair", ""}
    assert all(-1 <= gain.low <= gain.high <= 1 for gain in gains)


def test_commands_are_those_of_the_study_s_own_arms(make_plan: Any) -> None:
    edges = table(*pairs(A, B, C, D, AB=0.06, BA=0.05))
    refined = make_plan("base", readings=["refine"])
    assert only(groupings(refined, edges)).commands == (
        f"transfer-study export STUDY --task {A} --arm pair:{B} --multi --to models/{A}+{B}",
        f"transfer-study export STUDY --task {C} --arm single --to models/{C}",
        f"transfer-study export STUDY --task {D} --arm single --to models/{D}",
    )
    tuned = make_plan("base", readings=["finetune"])
    commands = only(groupings(tuned, edges.assign(reading="finetune"))).commands
    assert commands[:2] == (
        f"transfer-study export STUDY --task {A} --arm pair:{B} --to models/{A}",
        f"transfer-study export STUDY --task {B} --arm pair:{A} --to models/{B}",
    )


@pytest.mark.parametrize("models", [0, 5])
def test_a_number_of_models_out_of_range(plan: Any, models: int) -> None:
    with pytest.raises(StudyError, match=f"found {models}; give 1 to 4, the number of tasks"):
        groupings(plan, table(*pairs(A, B)), models=models)
