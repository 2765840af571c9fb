"""`status` while a run goes on, after it was killed, and after a stage failed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Command
from transfer_study.session.plans import make_plan
from transfer_study.store.running import tell_running
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study

HEAVY = ("torch", "ray", "pandas", "pyarrow", "scipy", "matplotlib", "transformers", "tokenizers")
# A stage goes on until it is killed.
ENDLESS = ("--set", "refine.epochs=5000", "--set", "arms=[single]", "--set", "seeds=1")


def status(study: Path, *options: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "transfer_study", "status", str(study), "--json", *options],
        cwd=study.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return json.loads(done.stdout)


def test_status_shows_what_runs_where_and_since_when(small_study: Path) -> None:
    words = ["run", str(small_study), *ENDLESS, "--executor", "in-process", "-q"]
    began = datetime.now(timezone.utc)
    with subprocess.Popen(
        [sys.executable, "-m", "transfer_study", *words], cwd=small_study.parent
    ) as run:
        try:
            deadline = time.monotonic() + 150
            said: dict[str, Any] = {}
            while not said.get("running") or said["running"][0]["epoch"] == 0:
                assert run.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.5)
                # Not before the run has kept its plan, which is to be read here.
                if (small_study.parent / "results" / "small" / "stages.json").is_file():
                    said = status(small_study, *ENDLESS)
            (one,) = said["running"]
            assert (one["host"], one["process"]) == (socket.gethostname(), run.pid)
            assert one["name"].startswith("refine-s0-")
            assert one["label"] == "refine-entities-s0"
            assert said["stages"][one["label"]] == "running"
            assert said["counts"] == {"done": 0, "running": 1, "missing": 2, "failed": 0}
            assert 1 <= one["epoch"] < one["epochs"] == 5000
            since, sign = (datetime.fromisoformat(one[key]) for key in ("since", "last_sign"))
            assert began.replace(microsecond=0) <= since <= sign <= datetime.now(timezone.utc)
        finally:
            run.kill()
    after = status(small_study, *ENDLESS)
    assert after["running"] == []
    assert after["counts"] == {"done": 0, "running": 0, "missing": 3, "failed": 0}


def test_status_reads_neither_data_nor_anything_heavy(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    few = ("--set", "arms=[single]", "--set", "seeds=1")
    code, *_ = command("run", str(small_study), *few, "--executor=in-process", "-q")
    assert code == 0
    more = [*few[:-1], "seeds=2"]
    script = (
        "import sys\n"
        "from transfer_study.cli import app\n"
        f"try: app(['status', {str(small_study)!r}, *{more!r}])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.strip() == "[]"
    assert "small: 3 of 6 stages done, 0 running, 3 missing, 0 failed" in done.stdout
    assert "Nothing runs now; about " in done.stdout  # like stages were measured
    assert 0 < status(small_study, *more)["seconds_left"] < 100


def test_status_tells_of_other_hosts_what_they_last_said_and_of_failures(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "results" / "stages")
    running, failed, *_ = make_plan(read_study(small_study))
    store.fail(failed, "Traceback\nValueError: the loss is not finite\n")
    with monkeypatch.context() as elsewhere, tell_running(running, store) as tell:
        elsewhere.setattr(socket, "gethostname", lambda: "node-7")
        tell(1)
        elsewhere.undo()
        code, out, err = command("status", str(small_study))
        assert code == 0
        (line,) = (line for line in out.splitlines() if "node-7" in line)
        assert line.split()[:3] == ["refine-entities-s0", "node-7", str(os.getpid())]
        assert "(last sign 0 s ago)" in line
        assert line.rstrip().endswith("1/2")
        assert "1 stage runs now; how long the rest takes is unknown" in out
        assert f"failed: {failed.family}: ValueError: the loss is not finite" in err
        told = json.loads(command("status", str(small_study), "--json")[1])
        assert told["seconds_left"] is None
        (failure,) = told["failures"]
        assert failure["name"] == failed.name
        assert failure["message"] == "ValueError: the loss is not finite"
        assert Path(failure["log"]).is_file()
        assert told["counts"] == {"done": 0, "running": 1, "missing": 12, "failed": 1}


def test_version(command: Command) -> None:
    code, out, err = command("--version")
    assert (code, err) == (0, "")
    assert out.startswith("transfer-study ")
    assert len(out.split()) >= 2
