"""A run that is asked to stop keeps how far its stages are, and the same command goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import psutil
import pytest

from tests.conftest import Command
from tests.test_in_a_terminal import heed_signals
from transfer_study.execute.cluster.process_session import members

SETTINGS = ("--set", "seeds=1", "--set", "arms=[single, full]", "--set", "readings=[refine]")
LONGER = (*SETTINGS, "--set", "refine.epochs=60")


def places(folder: Path) -> list[str]:
    return [w for n in ("store", "results", "plots") for w in (f"--{n}", str(folder / n))]


@contextmanager
def begun(*words: str) -> Iterator[subprocess.Popen[str]]:
    """The command, a line an epoch, in a session of its own; its messages can be read."""
    with subprocess.Popen(
        [sys.executable, "-m", "transfer_study", *words, "--verbose"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=heed_signals,  # noqa: PLW1509
    ) as process:
        yield process


def states(folder: Path) -> list[Path]:
    return [path for path in (folder / "store").glob("checkpoints/*/*") if path.is_file()]


@pytest.mark.parametrize(
    ("executor", "number"), [("in-process", signal.SIGUSR1), ("ray", signal.SIGTERM)]
)
def test_a_run_that_is_asked_to_stop_goes_on_where_it_was(
    executor: str, number: signal.Signals, small_study: Path, tmp_path: Path, command: Command
) -> None:
    undisturbed, stopped = tmp_path / "undisturbed", tmp_path / "stopped"
    run = ("run", str(small_study), *LONGER, "--executor")
    with begun(*run, executor, *places(stopped)) as process:
        assert process.stderr is not None
        told: list[str] = []
        while not told or "epoch 3/60" not in told[-1]:
            told.append(process.stderr.readline())
            assert told[-1], told
        began = time.monotonic()
        process.send_signal(number)
        _, rest = process.communicate(timeout=120)
        assert time.monotonic() - began < 60
        assert not members(process.pid)
    assert process.returncode == 75, rest
    assert "stopped" in rest and rest.splitlines()[-1].startswith("Stopped as asked: "), rest
    assert "FAILED" not in rest and "Traceback" not in rest, rest
    kept = states(stopped)
    assert kept and not list((stopped / "store" / "attempts").iterdir())
    code, _, error = command(*run, executor, *places(stopped))
    assert (code, states(stopped)) == (0, []), error
    code, _, error = command(*run, "in-process", *places(undisturbed))
    assert code == 0, error
    one, other = (
        pd.read_csv(f / "results" / "small" / "scores.csv") for f in (undisturbed, stopped)
    )
    pd.testing.assert_frame_equal(one, other)
    said = (json.loads(p.read_text()) for p in (stopped / "store").glob("stages/*/stage.json"))
    continued = [one["provenance"]["continued"] for one in said if "continued" in one["provenance"]]
    assert len(continued) == len(kept) and max(one["epoch"] for one in continued) >= 3


def test_a_second_signal_stops_at_once(small_study: Path, tmp_path: Path) -> None:
    run = ("run", str(small_study), *LONGER, "--executor", "ray", *places(tmp_path))
    with begun(*run) as process:
        assert process.stderr is not None
        while "epoch" not in (line := process.stderr.readline()):
            assert line
        (driver,) = (child.pid for child in psutil.Process(process.pid).children())
        worker = next(p for p in members(driver) if "ImplicitF" in p.name())
        worker.suspend()  # a stage that hears nothing
        process.send_signal(signal.SIGTERM)
        time.sleep(4)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=60)
        assert not members(driver)
    assert process.returncode == 130, rest


def test_states_that_nobody_goes_on_from_are_pruned(
    small_study: Path, tmp_path: Path, command: Command
) -> None:
    where = places(tmp_path)[:4]
    code, _, error = command(
        "run", str(small_study), *SETTINGS, "--executor", "in-process", *places(tmp_path)
    )
    assert code == 0, error
    (done, *_) = sorted((tmp_path / "store" / "stages").iterdir())
    missing = f"refine-s9-{'0' * 16}"
    for name in (done.name, missing):
        folder = tmp_path / "store" / "checkpoints" / f"{name}-12345678"
        folder.mkdir(parents=True)
        (folder / "000001-state").write_bytes(bytes(1000))
    code, out, error = command("prune", *where, "--yes", "--json")
    assert code == 0, error
    assert [one["bytes"] for one in json.loads(out)["states"]] == [1000, 1000]
    assert not list((tmp_path / "store" / "checkpoints").iterdir())
