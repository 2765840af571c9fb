"""The verb `recommend`: from a study file to advice, without running anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.analysis.conftest import make_plan  # noqa: F401  (a fixture)
from tests.analysis.made_up import MadeUpAnswers, planned
from tests.analysis.test_grouping import pairs
from tests.analysis.test_recommend import A, B, C, D, table
from tests.conftest import Command
from transfer_study.analysis.advice.grouping import groupings
from transfer_study.analysis.advice.recommend import chosen_edges, recommendations
from transfer_study.analysis.effects.tables import tables
from transfer_study.cli import app
from transfer_study.terminal.recommend import (
    groupings_as_json,
    print_groupings,
    print_recommendations,
    recommendations_as_json,
)


def call(folder: Path, *words: str) -> Any:
    places = ("--store", str(folder / "stages"), "--results", str(folder / "results"))
    return CliRunner().invoke(app, ["recommend", *words, *places])


@pytest.mark.parametrize("words", [("--all",), ("--task", "topics"), ("--all", "--json")])
def test_before_anything_was_run_there_is_no_advice(
    small_study: Path, tmp_path: Path, command: Command, words: tuple[str, ...]
) -> None:
    places = (f"--store={tmp_path}/stages", f"--results={tmp_path}/results")
    code, stdout, stderr = command("recommend", str(small_study), *words, *places)
    assert (code, stdout) == (3, "")
    assert stderr.startswith("error: nothing was run that advice could come from")
    assert f"`transfer-study run {small_study}`" in stderr
    assert not list(tmp_path.glob("results/*")), "nothing is written"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "--task TASK, or --all"),
        (("--task", "topics", "--all"), "--task TASK, or --all"),
        (("--task", "topics", "--models", "2"), "add --all"),
    ],
)
def test_usage(small_study: Path, tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    done = call(tmp_path, str(small_study), *words)
    assert done.exit_code == 2
    assert says in " ".join(done.output.replace("│", " ").split())


def test_wrong_values_are_told_in_a_sentence(small_study: Path, tmp_path: Path) -> None:
    task = call(tmp_path, str(small_study), "--task", "topic")
    assert "did you mean 'topics'?" in str(task.exception)
    models = call(tmp_path, str(small_study), "--all", "--models", "4")
    assert "found 4; give 1 to 3" in str(models.exception)


@pytest.fixture
def advice(make_plan: Any) -> Any:  # noqa: F811
    plan = make_plan("base", readings=["refine"])
    edges = table(*pairs(A, B, C, D, AB=0.06, BA=0.05))
    return recommendations(plan, edges), groupings(plan, edges)


def test_text_and_json_say_the_same(advice: Any, capsys: pytest.CaptureFixture[str]) -> None:
    of_task, of_all = advice
    print_recommendations("made", of_task)
    text = capsys.readouterr().out
    recommendations_as_json("made", of_task)
    said = json.loads(capsys.readouterr().out)
    assert said["study"] == "made"
    for one in said["recommendations"]:
        assert one["text"] in " ".join(text.split())
        assert one["command"] in text
    print_groupings("made", of_all)
    text = capsys.readouterr().out
    groupings_as_json("made", of_all)
    (together,) = json.loads(capsys.readouterr().out)["groupings"]
    assert f"Train {A} + {B}; {C}; {D}: " in text
    assert together["chosen"]["groups"] == [[A, B], [C], [D]]
    for command in together["commands"]:
        assert command in text


def test_a_variant_and_a_size_are_asked_for_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    variants = {"plain": {}, "slow": {"learning_rate": 1e-6}}
    plan = planned(["a", "b"], seeds=4, limits={"max_train": [100, 300]}, variants=variants)
    about = {s.stage.id: (s.variant, s.size, s.arm) for s in plan.systems}
    # Only what learned slowly from few examples gains by a partner.
    gains = MadeUpAnswers(
        lambda stage: 0.95 if about[stage.id] == ("slow", 100, "full") else 0.6, n_test=300
    )
    _, edges = tables(plan, gains, ())
    assert {one.size for one in recommendations(plan, edges)} == {300}
    few = chosen_edges(plan, edges, None, None, "slow", 100)
    advice = recommendations(plan, few, "study.yaml")
    assert [(o.task, o.variant, o.size, o.arm) for o in advice] == [
        ("a", "slow", 100, "pair"),
        ("b", "slow", 100, "pair"),
    ]
    words = "transfer-study export study.yaml --task a --arm pair --variant slow --size 100"
    assert advice[0].command == f"{words} --to models/a"
    print_recommendations("made", advice)
    assert "a, one, refine reading, slow, 100 examples" in capsys.readouterr().out
    (of_all,) = groupings(plan, few, study="study.yaml")
    assert of_all.commands[-1].endswith("--multi --variant slow --size 100 --to models/a+b")
    print_groupings("made", [of_all])
    assert "All tasks, one, refine reading, slow, 100 examples" in capsys.readouterr().out
    large = recommendations(plan, chosen_edges(plan, edges, None, None, "slow"))
    assert [(one.size, one.arm) for one in large] == [(300, "single")] * 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--variant", "slow"), "--variant: found slow, but the study has no `variants`"),
        (("--size", "100"), "--size: found 100, which the study does not have"),
    ],
)
def test_a_study_without_the_axis_says_so(
    small_study: Path, tmp_path: Path, command: Command, words: tuple[str, ...], says: str
) -> None:
    places = (f"--store={tmp_path}/stages", f"--results={tmp_path}/results")
    code, stdout, stderr = command("recommend", str(small_study), "--all", *words, *places)
    assert (code, stdout) == (2, "")
    assert stderr.startswith(f"error: {says}")
