"""Weights: kept for what a study may yet ask, told by `plan`, and removed by `prune`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.conftest import Command

SMALLER = ("--set", "seeds=1", "--set", "arms=[single, full]")
REFINE = ("--set", "readings=[refine]")
BOTH = ("--set", "readings=[refine, finetune]")

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    command: Command, small_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Call:
    """Calls a verb for the small study (`STUDY`), its places below the test's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRANSFER_STUDY_EXECUTOR", "in-process")
    monkeypatch.delenv("TRANSFER_STUDY_KEEP_WEIGHTS", raising=False)

    def call(*words: str) -> tuple[int, str, str]:
        return command(*(str(small_study) if word == "STUDY" else word for word in words))

    return call


def told(call: Call, *words: str) -> dict[str, Any]:
    code, out, error = call(*words, "--json")
    assert code == 0, error
    return json.loads(out)


def committed() -> dict[str, int]:
    """When each stage was committed, by its folder's name."""
    folders = Path("results/stages/stages").iterdir()
    return {folder.name: (folder / "result.json").stat().st_mtime_ns for folder in folders}


def models() -> dict[str, int]:
    return {f.name: f.stat().st_ino for f in Path("results/stages/models").glob("*")}


def lines(error: str, word: str) -> list[str]:
    return [line for line in error.splitlines() if f"  {word}  " in line]


def test_a_reading_is_added_and_nothing_runs_twice(call: Call) -> None:
    code, _, error = call("run", "STUDY", *SMALLER, *REFINE)
    assert (code, len(lines(error, "done"))) == (0, 4), error
    before, kept = committed(), models()
    assert len(kept) == 4  # three tasks and the full mix
    coming = told(call, "plan", "STUDY", *SMALLER, *BOTH)
    assert [stage["kind"] for stage in coming["stages"] if not stage["done"]] == 9 * ["finetune"]
    assert coming["disk"]["needed"] == {"stages": 0, "bytes": 0}

    code, _, error = call("run", "STUDY", *SMALLER, *BOTH)
    assert (code, len(lines(error, "done"))) == (0, 9), error
    assert not any(
        "refine-" in line.split()[2].partition("-from-")[0] for line in lines(error, "done")
    )
    after = committed()
    assert {name: after[name] for name in before} == before
    assert {name: models()[name] for name in kept} == kept

    # Everything is done, so that nothing wants the weights; what stages answered stays.
    shown = told(call, "prune")
    assert {one["name"] for one in shown["unwanted"]} == set(models())
    assert not any(one["removed"] for one in shown["unwanted"])
    assert models()
    assert not told(call, "prune", "STUDY", *SMALLER, *BOTH)["unwanted"]
    code, out, _ = call("prune", "--yes")
    assert code == 0
    assert f"Removed {len(shown['unwanted'])} folders" in out
    assert (models(), committed()) == ({}, after)
    assert not any(Path("results/stages/attempts").iterdir())
    assert "Nothing to remove" in call("prune", "--yes")[1]

    # A new arm wants some of them back, whose stages alone are trained again.
    wider = ("--set", "seeds=1", "--set", "arms=[single, full, heads-only]", *REFINE)
    code, _, error = call("run", "STUDY", *wider, "--keep-weights=0")
    assert code == 0, error
    assert committed().items() >= after.items()
    # Three refinements of one task again, three of pairs, and a head on each for each task.
    assert len(lines(error, "done")) == 3 + 3 + 9
    assert len(models()) == 6
    assert len(models().keys() & kept.keys()) == 3


def test_nothing_is_kept_beyond_need_where_that_is_said(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSFER_STUDY_KEEP_WEIGHTS", "0")
    assert call("run", "STUDY", *SMALLER, *REFINE)[0] == 0
    assert models() == {}
    coming = told(call, "plan", "STUDY", *SMALLER, *BOTH)
    assert coming["disk"]["needed"]["stages"] == 4
    assert coming["disk"]["kept_for_others"]["stages"] == 0
    assert call("run", "STUDY", *SMALLER, *BOTH)[0] == 0
    assert len(models()) == 4


def test_the_limit_is_of_all_models_of_the_store_and_forecast(call: Call) -> None:
    alone = ("--set", "seeds=1", "--set", "arms=[single]", *REFINE)
    every = told(call, "plan", "STUDY", *alone)["disk"]
    assert every["kept_for_others"]["stages"] == 3
    one = every["kept_for_others"]["bytes"] // 3
    limit = f"--keep-weights={int(2.5 * one)}"
    disk = told(call, "plan", "STUDY", *alone, limit)["disk"]
    assert disk["kept_for_others"] == {"stages": 2, "bytes": 2 * one}
    assert disk["not_kept"] == {"stages": 1, "bytes": one}
    said = " ".join(call("plan", "STUDY", *alone, limit)[1].split())
    assert "the weights of 2 stages that other readings and arms could start from" in said
    assert "No room is left for the weights of 1 stage" in said

    assert call("run", "STUDY", *alone, limit)[0] == 0
    assert len(models()) == 2
    sizes = [f.stat().st_size for f in Path("results/stages/models").rglob("*.safetensors")]
    assert sum(sizes) == pytest.approx(2 * one, rel=0.05)
    # What is there counts: another seed finds no room, though what it needs is kept.
    more = ("--set", "seeds=2", "--set", "arms=[single]")
    disk = told(call, "plan", "STUDY", *more, *REFINE, limit)["disk"]
    assert disk["kept_for_others"]["stages"] == 0
    assert disk["not_kept"]["stages"] == 3
    assert told(call, "plan", "STUDY", *more, *BOTH, limit)["disk"]["needed"]["stages"] == 4


def test_soft_sharing_keeps_an_encoder_a_task(call: Call) -> None:
    pairs = ("--set", "seeds=1", "--set", "arms=[single, soft]", "--set", "refine.soft_weight=1")
    disk = told(call, "plan", "STUDY", *pairs, *REFINE)["disk"]["kept_for_others"]
    assert disk["stages"] == 6
    alone = told(call, "plan", "STUDY", "--set", "seeds=1", "--set", "arms=[single]", *REFINE)
    assert disk["bytes"] == 3 * alone["disk"]["kept_for_others"]["bytes"]


def test_what_cannot_fit_is_refused_before_anything_is_written(call: Call, tmp_path: Path) -> None:
    shape = "encoder.tiny={hidden_size: 200000, layers: 5000, heads: 2}"
    huge = (*SMALLER, "--set", shape)
    before = sorted(tmp_path.rglob("*"))
    code, out, error = call("run", "STUDY", *huge, *BOTH)
    assert (code, out) == (2, "")
    (line,) = (line for line in error.splitlines() if line.startswith("error: "))
    assert "PB for weights that its stages start from" in line
    assert "transfer-study prune" in line
    assert sorted(tmp_path.rglob("*")) == before
    code, out, _ = call("plan", "STUDY", *huge, *BOTH)
    assert code == 0
    assert "That does not fit" in out
    # Weights that are only wished for are let go.
    disk = told(call, "plan", "STUDY", *huge, *REFINE)["disk"]
    assert (disk["fits"], disk["kept_for_others"]["stages"]) == (True, 0)


@pytest.mark.parametrize("size", ["5 XB", "-1", "lots", "nan"])
def test_a_size_that_is_none_is_told(call: Call, size: str, tmp_path: Path) -> None:
    code, _, error = call("run", "STUDY", f"--keep-weights={size}")
    assert code == 2
    assert f"found {size!r}; give a size such as 5GB" in error
    assert not (tmp_path / "results").exists()


def test_an_unfinished_study_keeps_what_it_wants(call: Call) -> None:
    assert call("run", "STUDY", *SMALLER, *BOTH)[0] == 0
    (lost, *_) = sorted(
        record.parent
        for record in Path("results/stages/stages").glob("*/stage.json")
        if "-from-refine-" in json.loads(record.read_text())["family"]
    )
    for name in ("gold.parquet", "predictions.parquet"):  # where its answers still are
        next(Path("results").glob(f"*/{name}")).unlink()
    for file in lost.rglob("*"):
        if file.is_file():
            file.unlink()
    for folder in (lost / "predictions", lost):
        folder.rmdir()
    shown = told(call, "prune", "--yes")
    ((kept,),) = (shown["wanted"]["unfinished studies"],)
    assert list(models()) == [kept["name"]]
    code, _, error = call("run", "STUDY", *SMALLER, *BOTH)
    assert (code, len(lines(error, "done"))) == (0, 1), error


def test_results_go_only_where_asked_and_unknown(call: Call) -> None:
    assert call("run", "STUDY", *SMALLER, *REFINE)[0] == 0
    before = committed()
    other = ("--set", "seeds=[7]", "--set", "arms=[single]", *REFINE)
    assert call("run", "STUDY", *other, "--results=others", "--plots=others")[0] == 0
    assert call("prune", "--with-results")[0] == 2
    assert len(committed()) == 7
    assert not told(call, "prune", "STUDY", *other, "--with-results", "--results=others")["wanted"][
        "studies that were named"
    ][3:]
    shown = told(call, "prune", "STUDY", *SMALLER, *REFINE, "--with-results", "--yes")
    assert {one["part"] for one in shown["unwanted"]} == {"models", "stages"}
    assert committed() == before


def test_a_record_that_cannot_be_read_stops_it(call: Call) -> None:
    assert call("run", "STUDY", *SMALLER, *REFINE)[0] == 0
    Path("results/small/stages.json").write_text("{")
    code, out, error = call("prune", "--yes")
    assert (code, out) == (2, "")
    assert "stages.json cannot be read" in error
    assert len(models()) == 4


def test_a_store_that_is_not_there_is_not_made(call: Call, tmp_path: Path) -> None:
    code, out, _ = call("prune", "--yes")
    assert code == 0
    assert "Nothing to remove" in out
    assert not (tmp_path / "results").exists()


def test_what_a_run_counts_on_stays_while_it_goes_on(
    call: Call, small_study: Path, tmp_path: Path
) -> None:
    assert call("run", "STUDY", *SMALLER, *REFINE)[0] == 0
    before = models()
    # Stages that go on until they are killed, of a study that `prune` knows nothing of.
    endless = (*SMALLER, *BOTH, "--set", "finetune.epochs=5000", "--keep-weights=0", "-q")
    words = ["run", str(small_study), *endless, "--results=elsewhere", "--plots=elsewhere"]
    with subprocess.Popen([sys.executable, "-m", "transfer_study", *words], cwd=tmp_path) as run:
        try:
            deadline = time.monotonic() + 150
            while not list(Path("results/stages/attempts").glob("*/running.json")):
                assert run.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
            shown = told(call, "prune", "--yes", "--results=nothing")
        finally:
            run.kill()
    assert {one["name"] for one in shown["wanted"]["running processes"]} == before.keys()
    assert models() == before
    # The study that was killed is unfinished, and wants them; nobody else does.
    (kept,) = told(call, "prune", "--results=elsewhere")["wanted"].values()
    assert {one["name"] for one in kept} == before.keys()
    assert len(told(call, "prune", "--yes", "--results=nothing")["unwanted"]) == len(before)
    assert not models()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize(("answer", "left"), [("n", True), ("y", False)])
def test_in_a_terminal_it_asks(tmp_path: Path, answer: str, left: bool) -> None:
    lost = tmp_path / "store" / "models" / "lost"
    lost.mkdir(parents=True)
    (lost / "model.safetensors").write_bytes(bytes(53_000))
    words = ["-m", "transfer_study", "prune", "--store=store"]
    environment = {**os.environ, "TERM": "dumb"}
    terminal = pexpect.spawn(
        sys.executable, words, cwd=str(tmp_path), env=environment, timeout=60, encoding="utf-8"
    )
    terminal.expect("53.0 KB")
    terminal.expect("Remove it\\?")
    terminal.sendline(answer)
    terminal.expect("Removed 1 folder, 53.0 KB" if not left else "Nothing was removed")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert lost.exists() is left
