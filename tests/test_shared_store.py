"""Two commands on one store share the work, whatever becomes of one of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pytest

from tests.test_end_to_end import STAGES, environment
from transfer_study.execute.cluster.process_session import end_session

PATIENCE = 280


@pytest.fixture
def commands() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def start(
    study: Path, store: Path, name: str, commands: ExitStack, executor: str = "in-process"
) -> subprocess.Popen[bytes]:
    """A run with results of its own and a store that others have too."""
    own = store / name
    own.mkdir(parents=True, exist_ok=True)
    words = ["run", str(study), "--executor", executor, "--store", str(store / "stages")]
    with (own / "told").open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "transfer_study", *words],
            env=environment(own),
            stderr=stderr,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
    commands.callback(process.wait)
    commands.callback(end_session, process.pid)
    return process


def told(store: Path, name: str) -> str:
    return (store / name / "told").read_text()


def own_and_others(text: str) -> tuple[int, int]:
    """How many stages a command ran itself, and found that another had run."""
    done = len(re.findall(r"\] +done ", text))
    others = " ".join(text.split()).count("by another run")
    return done - others, others


@pytest.mark.parametrize("executor", ["in-process", "ray"])
def test_each_stage_is_run_by_one_of_two_commands(
    small_study: Path, tmp_path: Path, commands: ExitStack, executor: str
) -> None:
    runs = [start(small_study, tmp_path, name, commands, executor) for name in ("one", "two")]
    for run in runs:
        assert run.wait(PATIENCE) == 0
    counted = [own_and_others(told(tmp_path, name)) for name in ("one", "two")]
    # The second may have begun when some were done, which it does not name.
    assert sum(own for own, _ in counted) == STAGES
    assert all(own + others <= STAGES for own, others in counted)
    tables = [
        pd.read_csv(tmp_path / name / "results" / "small" / "deltas.csv") for name in ("one", "two")
    ]
    pd.testing.assert_frame_equal(*tables)
    assert list((tmp_path / "stages" / "leases").iterdir()) == []
    assert list((tmp_path / "stages" / "attempts").iterdir()) == []


def test_what_a_killed_command_had_taken_is_run_by_the_other(
    small_study: Path, tmp_path: Path, commands: ExitStack
) -> None:
    killed = start(small_study, tmp_path, "killed", commands)
    leases, until = tmp_path / "stages" / "leases", time.monotonic() + PATIENCE
    while not (leases.is_dir() and list(leases.iterdir())):
        assert time.monotonic() < until and killed.poll() is None
        time.sleep(0.05)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    (taken,) = leases.iterdir()
    other = start(small_study, tmp_path, "other", commands)
    began = time.monotonic()
    assert other.wait(PATIENCE) == 0
    own, others = own_and_others(told(tmp_path, "other"))
    assert 0 < own <= STAGES and others == 0
    assert (tmp_path / "stages" / "stages" / taken.name / "result.json").is_file()
    assert list(leases.iterdir()) == []
    assert time.monotonic() - began < PATIENCE
