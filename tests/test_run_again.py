"""A study that grows asks for weights that were not kept: on another processor, and in vain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import Command
from transfer_study.execute import start
from transfer_study.learn import train as train_module

SMALLER = ("--set", "seeds=1", "--set", "arms=[single, full]", "--executor", "in-process")


@pytest.fixture
def grown(command: Command, small_study: Path, tmp_path: Path) -> Any:
    """Runs the study with both readings; with one it has been run, and no weights were kept."""

    def run(reading: str) -> tuple[int, str, str]:
        places = (
            word
            for name in ("store", "results", "plots")
            for word in (f"--{name}", str(tmp_path / name))
        )
        options = (*SMALLER, "--keep-weights=0", "--set", f"readings={reading}")
        return command("run", str(small_study), *options, *places)

    code, _, error = run("[refine]")
    assert code == 0, error
    assert not (tmp_path / "store" / "models").exists()
    return run


def test_another_processor_goes_on_with_weights_of_its_own(
    grown: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = start.build_model

    def otherwise(*args: Any) -> Any:
        model = build(*args)
        with torch.no_grad():
            for head in model.heads.values():
                head.weight[0] += 0.5
        return model

    first = (tmp_path / "results" / "small" / "scores.csv").read_text()
    with monkeypatch.context() as patch:
        patch.setattr(start, "build_model", otherwise)
        code, _, error = grown("[refine, finetune]")
    assert code == 0, error
    assert "FAILED" not in error
    assert "begin from weights that were made later" in " ".join(error.split())
    report = (tmp_path / "results" / "small" / "report.md").read_text()
    assert "begin from weights that were made later" in report
    # The scores that were told stay those of the first run.
    scores = (tmp_path / "results" / "small" / "scores.csv").read_text()
    assert set(first.splitlines()[1:]) <= set(scores.splitlines())


def test_a_committed_stage_that_fails_when_run_again_fails_the_run(
    grown: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def refuse(*_: Any) -> None:
            raise RuntimeError("out of memory")

        patch.setattr(train_module, "train", refuse)
        code, _, error = grown("[refine, finetune]")
    assert code == 1
    assert "RuntimeError: out of memory" in error
    code, _, error = grown("[refine, finetune]")
    assert code == 0, error
