"""What hangs is ended, what cannot start says why, and nothing of Ray's own reaches a person."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.execute.cluster.test_cluster import (
    PACKAGE,
    can_mount,
    cluster,
    environment,
)
from transfer_study.session.plans import make_plan
from transfer_study.store.runs.running import Running, running
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study

PATIENCE = 200


def begun(study: Path, folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "transfer_study", "run", str(study), "--workers", "1", *more],
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def first_running(folder: Path, run: subprocess.Popen[str]) -> Running:
    store, until = Store(folder / "stages"), time.monotonic() + PATIENCE
    while not (found := running(store)):
        assert run.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    return found[0]


ONE = """\
name: one
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
tasks:
  - name: entities
    kind: tagging
    labels: [herb, beast]
    source: {format: synthetic, task: entities, train: 60, dev: 20, test: 40}
arms: [single]
readings: [refine]
seeds: 1
refine: {epochs: 100, learning_rate: 0.001, precision: float32}
"""


@pytest.fixture
def longer(tmp_path: Path) -> Path:
    """A study of one stage that runs for some seconds."""
    path = tmp_path / "one.yaml"
    path.write_text(ONE)
    return path


@pytest.mark.slow  # to bring up a worker takes seconds, in which it shows no sign
def test_a_stage_whose_worker_stands_still_is_ended_and_run_again(
    longer: Path, tmp_path: Path
) -> None:
    run = begun(longer, tmp_path, "--hang-after", "20s")
    stopped = first_running(tmp_path, run)
    os.kill(stopped.process, signal.SIGSTOP)
    _, told = run.communicate(timeout=PATIENCE)
    plain = " ".join(told.split())
    assert run.returncode == 0, told
    assert "it gave no sign of life for 0:00:20 (h:mm:ss) on" in plain
    assert "Traceback" not in told and "Failure #" not in told
    plan = make_plan(read_study(longer))
    assert all(Store(tmp_path / "stages").is_done(stage) for stage in plan)
    assert not Path(f"/proc/{stopped.process}").exists()
    assert list((tmp_path / "stages" / "attempts").iterdir()) == []


def test_of_a_killed_worker_a_person_reads_a_sentence(longer: Path, tmp_path: Path) -> None:
    run = begun(longer, tmp_path)
    os.kill(first_running(tmp_path, run).process, signal.SIGKILL)
    _, told = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, told
    assert "its worker process died (killed, out of memory, or crashed)" in " ".join(told.split())
    assert not re.search(r"Traceback|Failure #|ActorDied|actor_id|\.py", told)


def test_a_raylet_that_was_killed_ends_the_run_in_a_sentence(longer: Path, tmp_path: Path) -> None:
    run = begun(longer, tmp_path, "--set", "seeds=40")  # Ray notices after a while
    worker = psutil.Process(first_running(tmp_path, run).process)
    raylet = worker.parent()
    assert raylet is not None and raylet.name() == "raylet"
    raylet.kill()
    _, told = run.communicate(timeout=PATIENCE)
    assert run.returncode == 2, told
    plain = " ".join(told.split())
    assert "error: Ray's own process on this machine (its raylet) has ended" in plain
    assert "the same command continues" in plain
    assert not re.search(r"Traceback|Failure #|ActorDied|actor_id", told)


QUICKLY = """\
import sys
from transfer_study.cli import main
from transfer_study.execute.cluster import driver_process
driver_process.LONGEST_START = 15.0
main()
"""


def test_a_ray_whose_workers_cannot_start_is_told_before_any_stage(
    longer: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if any('default_worker' in word for word in sys.orig_argv):\n"
        "    os._exit(1)\n"
    )
    paths = os.pathsep.join([str(tmp_path), environment(tmp_path)["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-c", QUICKLY, "run", str(longer)],
        env={**environment(tmp_path), "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: Ray has started no worker on this")
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "stages").glob("stages/*"))


TUNED = (
    "--trials",
    "2",
    "--budget",
    "3m",
    "--dry-run",
    "--try",
    "epochs=3",
    "--try",
    "pooling=pooler",
)


@pytest.mark.skipif(not can_mount(), reason="this user cannot show one machine other files")
def test_a_search_refuses_a_machine_with_other_code_too(longer: Path, tmp_path: Path) -> None:
    other, ran = tmp_path / "other", tmp_path / "ran"
    shutil.copytree(PACKAGE, other / "transfer_study", ignore=shutil.ignore_patterns("*.pyc"))
    with (other / "transfer_study" / "learn" / "train.py").open("a") as file:
        file.write(f"\nopen({str(ran)!r}, 'w')\n")
    with cluster(tmp_path, f"--bind {other / 'transfer_study'} {PACKAGE}") as address:
        done = subprocess.run(
            [sys.executable, "-m", "transfer_study", "tune", str(longer), *TUNED],
            env={**environment(tmp_path), "RAY_ADDRESS": address},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert "FAILED" not in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert len(list((tmp_path / "stages" / "trials").iterdir())) == 2, done.stderr
    assert not ran.exists()


def test_a_search_tells_why_a_worker_died(longer: Path, tmp_path: Path) -> None:
    longer.write_text(longer.read_text().replace("epochs: 20", "epochs: 400"))
    search = subprocess.Popen(
        [sys.executable, "-m", "transfer_study", "tune", str(longer), "--trials", "1"],
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    killed: set[int] = set()
    until = time.monotonic() + PATIENCE
    while search.poll() is None:
        assert time.monotonic() < until
        for process in psutil.Process(search.pid).children(recursive=True):
            with suppress(psutil.Error):
                title = " ".join(process.cmdline())
                if title.startswith("ray::ImplicitFunc"):  # as Tune calls what it is given
                    killed.add(process.pid)
                    process.kill()
        time.sleep(0.2)
    _, told = search.communicate()
    plain = " ".join(told.split())
    assert "its worker process died (killed, out of memory, or crashed), 3 times in all" in plain
    assert len(killed) >= 3
    assert not re.search(r"Traceback|Failure #|ActorDied|actor_id", told)
