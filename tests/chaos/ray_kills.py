"""Runs through Ray whose processes are killed: real stages, a real disk, on one machine.

A cycle gives the command, lets it live for a while and kills one of its processes, or all. Whatever
the command makes of that, the next cycle gives it again on the same store, until all is done.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.chaos.cases import Row
from tests.chaos.invariants import check_stays, check_whole, table
from tests.chaos.kills import committed_below
from tests.chaos.world import Violation
from tests.conftest import SMALL
from transfer_study.execute.cluster.process_session import members

VICTIMS = ("command", "driver", "worker", "raylet", "gcs_server", "all")
# Long enough that a stage is broken off in its middle; its state is kept at every update or so.
_SETTINGS = ("--set", "refine.epochs=30", "--set", "finetune.epochs=20", "--keep-minutes", "0.002")
_LONGEST = 300.0
_ENDS = {0, 2, 3, 75, 130, -signal.SIGKILL}  # well, or by a named error


def _command(folder: Path, executor: str) -> list[str]:
    places = (w for n in ("store", "results", "plots") for w in (f"--{n}", str(folder / n)))
    study = str(folder / "small.yaml")
    words = ("run", study, "--executor", executor, "--quiet", *_SETTINGS, *places)
    return [sys.executable, "-m", "transfer_study", *words]


def _processes(command: int) -> dict[str, list[psutil.Process]]:
    """The processes of a command that can be killed, by what they are."""
    found: dict[str, list[psutil.Process]] = {name: [] for name in VICTIMS}
    with suppress(psutil.Error):
        found["command"] = [psutil.Process(command)]
        for driver in psutil.Process(command).children():
            if "stage_driver" not in " ".join(driver.cmdline()):
                continue
            found["driver"].append(driver)
            found["all"] += [driver, *members(driver.pid)]
            for process in members(driver.pid):
                with suppress(psutil.Error):
                    name = process.name()
                    kind = "worker" if name.startswith("ray::Impl") else name
                    found.get(kind, []).append(process)
    found["all"] += found["command"]
    return found


def _cycle(folder: Path, victim: str, after: float) -> str | None:
    """Run for so long, kill and wait for the end; what was killed, None where all was done."""
    log = (folder / "said.log").open("ab")
    with (
        log,
        subprocess.Popen(
            _command(folder, "ray"), stdout=log, stderr=log, start_new_session=True
        ) as run,
    ):
        until, killed = time.monotonic() + after, None
        while time.monotonic() < until and run.poll() is None:
            time.sleep(0.05)
        if run.poll() is None:
            found = _processes(run.pid)
            chosen = found[victim] or found["command"]
            killed = victim if found[victim] else "command"
            drivers = [one.pid for one in found["driver"]]
            for process in chosen if victim == "all" else chosen[:1]:
                with suppress(psutil.Error):
                    process.kill()
        try:
            code = run.wait(_LONGEST)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            raise Violation(f"I7: a run whose {victim} was killed does not end") from None
    if killed is not None:
        gone = time.monotonic() + 60
        while any(members(driver) for driver in drivers):  # they are told by a pipe that it is gone
            if time.monotonic() > gone:
                raise Violation(f"processes are left of a run whose {victim} was killed")
            time.sleep(0.1)
    if code not in _ENDS:
        raise Violation(f"I7: a run whose {victim} was killed ended with {code}")
    return killed


def through_ray(cycles: int = 50, seed: int = 0, under: Path | None = None) -> Row:
    """So many kills, on one store until it is complete, then on another."""
    row, rng = Row("SIGKILL of Ray's processes and the command's", str(seed)), random.Random(seed)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=under) as temporary:
        calm = Path(temporary) / "calm"
        _lay_out(calm)
        subprocess.run(_command(calm, "in-process"), check=True, capture_output=True)
        expected = table(committed_below(calm / "store"))
        store = 0
        while row.faults < cycles:
            folder = Path(temporary) / str(store)
            _lay_out(folder)
            victim = VICTIMS[row.faults % len(VICTIMS)]
            with row.watched(f"cycle {row.faults}, {victim}"):
                before = committed_below(folder / "store")
                killed = _cycle(folder, victim, rng.uniform(6, 14))
                after = committed_below(folder / "store")
                check_whole(after)
                check_stays(before, after)
                row.faults += killed is not None
                if killed is None or row.faults == cycles:
                    _complete(folder, expected)
                    row.resumed += 1
                    store += 1
                continue
            row.faults += 1
            store += 1  # what is wrong there is told once
    row.seconds = time.perf_counter() - began
    return row


def _lay_out(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "small.yaml").write_text(SMALL, encoding="utf-8")


def _complete(folder: Path, expected: dict[tuple[str, str], bytes]) -> None:
    """I5 and I8: the run ends as an undisturbed one does, and once more changes nothing."""
    done = subprocess.run(_command(folder, "ray"), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Violation(f"I7: a resumed run ends with {done.returncode}: {done.stderr[-300:]}")
    committed = committed_below(folder / "store")
    history = "history.jsonl"  # which tells of time
    differ = {
        key
        for key in expected.keys() | table(committed).keys()
        if key[1] != history and expected.get(key) != table(committed).get(key)
    }
    if differ:
        raise Violation(f"I5: {len(differ)} files are not as in an undisturbed run: {min(differ)}")
    subprocess.run(_command(folder, "in-process"), capture_output=True, check=True)
    if committed_below(folder / "store") != committed:
        raise Violation("I8: a second resumption changes what is there")


if __name__ == "__main__":  # python -m tests.chaos.ray_kills [CYCLES [SEED]]
    row = through_ray(*map(int, sys.argv[1:]))
    print(row)
    sys.exit(bool(row.violations))
