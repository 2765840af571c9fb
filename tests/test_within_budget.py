"""Pairs chosen within a budget: measured with all seeds, the others estimated, none run twice."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Command
from transfer_study.analysis.effects.looks import judged_deltas
from transfer_study.analysis.effects.scores import score_systems
from transfer_study.errors import StudyError
from transfer_study.execute.in_process import InProcess
from transfer_study.execute.progress import Silent
from transfer_study.outcome import Outcome
from transfer_study.session.budget import Budget, pair_stages
from transfer_study.session.places import Places
from transfer_study.session.plans import known_plan, make_plan
from transfer_study.session.report import ReportRequest, write_report
from transfer_study.session.run import Session, execute, told_to
from transfer_study.session.within_budget import (
    Round,
    check_budget,
    forecast_budget,
    run_within_budget,
)
from transfer_study.store.predictions import StoredAnswers
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan

STUDY = """\
name: few
encoder: {name: tiny, tiny: {hidden_size: 32, layers: 1, heads: 2}}
tasks:
  - name: people
    kind: tagging
    labels: [herb, beast]
    source: {format: synthetic, task: entities, train: 120, dev: 20, test: 60}
  - name: places
    kind: tagging
    labels: [herb, beast]
    source: {format: synthetic, task: entities, train: 80, dev: 20, test: 60}
  - name: topics
    kind: multilabel
    labels: [sea, sky, war]
    source: {format: synthetic, task: topics, train: 80, dev: 20, test: 60}
  - name: themes
    kind: multilabel
    labels: [sea, sky, war]
    source: {format: synthetic, task: topics, train: 120, dev: 20, test: 60}
arms: [single, pairs]
seeds: 2
refine: {epochs: 4, batch_size: 8, learning_rate: 0.003, precision: float32}
"""
PAIRS, SEEDS = 6, 2
BUDGET = Budget(share=0.75)


def places_in(folder: Path) -> Places:
    return Places(folder / "stages", folder / "results", folder / "plots")


def first_plan(folder: Path, *settings: str) -> Plan:
    (folder / "few.yaml").write_text(STUDY, encoding="utf-8")
    return make_plan(read_study(folder / "few.yaml", settings))


def run(folder: Path, budget: Budget = BUDGET, stop_after: int | None = None) -> list[Round]:
    """Run what the budget allows; with `stop_after`, die after so many stages."""
    first, told, left = first_plan(folder), list[Round](), [stop_after]

    class Dying(Silent):
        def finished(self, stage: object) -> None:
            if left[0] is not None:
                left[0] -= 1
                if not left[0]:
                    raise KeyboardInterrupt

    check_budget(first, budget, places_in(folder))
    session = Session(places_in(folder), InProcess(), told_to(Dying()))
    run_within_budget(first, budget, session, told.append)
    return told


def report(folder: Path, *, predict: bool = False) -> Outcome:
    """What the verb `report` does."""
    plan = known_plan(read_study(folder / "few.yaml"), places_in(folder))
    return write_report(plan, places_in(folder), ReportRequest(predict=predict))


def stages_run(folder: Path) -> dict[str, int]:
    """When each stage was committed, by its folder."""
    found = (folder / "stages" / "stages").glob("*/stage.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in found}


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Round]]:
    """The folder of a run that nothing disturbed, and what was told of its rounds."""
    folder = tmp_path_factory.mktemp("chosen")
    return folder, run(folder)


def test_tasks_alone_come_first_then_pairs_in_rounds_with_all_seeds(
    chosen: tuple[Path, list[Round]],
) -> None:
    folder, told = chosen
    assert [one.pairs for one in told[:2]] == [0, 2]  # first every task has a pair
    assert 2 <= told[-1].pairs < PAIRS
    assert not told[-1].next.pairs
    assert told[0].account.measured
    assert len(stages_run(folder)) == 4 * SEEDS + told[-1].pairs * SEEDS
    # What a stage costs is known better after each round: nothing is begun beyond what is left.
    assert all(one.coming <= one.account.left for one in told if one.next.pairs)
    edges = report(folder).deltas
    assert len(edges) == 2 * told[-1].pairs
    assert set(edges["n_seeds"]) == {SEEDS}
    assert sum(told[-1].verdicts.values()) == len(edges)


def test_what_was_not_measured_is_estimated_apart_from_edges(
    chosen: tuple[Path, list[Round]],
) -> None:
    folder, told = chosen
    outcome = report(folder)
    predicted = outcome.predicted
    assert predicted is not None
    edges = set(zip(outcome.deltas["source"], outcome.deltas["target"], strict=True))
    others = set(zip(predicted["source"], predicted["target"], strict=True))
    assert not edges & others
    learned = set(outcome.deltas[outcome.deltas["verdict"] != "not_learned"]["target"])
    assert {target for _, target in others} <= {"people", "places", "topics", "themes"}
    assert {(s, t) for s, t in others if t in learned} == {
        (s, t)
        for s in ("people", "places", "topics", "themes")
        for t in learned
        if s != t and (s, t) not in edges
    }
    assert set(predicted["likely"]) <= {"likely gain", "likely loss", "open"}
    text = (folder / "results" / "few" / "report.md").read_text("utf-8")
    assert "## Not measured, but estimated" in text
    assert "chosen in rounds, within a budget" in text
    assert "run STUDY --predict --budget-share 0.75" in text
    judged = int(outcome.deltas["adjusted_p"].notna().sum())
    left = 2 * (PAIRS - told[-1].pairs)
    assert f"over {judged + left} edges" in text  # those not measured count
    assert outcome.failed == outcome.not_run == frozenset()


def test_edges_that_were_not_measured_count_in_the_correction(
    chosen: tuple[Path, list[Round]],
) -> None:
    folder, told = chosen
    plan = known_plan(read_study(folder / "few.yaml"), places_in(folder))
    assert plan.unmeasured == {("refine", "", False): 2 * (PAIRS - told[-1].pairs)}
    scored = score_systems(plan, StoredAnswers(Store(folder / "stages")))
    counted = judged_deltas(plan, scored.test_sets, ())
    object.__setattr__(plan, "unmeasured", {})
    alone = judged_deltas(plan, scored.test_sets, ())
    pd.testing.assert_series_equal(counted["p"], alone["p"])
    judged = alone["level"].notna()
    assert judged.any()
    assert (counted["adjusted_p"] >= alone["adjusted_p"])[judged].all()
    assert (counted["level"] < alone["level"])[judged].all()


def test_a_killed_run_goes_on_and_runs_nothing_twice(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stop_after=4 * SEEDS + 1)
    begun, choice = stages_run(tmp_path), tmp_path / "results" / "few" / "choice.json"
    rounds = json.loads(choice.read_text())["choice"]["rounds"]
    assert len(begun) == 4 * SEEDS + 1
    run(tmp_path)
    whole = stages_run(tmp_path)
    assert begun.items() <= whole.items()
    assert json.loads(choice.read_text())["choice"]["rounds"][: len(rounds)] == rounds
    run(tmp_path)
    assert stages_run(tmp_path) == whole
    # A larger budget goes on from there, up to all pairs; the choice is still on record.
    more = run(tmp_path, Budget(seconds=3600.0))
    assert whole.items() <= stages_run(tmp_path).items()
    assert more[-1].pairs == PAIRS or not more[-1].next.open


def test_what_is_stored_of_a_run_that_was_stopped_is_reported_with_estimates(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, places = first_plan(tmp_path), places_in(tmp_path)
    own = {stage.id for stages in list(pair_stages(first).values())[3:] for stage in stages}
    part = tuple(stage for stage in first if stage.id not in own)
    object.__setattr__(first, "stages", part)
    execute(first, Session(places, InProcess()))
    monkeypatch.chdir(tmp_path)
    words = ("few.yaml", "--store", "stages")
    code, said, _ = command("report", *words, "--predict", "--json")
    assert code == 3  # some stages were not run
    told = json.loads(said)
    assert {edge["verdict"] for edge in told["edges"]} >= {"not_run"}
    absent = {(e["source"], e["target"]) for e in told["edges"] if e["verdict"] == "not_run"}
    assert {(e["source"], e["target"]) for e in told["predicted"]} <= absent
    assert told["predicted"]
    assert (tmp_path / "results" / "few" / "predicted.csv").is_file()
    command("report", *words)
    assert not (tmp_path / "results" / "few" / "predicted.csv").exists()


def test_a_plan_says_what_the_budget_reaches_for(
    chosen: tuple[Path, list[Round]], tmp_path: Path
) -> None:
    folder, told = chosen
    found = forecast_budget(first_plan(folder), BUDGET, places_in(folder))
    assert (found.stages, found.first, found.of_pairs) == (0, 0.0, PAIRS)
    assert found.pairs is not None and told[-1].pairs <= found.pairs <= PAIRS
    assert found.most == pytest.approx(told[-1].account.most, rel=0.05)
    unknown = forecast_budget(first_plan(tmp_path), Budget(seconds=60.0), places_in(tmp_path))
    assert (unknown.stages, unknown.first, unknown.pairs) == (4 * SEEDS, None, None)


@pytest.mark.parametrize(
    ("settings", "budget", "said"),
    [
        (("seeds=1",), BUDGET, "found a study of one seed"),
        (("arms=[single]",), BUDGET, "found a study of no arm of pairs"),
        (("correction=max_t",), BUDGET, "correction: found max_t"),
        (("variants={slow: {learning_rate: 0.001}, usual: {}}",), BUDGET, "variants"),
        ((), Budget(share=0.2), "--budget-share 0.2: tasks alone and a first pair of each take"),
    ],
)
def test_what_no_budget_can_choose_from_is_refused(
    tmp_path: Path, settings: tuple[str, ...], budget: Budget, said: str
) -> None:
    first = first_plan(tmp_path, *settings)
    with pytest.raises(StudyError, match=said):
        check_budget(first, budget, places_in(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["few.yaml"]


def test_a_share_that_is_none_is_refused() -> None:
    for share in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(StudyError, match="--budget-share: found"):
            Budget(share=share)


def test_a_table_of_deltas_holds_what_was_measured_alone(
    chosen: tuple[Path, list[Round]],
) -> None:
    folder, told = chosen
    report(folder)
    table = pd.read_parquet(folder / "results" / "few" / "deltas.parquet")
    assert len(table) == 2 * told[-1].pairs
    assert not {"not_run", "failed"} & set(table["verdict"])
