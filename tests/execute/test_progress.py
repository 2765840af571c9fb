"""What executors tell reaches everybody who listens, and the store's logs."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from transfer_study.execute.progress import Logged, Progress, Several
from transfer_study.store.runs.stage_log import RUNS, StageLog
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage
from transfer_study.terminal.progress import Lines

EVENTS = [name for name, _ in inspect.getmembers(Progress, inspect.isfunction) if name[0] != "_"]


@pytest.mark.parametrize("event", EVENTS)
def test_several_are_told_everything_in_turn(event: str) -> None:
    heard: list[tuple[str, Any]] = []

    def listener(name: str) -> Progress:
        one = Progress()
        setattr(one, event, lambda *said: heard.append((name, said)))
        return one

    arguments = list(inspect.signature(getattr(Progress, event)).parameters)[1:]
    getattr(Several(listener("first"), listener("second")), event)(*arguments)
    assert heard == [("first", tuple(arguments)), ("second", tuple(arguments))]
    assert event in vars(Several)


def test_what_a_run_says_of_stages_is_in_their_logs(plan: Plan, tmp_path: Path) -> None:
    store = Store(tmp_path / "stages")
    stage, other = plan.stages[:2]
    logged = Logged(store)
    logged.returned(stage, "its machine was lost")
    logged.failed(stage, "ValueError: it fell", store.fail(stage, "ValueError: it fell"))
    logged.held_back(other)
    logged.refused("node-7 does not see the store")
    logged.warned("mlflow is told nothing more")

    def said(name: str) -> list[tuple[str, str]]:
        return [(one["event"], one["message"]) for one in StageLog(store, name).last(9)]

    assert said(stage.name) == [
        ("returned", "its machine was lost"),
        ("given up", "ValueError: it fell"),
    ]
    assert StageLog(store, stage.name).last(1)[0]["log"] == f"failures/{stage.name}/error.txt"
    assert said(other.name) == [("held back", "a stage it starts from failed")]
    assert said(RUNS) == [
        ("refused", "node-7 does not see the store"),
        ("warning", "mlflow is told nothing more"),
    ]


def test_a_warning_is_a_line(
    plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def cost(stage: Stage) -> float:
        return 1.0

    Lines(plan, Store(tmp_path / "stages"), cost, verbose=False).warned("mlflow is told no more")
    assert capsys.readouterr().err.rstrip().endswith("warning: mlflow is told no more")
