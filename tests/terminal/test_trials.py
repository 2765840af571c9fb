"""Trials as they are told: no line is wider than a usual terminal, and none is told twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from transfer_study import tune as tune_module
from transfer_study.analysis.advice.tried import compare_recipes
from transfer_study.errors import ExecutionError
from transfer_study.execute.resources import Resources
from transfer_study.session.places import Places
from transfer_study.store.trials import Trial
from transfer_study.terminal.trials import TrialLines, print_tuning
from transfer_study.terminal.tuned import print_tuned, print_written, sparkline, tuned_as_json
from transfer_study.tune import Tuned, Tuning, TuningRequest, carry_out, plan_tuning, write_best

LONG = "a-task-with-a-name-that-nobody-would-want-to-read-in-a-table-of-trials"


@pytest.fixture
def tuning(small_study: Path) -> Tuning:
    text = small_study.read_text(encoding="utf-8").replace("name: topics", f"name: {LONG}")
    small_study.write_text(text, encoding="utf-8")
    places = Places(small_study.parent / "stages", small_study.parent, small_study.parent / "plots")
    return plan_tuning(small_study, (), None, places, TuningRequest(recipes=3, budget="1h30m"))


def made(tuning: Tuning) -> list[Trial]:
    """Three recipes: the study's own, which learns nothing, a good one, and one that is cut."""
    (seed,) = tuning.seeds
    trials = []
    for recipe, height in ((1, 0.0), (2, 0.5), (3, 0.2)):
        values = tuning.search.own if recipe == 1 else {**tuning.search.own, "epochs": 4 * recipe}
        for target in range(3):
            dev = [tuning.constants[target] + height * n / 4 for n in range(values["epochs"])]
            trials.append(Trial(recipe, values, target, seed, values["epochs"], dev, "complete"))
    trials[1].state, trials[1].dev = "stopped", trials[1].dev[:1]
    trials[2].state, trials[2].message = "failed", "RuntimeError: " + "no memory " * 20
    trials[-1].state, trials[-1].dev = "cut", []
    return trials


def found(tuning: Tuning) -> Tuned:
    trials = made(tuning)
    return Tuned(tuple(trials), compare_recipes(trials, tuning.constants, 1))


def test_what_is_told_of_trials_fits_eighty_columns(
    tuning: Tuning, capsys: pytest.CaptureFixture[str]
) -> None:
    print_tuning(tuning, quiet=False)
    lines = TrialLines(tuning, verbose=True)
    for trial in made(tuning):
        lines.began(trial)
        lines.epoch(trial) if trial.dev else None
        if trial.ended:
            lines.ended(trial)
    told = capsys.readouterr().err.splitlines()
    assert max(map(len, told)) <= 80
    assert sum(line.startswith("[") for line in told) == 8
    assert [line[:9] for line in told if line.startswith("recipe ")] == [
        "recipe 1:",
        "recipe 2:",
        "recipe 3:",
    ]
    assert any("stopped at 1/2" in line for line in told)
    assert "each alone: at most 1 h 30 min." in told[0]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_view_is_never_wider_than_a_usual_terminal(tuning: Tuning, width: int) -> None:
    console = Console(width=width, height=24, force_terminal=True, color_system=None)
    lines = TrialLines(tuning, verbose=False, console=console)
    for trial in made(tuning)[3:6]:
        lines.began(trial)
    with console.capture() as captured:
        console.print(lines.view())
    shown = captured.get().splitlines()
    assert len(shown) == 5
    assert max(len(line.rstrip()) for line in shown) <= min(width, 80)
    assert "3 running" in shown[-1] or width == 40


def test_the_recipes_their_curves_and_what_does_not_learn_are_told(
    tuning: Tuning, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = [Path("plots/tune.svg"), Path("plots/tune.png")]
    before = tuning.file.read_text(encoding="utf-8")
    print_tuned(tuning, found(tuning), figures)
    told = capsys.readouterr().out
    assert "small: 3 recipes, 8 trials ended, seed 1000000" in told
    rows = [line.split() for line in told.splitlines()]
    assert ["2", "1.0e-3", "8", "32", "pooler", "3/3", "100", "0", "s"] in rows
    assert "–: not tried on all tasks within the budget, and so not chosen." in told
    assert "stopped at 1/2" in told and "cut by the budget" in told
    assert "not learned yet" not in told  # the best one learns all
    assert "Figure: plots/tune.png" in told
    places = Places(tuning.file.parent / "stages", tuning.file.parent)
    dry = write_best(tuning, found(tuning), places, dry_run=True)
    print_written(tuning, dry)
    told = capsys.readouterr().out
    assert "+refine: {epochs: 8, learning_rate: 0.001, precision: float32}" in told
    assert "stays as it is (--dry-run)" in told
    assert tuning.file.read_text(encoding="utf-8") == before
    tuned_as_json(tuning, found(tuning), figures, dry)
    said = json.loads(capsys.readouterr().out)
    assert (said["chosen"], said["written"], said["not_learned"]) == (2, False, [])
    assert [one["recipe"] for one in said["recipes"]] == [2, 1, 3]


def test_where_nothing_learns_the_file_stays_and_every_task_is_named(
    tuning: Tuning, capsys: pytest.CaptureFixture[str]
) -> None:
    trials = tuple(trial for trial in made(tuning) if trial.recipe == 1)
    nothing = Tuned(trials, compare_recipes(trials, tuning.constants, 1))
    before = tuning.file.read_text(encoding="utf-8")
    print_tuned(tuning, nothing, [])
    told = " ".join(capsys.readouterr().out.split())
    for target in tuning.search.targets:
        assert f"{target.name} is not learned yet (dev " in told
    assert told.count("nor by any other recipe") == 3
    places = Places(tuning.file.parent / "stages", tuning.file.parent)
    written = write_best(tuning, nothing, places, dry_run=False)
    assert (written.learns, written.behind) == (False, 0)
    print_written(tuning, written)
    assert capsys.readouterr().out.startswith("No recipe learns a task; ")
    assert tuning.file.read_text(encoding="utf-8") == before


def test_where_every_trial_fails_the_first_error_is_told(
    tuning: Tuning, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = [trial for trial in made(tuning) if trial.recipe == 1]
    for trial in failed:
        trial.state, trial.dev, trial.message = "failed", [], "OutOfMemoryError: no room"
    monkeypatch.setattr(tune_module, "search", lambda *_: failed)
    places = Places(tuning.file.parent / "stages", tuning.file.parent)
    with pytest.raises(ExecutionError, match="the first with OutOfMemoryError: no room; mend"):
        carry_out(tuning, places, Resources(), TrialLines(tuning, verbose=False))


@given(st.lists(st.floats(-1, 1), max_size=100))
def test_a_curve_is_as_long_as_there_is_room_and_rises_with_its_scores(dev: list[float]) -> None:
    low, high = min(dev, default=0.0), max(dev, default=0.0)
    bars = sparkline(dev, low, high)
    assert len(bars) == min(len(dev), 32)
    if dev and len(dev) <= 32:
        assert [bars[n] for n in (dev.index(low), dev.index(high))] == (
            ["▁", "█"] if high > low else ["▁", "▁"]
        )
