"""Which machines are given stages, and what makes one unlike another."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import transfer_study
from transfer_study.execute.cluster.machines import Machines
from transfer_study.execute.program import Program

PACKAGE = Path(transfer_study.__file__).parent


def machines(**living: str) -> Machines:
    return Machines(lambda: living)


def test_a_refused_machine_is_avoided_by_all_stages() -> None:
    known = machines(a="anna", b="bert")
    assert known.avoided("one") == () and known.left
    assert known.refuse("a", "has no store")
    assert not known.refuse("a", "is slow")  # known already, for the first reason
    assert known.refused == {"a": "anna has no store"}
    assert known.avoided("one") == ("a",) and known.left
    assert known.refuse("b", "is slow")
    assert not known.left


def test_a_stage_goes_to_each_machine_once() -> None:
    known = machines(a="anna", b="bert", c="carl")
    assert known.failed("a", "one")
    assert known.avoided("one") == ("a",) and known.avoided("two") == ()
    assert known.failed("c", "one")
    assert not known.failed("b", "one")  # it was everywhere


def test_two_failures_in_a_row_and_no_others_make_a_machine_unreliable() -> None:
    known = machines(a="anna", b="bert")
    known.failed("a", "one")
    known.succeeded("a")
    known.failed("a", "two")
    assert not known.unreliable("a")
    known.failed("a", "three")
    assert known.unreliable("a")


def test_the_last_machine_is_kept_however_often_stages_fail_on_it() -> None:
    known = machines(a="anna")
    for stage in ("one", "two", "three"):
        assert not known.failed("a", stage)
        assert not known.unreliable("a")
        assert known.avoided(stage) == ()


def test_machines_come_and_go() -> None:
    living = {"a": "anna"}
    known = Machines(lambda: living)
    assert not known.failed("a", "one")
    living["b"] = "bert"
    assert known.avoided("one") == ("a",)
    del living["b"]
    assert known.avoided("one") == ()


def program(folder: Path) -> Program:
    """What a process says of itself that runs the package in a folder."""
    code = (
        "from transfer_study.execute.program import Program as P; print(P.here().model_dump_json())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return Program.model_validate_json(done.stdout)


def test_one_line_of_code_makes_another_program(tmp_path: Path) -> None:
    here = Program.here()
    shutil.copytree(PACKAGE, tmp_path / "transfer_study", ignore=shutil.ignore_patterns("*.pyc"))
    assert program(tmp_path) == here and here.unlike(here) is None
    with (tmp_path / "transfer_study" / "learn" / "clip.py").open("a") as file:
        file.write("# other\n")
    assert here.unlike(program(tmp_path)) == (
        "has another transfer_study (its files differ) than where the study was started"
    )


@pytest.mark.parametrize("library", ["torch", "transformers", "tokenizers", "numpy"])
def test_another_version_makes_another_program(library: str) -> None:
    here = Program.here()
    other = here.model_copy(update={"versions": {**here.versions, library: "1.0"}})
    assert here.unlike(other) == (
        f"has {library} 1.0, where the study was started has {here.versions[library]}"
    )


def test_how_a_library_was_built_makes_no_other_program() -> None:
    """A cluster's first machine may have no GPU."""
    assert "+" not in Program.here().versions["torch"]
