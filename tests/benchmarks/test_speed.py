"""Every benchmark of speed runs, with a small encoder and few rows, and says what it should."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FEW = ("--encoder", "small", "--rows", "16")


def run(script: str, *words: str) -> str:
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / script), *words],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def test_a_stage_is_timed_beside_the_trainer_and_the_products() -> None:
    said = run("stage_speed.py", *FEW, "--held", "8", "--rounds", "1", "--epochs", "1")
    command, _, *lines = said.splitlines()
    assert command.startswith("$ OMP_NUM_THREADS=1 python benchmarks/stage_speed.py --encoder")
    training, prediction = "\n".join(lines).split("\nprediction")
    # The best setting of the Trainer is compared with itself.
    assert re.search(r"^  Trainer.* 1\.00 \[1\.00, 1\.00\]", training, flags=re.MULTILINE)
    assert "4 layers frozen: all others" in training
    assert training.count("its matrix products alone") == training.count("  plain loop ")
    assert re.search(r"^  float32: .*matrix products \d+%", training, flags=re.MULTILINE)
    assert "Trainer, batches of 64, grouped" in prediction


def test_the_makespan_of_a_run_through_ray_is_no_shorter_than_its_bound() -> None:
    said = run("makespan.py", "--workers", "2", "--epochs", "1", "--seeds", "1", "--rows", "40")
    heading, line = (row.split() for row in said.splitlines()[-2:])
    found = dict(zip([*heading[:1], "mean", *heading[3:]], map(float, line[:-1]), strict=False))
    assert found["stages"] == 22
    assert found["ratio"] >= 1 and found["listed"] >= 1


@pytest.mark.usefixtures("benchmarks")
def test_bound_and_list_of_stages_of_known_length(tmp_path: Path) -> None:
    import makespan

    from transfer_study.execute.executor import Todo

    plan = makespan.study_of(tmp_path, epochs=1, seeds=1, rows=20)
    alike = {stage.id: 2.0 for stage in plan.stages}
    assert makespan.bound(plan, alike, workers=1) == 44
    assert makespan.bound(plan, alike, workers=100) == 4  # a stage that starts from another's
    assert makespan.listed(Todo(plan, ()), alike, workers=1) == 44
    assert makespan.listed(Todo(plan, ()), alike, workers=100) == 4
    assert makespan.gaps([0, 1, 4, 6], [3, 5.5, 9, 9], workers=2) == [1, 0.5]


@pytest.mark.usefixtures("benchmarks")
def test_the_operations_of_a_model_are_those_of_its_products() -> None:
    from products import Size

    # One layer of size 2, its inner layer of 8, for one text of 3 pieces: the weights are
    # 4 * 2 * 2 + 2 * 2 * 8 = 48; attention takes 2 * 3 * 3 * 2 multiplications.
    assert Size(1, 2, 8, 1).operations([3]) == 3 * 2 * (48 * 3 + 36)


def test_memory_of_training_is_a_part_of_the_process() -> None:
    said = run("stage_memory.py", *FEW, "--way", "this project")
    lines = [line.split() for line in said.splitlines() if line.startswith("  this project")]
    assert lines
    for *_, process, training, gpu in lines:
        assert 0 <= int(training) < int(process.replace(",", ""))
        assert gpu == "-"


@pytest.mark.usefixtures("benchmarks")
def test_a_pair_is_learned_by_the_trainer_from_rows_of_ours(tmp_path: Path) -> None:
    import argparse

    import study_speed
    from side_by_side import CORPORA, encoder_named, make_up, write_study

    from transfer_study.session.plans import make_plan
    from transfer_study.study.file.study_file import read_study

    for name in CORPORA:
        make_up(name, tmp_path / "corpora" / name, rows=20)
    given = argparse.Namespace(rows=16, held=8, tasks=2, epochs=1, device="cpu", threads=1)
    keys = study_speed.study_keys(encoder_named("small", tmp_path), given)
    study = write_study(tmp_path / "speed.yaml", **keys)
    plan = make_plan(read_study(study, [], data=tmp_path / "corpora"))
    runs = study_speed.loop_of(plan, given, tmp_path)
    assert [list(run.tasks) for run in runs[:4]] == [
        ["bc5cdr-chemical"],
        ["chemprot"],
        ["bc5cdr-chemical", "chemprot"],
        ["chemprot", "bc5cdr-chemical"],
    ]
    rows = json.loads((tmp_path / "rows" / "bc5cdr-chemical.json").read_text("utf-8"))
    assert len(rows["train"]) == 16 and set(rows["train"][0]["labels"]) <= {-100, 0, 1, 2}
    loop = study_speed.run_loop(runs[2:4], [0], given)
    assert loop.again == [False, True]
    assert 0 < loop.seconds(again=False) < loop.seconds()
    assert loop.seconds(starts=False) == pytest.approx(sum(loop.works))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_study_is_timed_beside_a_loop_of_trainers() -> None:
    said = run("study_speed.py", *FEW, "--held", "8", "--tasks", "2", "--epochs", "1")
    assert re.search(r"^transfer-study run, report and all +3 .*1\.00 ", said, flags=re.MULTILINE)
    assert re.search(r"^a Trainer a task, ordered pair and mix +5 ", said, flags=re.MULTILINE)
    assert "a Trainer's start" in said
