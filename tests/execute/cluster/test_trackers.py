"""Trackers are told losses and dev scores by epoch and task, and are in nobody's way."""

from __future__ import annotations

import os
import sqlite3
import struct
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.conftest import Command
from transfer_study.errors import ExecutionError
from transfer_study.execute import tracking
from transfer_study.execute.tracking import check_trackers
from transfer_study.store.runs.host import VARIABLE
from transfer_study.store.runs.stage_log import RUNS, StageLog
from transfer_study.store.store import Store

SETTINGS = ("--set", "seeds=1", "--set", "arms=[single]", "--workers", "1")


def run_with(study: Path, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "transfer_study", "run", str(study), *SETTINGS, *options],
        cwd=study.parent,
        env={**os.environ, "HF_HUB_OFFLINE": "1", **more},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """The values by tag and step in a folder of TensorBoard's files."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, dict[int, float]] = defaultdict(dict)
    for file in folder.glob("events.out.tfevents.*"):
        content = file.read_bytes()
        at = 0
        while at < len(content):
            (size,) = struct.unpack_from("<Q", content, at)
            event = Event.FromString(content[at + 12 : at + 12 + size])
            at += 16 + size
            for value in event.summary.value:
                found[value.tag][event.step] = value.simple_value
    return found


def test_tensorboard_has_a_curve_a_task(small_study: Path) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    root = small_study.parent / "results" / "stages"
    done = run_with(small_study, "--log-to", "tensorboard")
    assert done.returncode == 0, done.stderr
    folders = {path.name: path for path in (root / "logs" / "tensorboard" / "small").iterdir()}
    assert set(folders) == {f"refine-{task}-s0" for task in ("entities", "topics", "relation")}
    curves = scalars(folders["refine-entities-s0"])
    (name,) = (
        path.stem
        for path in (root / "logs").glob("refine-*.jsonl")
        if '"entities"' in path.read_text(encoding="utf-8")
    )
    epochs = [said for said in StageLog(Store(root), name).last(99) if said["event"] == "epoch"]
    for what in ("loss", "dev"):
        assert curves[f"ray/tune/{what}/entities"] == {
            said["epoch"]: pytest.approx(said[what]["entities"], abs=1e-5) for said in epochs
        }
    assert len(epochs) == 2


def test_a_tracker_that_fails_is_told_nothing_more_and_the_run_goes_on(small_study: Path) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    root = small_study.parent / "results" / "stages"
    (root / "logs").mkdir(parents=True)
    (root / "logs" / "tensorboard").write_text("no folder")
    done = run_with(small_study, "--log-to", "tensorboard")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("tensorboard is told nothing more (FileExistsError: ") == 1
    (said,) = StageLog(Store(root), RUNS).last(9)
    assert said["event"] == "warning"
    assert "tensorboard is told nothing more" in said["message"]


def test_mlflow_has_a_run_a_stage(small_study: Path) -> None:
    pytest.importorskip("mlflow", reason="mlflow is not installed")
    pytest.importorskip("sqlalchemy", reason="sqlalchemy, which mlflow keeps runs by, is missing")
    done = run_with(small_study, "--log-to", "mlflow", MLFLOW_TRACKING_URI="")
    assert "told nothing more" not in done.stderr
    file = small_study.parent / "results" / "stages" / "logs" / "mlflow" / "mlflow.db"
    with sqlite3.connect(file) as kept:
        runs = dict(kept.execute("select name, status from runs"))
        keys = {key for (key,) in kept.execute("select distinct key from metrics")}
    tasks = ("entities", "topics", "relation")
    assert runs == {f"refine-{task}-s0": "FINISHED" for task in tasks}
    assert keys >= {f"{what}/{task}" for what in ("loss", "dev") for task in tasks}
    assert not (small_study.parent / "mlruns").exists()


def test_wandb_keeps_a_run_a_stage_where_it_is_offline(small_study: Path) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed")
    done = run_with(small_study, "--log-to", "wandb", WANDB_MODE="offline")
    assert "told nothing more" not in done.stderr
    folder = small_study.parent / "results" / "stages" / "logs" / "wandb" / "small"
    kept = {path.parents[2].name for path in folder.glob("*/wandb/offline-run-*/run-*.wandb")}
    assert kept == {f"refine-{task}-s0" for task in ("entities", "topics", "relation")}


def test_what_is_not_installed_is_refused_before_anything_runs(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tracking, "find_spec", lambda _: None)
    code, out, err = command("run", str(small_study), "--log-to", "mlflow")
    assert (code, out) == (2, "")
    assert err == (
        "error: --log-to mlflow needs the package mlflow, which is not installed; "
        "`pip install mlflow`\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_trackers_go_through_ray_and_know_who_they_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda _: object())
    with pytest.raises(ExecutionError, match="works through Ray Tune, and found --executor in-pro"):
        check_trackers(["tensorboard"], "in-process")
    monkeypatch.setenv("NETRC", os.devnull)
    for variable in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ExecutionError, match="finds no key of Weights & Biases; set WANDB_API_KEY"):
        check_trackers(["tensorboard", "wandb"], "ray")
    monkeypatch.setenv("WANDB_MODE", "offline")
    check_trackers(["tensorboard", "wandb"], "ray")
    monkeypatch.setenv(VARIABLE, "no")
    with pytest.raises(ExecutionError, match="keeps the names of machines by itself"):
        check_trackers(["tensorboard"], "ray")
    check_trackers([], "in-process")
