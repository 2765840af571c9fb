"""The script of a job of Slurm: what it asks for, what it gives the study, and what it refuses."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Command
from transfer_study.cli.slurm import _OF_THE_JOB
from transfer_study.cli.verbs import command_of

SAID: dict[str, object] = {
    "settings": ["refine.epochs=3", "tasks.topics.domain=sea"],
    "fidelity": "0.5",
    "data": "/some where/it's",
    "store": "a 'b' \"c\" $HOME `d` \\ #e",
    "results": "$(results)",
    "plots": "-plots",
    "workers": 3,
    "cpus_per_stage": 0.5,
    "gpus_per_stage": 0.0,
    "keep_weights": "5GB",
    "max_seeds": 7,
    "looks": 2,
    "budget": "12h",
    "budget_share": 0.95,
    "keep_minutes": 3.0,
    "hang_after": "2h",
    "log_to": ["tensorboard"],
}
FLAGS = {"fail_fast", "changed", "until_decided", "predict", "as_json", "quiet", "verbose"}
BY_LOOKS = {"until_decided", "max_seeds", "looks"}
WITHIN_BUDGET = {"predict", "budget", "budget_share"}
WHOLE = ("--gpus-per-node", "0", "--cpus-per-node", "4", "--time", "12:00:00")


def given_to_run(script: str) -> list[str]:
    """What a shell makes of the words for `run`."""
    line = re.search(r"^STUDY_WORDS=.*?^$", script, re.MULTILINE | re.DOTALL)
    assert line is not None
    told = f"{line[0]}\nprintf '%s\\0' \"${{STUDY_WORDS[@]}}\""
    done = subprocess.run(["bash", "-c", told], capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[:-1]


def directives(script: str) -> dict[str, str]:
    lines = re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", script, re.MULTILINE)
    return dict(lines)


def test_every_option_of_run_is_tried() -> None:
    names = {parameter.name for parameter in command_of("run").params}
    assert names == {"study", *SAID, *FLAGS, *_OF_THE_JOB}, "say here what is new"


@pytest.mark.parametrize(
    "left_out",
    [{"fidelity", *WITHIN_BUDGET}, {*BY_LOOKS, *WITHIN_BUDGET}, {"fidelity", *BY_LOOKS}],
)
def test_run_is_given_every_option_as_it_was_said(
    small_study: Path,
    tmp_path: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    left_out: set[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    spelled = {parameter.name: parameter.opts[0] for parameter in command_of("run").params}
    words = [spelled[name] for name in FLAGS - left_out]
    for name, value in SAID.items():
        if name not in left_out:
            several = value if isinstance(value, list) else [value]
            words += [f"{spelled[name]}={one}" for one in several]
    code, script, told = command("slurm", str(small_study), *words, *WHOLE)
    assert code == 0, told
    meant = command_of("run").make_context("run", [str(small_study), *words]).params
    assert command_of("run").make_context("run", given_to_run(script)).params == meant


def test_the_script_asks_for_what_was_asked(
    small_study: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRANSFER_STUDY_STORE", "from a variable")
    asked = (
        *("--nodes", "4", "--gpus-per-node", "a100:8", "--time", "1-12", "--mem", "64G"),
        *("--partition", "gpu", "--account", "us", "--warning", "600", "--gpus-per-stage", "0.5"),
        *("--set", "refine.cpu_threads=3", "--sbatch=--qos=high", "--sbatch=--constraint=ib"),
    )
    code, script, told = command("slurm", str(small_study), *asked, "--output", "job.sbatch")
    assert (code, script, told) == (0, "", "")
    script = (tmp_path / "job.sbatch").read_text()
    assert script.startswith("#!/bin/bash\n#SBATCH ")
    assert (
        directives(script).items()
        >= {
            **{"job-name": "small", "nodes": "4", "gpus-per-node": "a100:8", "time": "1-12"},
            **{"cpus-per-task": "48", "mem": "64G", "partition": "gpu", "account": "us"},
            **{"signal": "B:USR1@600", "requeue": "", "open-mode": "append", "qos": "high"},
            **{"constraint": "ib", "output": "small-%j.log"},
        }.items()
    )
    assert "--store=from a variable" in given_to_run(script)
    subprocess.run(["bash", "-n", "job.sbatch"], check=True)
    assert command("slurm", str(small_study), *asked, "--output", "job.sbatch")[0] == 2
    assert {path.name for path in tmp_path.iterdir()} == {"small.yaml", "job.sbatch"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--time", "12h"), "--time: found '12h'; give minutes, hours:minutes:seconds"),
        (("--time", "1:2:3:4"), "--time: found '1:2:3:4'"),
        (("--time", "0"), "--time: found '0'"),
        (("--time", "٣"), "--time: found '٣'"),
        (("--time", "9" * 30), "--time: found '999"),
        (("--time", "5"), "more than the 300 seconds of --warning"),
        (("--nodes", "0"), "--nodes"),
        (("--gpus-per-node", "many"), "--gpus-per-node: found 'many'; give a number"),
        (("--cpus-per-node", "0"), "--cpus-per-node"),
        (("--set", "refine.cpu_threads=8"), "--cpus-per-node: found '4'; give at least 8"),
        (("--gpus-per-stage", "1"), "--gpus-per-stage: found '1'; give at most 0"),
        (("--mem", "much"), "--mem: found 'much'"),
        (("--partition", "a b"), "--partition: found 'a b'"),
        (("--account", "a\n#SBATCH --uid=0"), "--account: found"),
        (("--sbatch", "x"), "--sbatch: found 'x'"),
        (("--sbatch", "--a\nrm -rf x"), "--sbatch: found"),
        (("--warning", "1"), "--warning"),
        (("--set", "refine.epochs=many"), "refine.epochs"),
        (("--set", "encoder=/no/such/folder"), "/no/such/folder"),
        (("--until-decided",), "--max-seeds"),
        (("--predict",), "--predict goes with --budget or --budget-share"),
        (("--predict", "--budget", "a day"), "--budget: found 'a day'"),
        (("--hang-after", "soon"), "--hang-after"),
        (("--output", "no/such/folder/job"), "no/such/folder/job"),
        (("--address", "host:1"), "--address"),
        (("--submit",), "found no command sbatch"),
    ],
)
def test_what_slurm_or_run_would_refuse_is_refused_at_once(
    small_study: Path,
    tmp_path: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    code, out, told = command("slurm", str(small_study), "--output", "job", *WHOLE, *words)
    assert (code, out) == (2, "")
    assert said in told and "Traceback" not in told
    assert told.startswith(("error: ", "Usage: "))
    assert not told.startswith("error: ") or told.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"small.yaml"}


def test_who_takes_no_gpu_says_how_many_cpus(small_study: Path, command: Command) -> None:
    code, _, told = command("slurm", str(small_study), "--gpus-per-node", "0", "--time", "90")
    assert code == 2
    assert "say how many, e.g. --cpus-per-node 32" in told
