"""A study as a job of a real Slurm of two hosts (`slurm.sh`), warned in the middle of its work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from transfer_study.execute.cluster.process_session import end_session
from transfer_study.session.plans import make_plan
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("slurm.sh")
NEEDED = ("slurmctld", "slurmd", "sbatch", "munged", "ip", "nsenter", "unshare")
DAEMONS = {"bash", "munged", "slurmctld", "slurmd", "slurmscriptd", "slurmstepd", "unshare"}
PATIENCE = 300.0


def why_not() -> str | None:
    """Why there can be no Slurm here."""
    if missing := [command for command in NEEDED if shutil.which(command) is None]:
        return f"Slurm is not installed: no {', '.join(missing)}"
    spaces = ["unshare", "--net", "--uts", "--pid", "--fork", "--mount", "--mount-proc", "true"]
    if subprocess.run(spaces, capture_output=True, check=False).returncode:
        return "this user cannot give hosts of Slurm a network and processes of their own"
    return None


pytestmark = [
    pytest.mark.slow,  # Ray is started four times; `.ci/run` runs it
    pytest.mark.skipif(why_not() is not None, reason=why_not() or ""),
]


@dataclass(frozen=True)
class Slurm:
    """A cluster, of which this is the login host, and a folder that all its hosts see."""

    folder: Path

    @property
    def pid(self) -> int:
        return int((self.folder / "cluster.pid").read_text())

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["nsenter", f"--target={self.pid}", "--net", "--uts", *words],
            cwd=self.folder,
            env={
                **os.environ,
                "HOME": str(self.folder),
                "PYTHONPATH": str(ROOT),
                "SLURM_CONF": str(self.folder / "slurm.conf"),
                "TRANSFER_STUDY_STORE": str(self.folder / "st'o re"),
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def submit(self, *words: str) -> subprocess.CompletedProcess[str]:
        asked = ("--nodes=2", "--gpus-per-node=0", "--cpus-per-node=1", "--time=10", "--submit")
        program = (sys.executable, "-m", "transfer_study", "slurm")
        return self.call(*program, str(self.folder / "small.yaml"), *asked, *words)

    def state(self, job: str, field: str = "JobState") -> str:
        said = self.call("scontrol", "show", "job", job).stdout
        found = re.search(rf"\b{field}=(\S+)", said)
        return found[1] if found else ""

    def beside_its_daemons(self) -> set[str]:
        """The names of processes on its hosts that are none of Slurm's own."""
        names = set()
        for process in psutil.Process(self.pid).children(recursive=True):
            try:
                if process.status() != psutil.STATUS_ZOMBIE:
                    names.add(process.name())
            except psutil.Error:
                pass
        return names - DAEMONS


@pytest.fixture
def slurm() -> Iterator[Slurm]:
    with tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp") as folder:  # a socket's path
        shared = [folder, str(ROOT), sys.prefix, sys.base_prefix]
        subprocess.run([SCRIPT, "up", *shared], check=True, timeout=60)
        found = Slurm(Path(folder))
        pid = found.pid
        try:
            yield found
        finally:
            subprocess.run([SCRIPT, "down", folder], check=True, timeout=60)
            end_session(pid)


def wait_for(what: Callable[[], bool], slurm: Slurm, job: str) -> None:
    until = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > until:
            pytest.fail("\n".join(log.read_text() for log in slurm.folder.glob("small-*.log")))
        time.sleep(0.2)


@pytest.mark.timeout(900)
def test_a_job_that_is_warned_goes_back_to_the_queue_and_repeats_nothing(
    small_study: Path, slurm: Slurm
) -> None:
    study = slurm.folder / "small.yaml"
    text = small_study.read_text().replace("arms: [single, pairs, full]", "arms: [single]")
    study.write_text(text.replace("refine: {epochs: 2,", "refine: {epochs: 160,"))
    stages = list(make_plan(read_study(study)))
    store = Store(slurm.folder / "st'o re")

    refused = slurm.submit("--partition=nowhere")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: Slurm did not take the job: ")
    submitted = slurm.submit()
    assert submitted.returncode == 0, submitted.stderr
    job = submitted.stdout.strip()
    assert job.isdecimal()

    records = store.root / "stages"
    wait_for(lambda: records.is_dir() and len(list(records.iterdir())) >= 2, slurm, job)
    warned = slurm.call("scancel", "--batch", "--signal=USR1", job)
    assert warned.returncode == 0, warned.stderr
    wait_for(lambda: slurm.state(job, "Restarts") == "1", slurm, job)
    before = [store.folder(stage) / "result.json" for stage in stages if store.is_done(stage)]
    made = [(record.stat().st_ino, record.stat().st_mtime_ns) for record in before]
    assert 2 <= len(before) < len(stages), "it was warned before its work or after it"
    wait_for(lambda: slurm.state(job) in ("COMPLETED", "FAILED", "CANCELLED"), slurm, job)

    log = (slurm.folder / f"small-{job}.log").read_text()
    assert slurm.state(job) == "COMPLETED", log
    assert slurm.state(job, "Restarts") == "1"
    assert "transfer-study ended with exit code 75" in log
    assert log.count("got SIGUSR1") == log.count("back to the queue") == 1
    assert f"{len(before)} of {len(stages)} stages are done" in log
    done = Counter(re.findall(r"\] +done +(\S+)", log))
    assert set(done.values()) == {1} and len(done) <= len(stages)
    assert all(store.is_done(stage) for stage in stages)
    assert len(list(records.iterdir())) == len(stages)
    assert made == [(record.stat().st_ino, record.stat().st_mtime_ns) for record in before]
    assert (slurm.folder / "results" / "small" / "report.html").is_file()
    # Both hosts had Ray, and neither has anything of it any more, nor of a token.
    assert (slurm.folder / f"small-{job}.ray.log").read_text().count("Ray runtime started") == 4
    wait_for(lambda: not slurm.beside_its_daemons(), slurm, job)
    assert not list(slurm.folder.glob("tmp-n?/ray-*"))
    assert not (slurm.folder / ".ray").exists()
