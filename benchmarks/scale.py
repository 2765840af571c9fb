"""What do planning, status, tables, figures and the report cost as a study has more tasks?

    OMP_NUM_THREADS=1 python benchmarks/scale.py [--tasks 4 8 16 32 64 100] [--seeds 4]

Every stage of a study of made-up tasks is answered by chance, a task's classes more often rightly
with some partners than with others, and committed to a store; nothing is trained. Then each command
runs in a process of its own: its CPU seconds, those of its children too, and its peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import yaml

from transfer_study.data.fingerprints import load_tasks
from transfer_study.data.splits import TaskData
from transfer_study.data.streams import stream
from transfer_study.execute.processor import processor_name
from transfer_study.session.plans import make_plan
from transfer_study.store.predictions import Answers, predictions_bytes, predictions_file
from transfer_study.store.store import STAGE, Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.stage import Stage

TEST = 250  # examples a task
COMMANDS = (
    ("--help",),
    ("status", "STUDY"),
    ("plan", "STUDY"),
    ("report", "STUDY"),
    ("recommend", "STUDY", "--task", "task000"),
)


def write_study(folder: Path, tasks: int, seeds: int) -> Path:
    """A study of so many made-up tasks, with all pairs and the full mix."""
    study = {
        "name": f"scale{tasks}",
        "encoder": "tiny",
        "tasks": [
            {
                "name": f"task{n:03d}",
                "kind": "classification",
                "domain": f"domain{n % 5}",
                "labels": ["herb", "beast"],
                "source": {
                    "format": "synthetic",
                    "task": "relation",
                    **{"train": 20, "dev": 20, "test": TEST, "seed": n},
                },
            }
            for n in range(tasks)
        ],
        "arms": ["single", "full", "pairs"],
        "readings": ["refine"],
        "seeds": seeds,
        "margin": 0.01,
        "refine": {"epochs": 3, "precision": "float32"},
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    return path


def fill(study: Path, into: Path) -> int:
    """Answer and commit every stage of a study to a store; return how many."""
    read, store = read_study(study), Store(into)
    data, planned = load_tasks(read), make_plan(read)
    provenance = {
        **{"versions": {}, "host": "", "date": "2020-01-01", "device": "none"},
        **{"wall_seconds": 1.0, "peak_memory_bytes": 10**9},
    }
    for stage in planned:
        with store.attempt(stage) as folder:
            for name in stage.task_names:
                for split in ("dev", "test"):
                    answer(folder, stage, data[name], split)
            history = [
                {
                    **{"epoch": epoch, "updates": 2, "train_seconds": 1.0, "dev_seconds": 0.1},
                    **{"loss": dict.fromkeys(stage.task_names, 0.5)},
                    **{"dev": dict.fromkeys(stage.task_names, 0.5)},
                }
                for epoch in (1, 2, 3)
            ]
            lines = "".join(json.dumps(epoch) + "\n" for epoch in history)
            (folder / "history.jsonl").write_text(lines, encoding="utf-8")
            record = {
                "id": stage.id,
                "family": stage.family,
                "pre_image": stage.pre_image,
                "encoder": stage.encoder.name,
                "domains": {member.task.name: member.task.domain for member in stage.tasks},
                "selected_epoch": dict.fromkeys(stage.task_names, 3),
                "handed_on_epoch": 3,
                "provenance": provenance,
            }
            (folder / STAGE).write_text(json.dumps(record), encoding="utf-8")
            store.commit(stage, folder)
    return len(planned.stages)


def answer(folder: Path, stage: Stage, data: TaskData, split: str) -> None:
    """Write answers of which some eight in ten are right."""
    examples, task = data.split(split), data.task
    rng = stream("answers", stage.id, task.name, split)
    helped = stream("helped", *stage.task_names, task.name).normal(0, 0.03)
    right = rng.random(len(examples)) < 0.8 + helped
    gold = [str(example.label) for example in examples]
    other = dict(zip(task.labels, reversed(task.labels), strict=True))
    predicted = [label if ok else other[label] for label, ok in zip(gold, right, strict=True)]
    scores = [[1.0 if name == label else 0.0 for name in task.outputs] for label in predicted]
    answers = Answers(
        [example.id for example in examples],
        [example.document for example in examples],
        gold,
        predicted,
    )
    path = folder / predictions_file(stage, task.name, split)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(predictions_bytes(stage, task.name, split, answers, scores))


def cost(command: Sequence[str], most: float) -> tuple[float, float, int] | None:
    """CPU seconds, wall seconds and peak bytes of a command; None where it takes too long."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (int(most), int(most)))
        os.execv(sys.executable, [sys.executable, "-m", "transfer_study", *command])
    _, status, used = os.wait4(child, 0)
    if os.WIFSIGNALED(status):
        return None
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"{' '.join(command)} failed")
    return used.ru_utime + used.ru_stime, time.monotonic() - began, used.ru_maxrss * 1024


def main() -> int:
    """Print a row a number of tasks and command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, nargs="+", default=[4, 8, 16, 32, 64, 100])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--most", type=float, default=600, help="CPU seconds a command")
    options = parser.parse_args()
    print(f"{options.seeds} seeds, {TEST} test examples a task; one thread of {processor_name()}\n")
    print(f"{'tasks':>5} {'stages':>6}  {'command':<10} {'CPU s':>7} {'wall s':>7} {'MiB':>6}")
    for tasks in options.tasks:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            study = write_study(folder, tasks, options.seeds)
            # In a process of its own: the peak of a command is at least that of who starts it.
            with ProcessPoolExecutor(1) as pool:
                stages = pool.submit(fill, study, folder / "store").result()
            os.chdir(folder)
            os.environ |= {
                "TRANSFER_STUDY_STORE": str(folder / "store"),
                "TRANSFER_STUDY_RESULTS": str(folder / "results"),
                "TRANSFER_STUDY_PLOTS": str(folder / "plots"),
            }
            for verb, *words in COMMANDS:
                command = [verb, *(str(study) if word == "STUDY" else word for word in words)]
                took = cost(command, options.most)
                said = (
                    f"more than {options.most:.0f}"
                    if took is None
                    else f"{took[0]:7.1f} {took[1]:7.1f} {took[2] / 2**20:6.0f}"
                )
                print(f"{tasks:5} {stages:6}  {verb:<10} {said}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
