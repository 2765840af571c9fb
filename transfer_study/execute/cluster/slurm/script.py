"""A study as a job of Slurm: the script for `sbatch`.

    directives of Slurm  ─ what differs from job to job  ─ `job.sh`, which is the same for all

The script gives the directives once more as variables, so that it may be changed by hand.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil, floor
from pathlib import Path

from transfer_study.errors import ExecutionError, Problem
from transfer_study.execute.cluster.node_settings import NODE_SETTINGS
from transfer_study.visible import visible

_BODY = Path(__file__).with_name("job.sh")
_GPUS = re.compile(r"(?:[\w.-]+:)?(\d+)", re.ASCII)
_MEMORY = re.compile(r"\d+[KMGT]?", re.ASCII)
_WORD = re.compile(r"[^\s\"'\\#]+")
# As `man sbatch` has them, the minutes and the days first.
_TIMES = tuple(
    re.compile(form, re.ASCII)
    for form in (
        r"(?P<minutes>\d+)(:(?P<seconds>\d+))?",
        r"(?P<hours>\d+):(?P<minutes>\d+):(?P<seconds>\d+)",
        r"(?P<days>\d+)-(?P<hours>\d+)(:(?P<minutes>\d+)(:(?P<seconds>\d+))?)?",
    )
)


def slurm_seconds(time: str) -> float | None:
    """The seconds of a time as Slurm writes it, None for anything else or for no time at all."""
    found = next((match for form in _TIMES if (match := form.fullmatch(time))), None)
    if found is None:
        return None
    given = {unit: int(number) for unit, number in found.groupdict().items() if number}
    try:
        return timedelta(**given).total_seconds() or None
    except OverflowError:
        return None


@dataclass(frozen=True, kw_only=True)
class SlurmJob:
    """What is asked of Slurm; see `check` for what is allowed.

    `cpus_per_node` of None is as many as the stages take that a machine's GPUs have room for.
    """

    nodes: int
    gpus_per_node: str
    time: str
    cpus_per_node: int | None = None
    warning: int = 300  # seconds
    partition: str | None = None
    account: str | None = None
    mem: str | None = None
    more: Sequence[str] = ()  # options of sbatch, as it is given them

    def check(self) -> None:
        """Raise ExecutionError, with every fault found, for what Slurm would not take."""
        if faults := list(self._faults()):
            raise ExecutionError(*faults)

    def _faults(self) -> Iterator[Problem]:
        if _GPUS.fullmatch(self.gpus_per_node) is None:
            form = "a number, or a type and a number such as a100:8"
            yield _wrong("gpus-per-node", self.gpus_per_node, form)
        seconds = slurm_seconds(self.time)
        if seconds is None:
            form = "minutes, hours:minutes:seconds or days-hours, e.g. 90, 12:00:00 or 2-12"
            yield _wrong("time", self.time, form)
        elif seconds <= self.warning:
            more = f"more than the {self.warning} seconds of --warning"
            yield _wrong("time", self.time, more)
        for option in ("partition", "account"):
            value = getattr(self, option)
            if value is not None and not _WORD.fullmatch(value):
                yield _wrong(option, value, "a name without spaces, quotes and '#'")
        if self.mem is not None and not _MEMORY.fullmatch(self.mem):
            yield _wrong("mem", self.mem, "a size such as 64G, or 0 for all there is")
        for option in self.more:
            if not option.startswith("-") or visible(option) != option:
                yield _wrong("sbatch", option, "an option of sbatch such as --qos=high")

    @property
    def gpus(self) -> int:
        """The GPUs of a machine, of whatever type."""
        return int(self.gpus_per_node.rpartition(":")[2])

    def cpus(self, per_stage: float, gpus_per_stage: float | None) -> int:
        """The CPUs of a machine, given those of a stage; raises ExecutionError for too few."""
        gpus, share = self.gpus, gpus_per_stage
        if share is None:
            share = 1.0 if gpus else 0.0
        if share > gpus:
            allowed = f"at most {gpus}, which a machine has"
            raise ExecutionError(_wrong("gpus-per-stage", f"{share:g}", allowed))
        if self.cpus_per_node is not None:
            if self.cpus_per_node < per_stage:
                allowed = f"at least {per_stage:g}, as a stage takes"
                raise ExecutionError(_wrong("cpus-per-node", str(self.cpus_per_node), allowed))
            return self.cpus_per_node
        if not share:
            raise ExecutionError(
                "--cpus-per-node: stages that take no GPU run on as many CPUs as a machine gives "
                "them; say how many, e.g. --cpus-per-node 32"
            )
        stages = gpus * floor(1 / share) if share <= 1 else gpus // ceil(share)
        return ceil(stages * per_stage)

    def script(self, name: str, cpus: int, words: Sequence[str], folder: Path) -> str:
        """The script that gives `transfer-study run` these words in this folder.

        `name` is the study's, and `cpus` are those of a machine.
        """
        lines = [
            "#!/bin/bash",
            *(f"#SBATCH {option}" for option in self._options(name, cpus)),
            "",
            f"cd {shlex.quote(str(folder))} || exit 2",
            f"PYTHON={shlex.quote(sys.executable)}",
            f"CPUS={cpus} GPUS={self.gpus} WARNING={self.warning}",
            f"RAY_LOG={shlex.quote(name)}-$SLURM_JOB_ID.ray.log",
            *(f"export {key}={shlex.quote(value)}" for key, value in NODE_SETTINGS.items()),
            f"STUDY_WORDS=({shlex.join(words)})",
            "",
        ]
        return "\n".join(lines) + "\n" + _BODY.read_text(encoding="utf-8")

    def _options(self, name: str, cpus: int) -> list[str]:
        gpus = [f"--gpus-per-node={self.gpus_per_node}"] if self.gpus else []
        optional = {"partition": self.partition, "account": self.account, "mem": self.mem}
        return [
            f"--job-name={name}",
            f"--nodes={self.nodes}",
            "--ntasks-per-node=1",
            f"--cpus-per-task={cpus}",
            *gpus,
            f"--time={self.time}",
            *(f"--{option}={value}" for option, value in optional.items() if value is not None),
            f"--signal=B:USR1@{self.warning}",
            "--requeue",
            "--no-kill",
            "--open-mode=append",
            f"--output={name}-%j.log",
            *self.more,
        ]


def sbatch_command() -> str:
    """Where sbatch is; raises ExecutionError where it is not."""
    found = shutil.which("sbatch")
    if found is None:
        raise ExecutionError(
            "--submit: found no command sbatch; give this command where jobs of Slurm are "
            "submitted, or leave --submit out and take the script there"
        )
    return found


def submit(script: str, sbatch: str) -> str:
    """Give Slurm a script, and get the id of its job; raises ExecutionError where it refuses."""
    done = subprocess.run(
        [sbatch, "--parsable"],
        input=script,
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise ExecutionError(f"Slurm did not take the job: {said}")
    return done.stdout.strip().partition(";")[0]


def _wrong(option: str, value: str, allowed: str) -> Problem:
    return Problem(f"found {value!r}; give {allowed}", f"--{option}")
