"""How long does a whole study take, beside one transformers Trainer after another?

    python benchmarks/study_speed.py [CORPORA] [--device cuda]

The study is that of experiments/public_biomedical.yaml, recipe and arms, with fewer tasks and rows:
every task alone, all pairs, and the full mix. `transfer-study run` is given a fresh store, runs
what it has to, and writes its report. The loop is what a shell would run instead
(benchmarks/by_trainer.py): a process for every task alone, for every ordered pair A -> B one that
learns both and predicts B, and one for all tasks; with rows that were tokenised before, no dev set,
and no tables. `pairs once` leaves out the half of the pairs that learns again what the other half
has learned. Both learn the same rows as often, in batches of one size, with the same layers frozen,
the same arithmetic and as many threads in all, in turn, other seeds in every round.

Seconds are of the wall, and stages run through Ray. With one thread (OMP_NUM_THREADS=1) all is done
one after the other and without Ray, and seconds are of the CPU, so that other work counts little. A
start of the loop's is all that goes by until its Trainer begins.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations, product
from pathlib import Path

import numpy as np
import torch
import yaml
from by_trainer import Run
from side_by_side import (
    CORPORA,
    encoder_named,
    encoders,
    measuring,
    named,
    options,
    parse,
    precisions,
    ratio,
    write_study,
)

from transfer_study.data.encoders.find import encoder_folder
from transfer_study.data.tokens.encode import targets
from transfer_study.execute.materials import read_materials, tokenizer_of
from transfer_study.session.plans import make_plan
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "experiments" / "public_biomedical.yaml"
# The order in which tasks are taken: of few, one is a relation task and the others taggers.
TASKS = ("chemprot", "bc5cdr-chemical", "bc5cdr-disease", "ddi2013-type")


@dataclass(frozen=True)
class Loop:
    """What a round of the loop took: of each run its seconds until the Trainer began, and after."""

    starts: Sequence[float]
    works: Sequence[float]
    again: Sequence[bool]  # whether another run learns the same tasks

    def seconds(self, *, starts: bool = True, again: bool = True) -> float:
        """Of all runs, without their starts, or without pairs that another run learns."""
        runs = zip(self.starts, self.works, self.again, strict=True)
        return sum(start * starts + work for start, work, twice in runs if again or not twice)


def environment() -> dict[str, str]:
    """That of a process of either side."""
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": paths}


def own_cpu(given: argparse.Namespace) -> bool:
    """Whether seconds are of the processor, as where all is done by one thread of a CPU."""
    return bool(given.device == "cpu" and given.threads == 1)


def spent(given: argparse.Namespace) -> float:
    """The seconds so far, of the wall or of processes that have ended."""
    if not own_cpu(given):
        return time.monotonic()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_study(study: Path, seeds: Sequence[int], given: argparse.Namespace, folder: Path) -> float:
    """`transfer-study run` in a fresh store; the seconds that it took."""
    place = folder / f"seed{seeds[0]}"
    words = [sys.executable, "-m", "transfer_study", "run", str(study), "--quiet"]
    words += ["--data", str(given.data), "--set", f"seeds={list(seeds)}"]
    if given.device == "cuda":
        words += given.run.split()
    elif own_cpu(given):
        words += ["--executor", "in-process"]
    else:  # a stage has one thread: as many stages at a time as the Trainer has threads
        words += ["--workers", str(given.threads)]
    words += [w for n in ("store", "results", "plots") for w in (f"--{n}", str(place / n))]
    began = spent(given)
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=environment())
    return spent(given) - began


def run_loop(runs: Sequence[Run], seeds: Sequence[int], given: argparse.Namespace) -> Loop:
    """One process after another."""
    starts, works, again, learned = [], [], [], set()
    for seed, run in product(seeds, runs):
        file = Path(run.folder) / "run.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({**asdict(run), "seed": seed}), encoding="utf-8")
        script = str(ROOT / "benchmarks" / "by_trainer.py")
        began = spent(given)
        said = subprocess.run(
            [sys.executable, script, str(file)],
            check=True,
            capture_output=True,
            encoding="utf-8",
            env=environment(),
        )
        taken = spent(given) - began
        starts.append(json.loads(said.stdout.splitlines()[-1])["began"])
        works.append(taken - starts[-1])
        again.append((seed, frozenset(run.tasks)) in learned)
        learned.add((seed, frozenset(run.tasks)))
    return Loop(starts, works, again)


def loop_of(plan: Plan, given: argparse.Namespace, folder: Path) -> list[Run]:
    """The runs of a shell's loop, whose rows are written as this project has encoded them."""
    full = max(plan.stages, key=lambda stage: len(stage.tasks))
    recipe, rows = full.recipe, folder / "rows"
    outputs = dict(write_rows(full, rows))
    names = list(outputs)

    def run(*tasks: str) -> Run:
        return Run(
            encoder=str(encoder_folder(full.encoder)),
            rows=str(rows),
            tasks={name: outputs[name] for name in tasks},
            labels_words=[name for name in tasks if CORPORA[name][0]],
            mean_pooling=recipe.pooling == "mean",
            epochs=recipe.epochs,
            batch=recipe.batch_size,
            rate=recipe.learning_rate,
            decay=recipe.weight_decay,
            warmup=recipe.warmup,
            clip=recipe.max_gradient_norm,
            dropout=recipe.head_dropout,
            frozen=recipe.freeze_layers,
            bfloat16=recipe.precision == "bfloat16",
            device=given.device,
            threads=given.threads,
            own_cpu=own_cpu(given),
            seed=0,
            folder=str(folder / "trainer"),
        )

    alone = [run(name) for name in names]
    return [*alone, *(run(a, b) for a, b in permutations(names, 2)), run(*names)]


def write_rows(stage: Stage, folder: Path) -> Iterator[tuple[str, int]]:
    """Write the rows of every task of a stage; give each with the outputs of its head."""
    folder.mkdir()
    materials = read_materials(stage, tokenizer_of(stage), torch.device("cpu"))
    for name, material in materials.items():
        task = material.task
        written = {}
        for split in ("train", "test"):
            encoded = material.collators[split].encoded
            wanted = targets(task, material.data.split(split), encoded, stage.recipe)
            written[split] = [
                {"input_ids": i.tolist(), "attention_mask": [1] * len(i), "labels": w.tolist()}
                for i, w in zip(encoded.ids, map(np.asarray, wanted), strict=True)
            ]
        (folder / f"{name}.json").write_text(json.dumps(written), encoding="utf-8")
        yield name, len(stage.recipe.outputs(task))


def study_keys(encoder: Mapping[str, str], given: argparse.Namespace) -> dict[str, object]:
    """The public study with fewer tasks and rows."""
    public = yaml.safe_load(STUDY.read_text(encoding="utf-8"))
    precision = precisions(given.device)[-1]
    kept = {key: public[key] for key in ("arms", "readings", "margin", "correction")}
    return {
        **kept,
        "encoder": encoder,
        "tasks": list(TASKS[: given.tasks]),
        "limits": {"max_train": given.rows, "max_dev": 20, "max_test": given.held},
        "refine": {**public["refine"], "precision": precision, "epochs": given.epochs},
        "seeds": [0],
    }


def measure(name: str, given: argparse.Namespace, folder: Path) -> None:
    """Print the table of an encoder."""
    keys = study_keys(encoder_named(name, folder), given)
    study = write_study(folder / "speed.yaml", **keys)
    plan = make_plan(read_study(study, [], data=given.data))
    runs = loop_of(plan, given, folder)
    recipe = plan.stages[0].recipe
    print(
        f"\n{plan.stages[0].encoder.name}: {given.tasks} tasks of {given.rows} rows, "
        f"{given.seeds} seeds, {recipe.epochs} epochs, {recipe.freeze_layers} layers frozen, "
        f"{recipe.precision}; {given.rounds} rounds",
        flush=True,
    )
    ours: list[float] = []
    theirs: list[Loop] = []
    for n in range(given.rounds):
        seeds = range(n * given.seeds, (n + 1) * given.seeds)
        steps = [
            lambda seeds=seeds: ours.append(run_study(study, seeds, given, folder)),  # type: ignore[misc]
            lambda seeds=seeds: theirs.append(run_loop(runs, seeds, given)),  # type: ignore[misc]
        ]
        for step in steps[:: -1 if n % 2 else 1]:
            step()
    print(f"{'':<54}{'runs':>5}{'seconds':>9}  times this project")

    def line(said: str, count: int, seconds: Sequence[float]) -> None:
        print(f"{said:<54}{count:5}{np.median(seconds):9.1f}  {ratio(seconds, ours)}", flush=True)

    line("transfer-study run, report and all", given.seeds * len(plan.stages), ours)
    for again, said in ((True, "a Trainer a task, ordered pair and mix"), (False, "pairs once")):
        count = sum(again or not twice for twice in theirs[0].again)
        line(said, count, [t.seconds(again=again) for t in theirs])
        without = [t.seconds(starts=False, again=again) for t in theirs]
        line("  if they took no time to start", count, without)
    start = float(np.median([second for t in theirs for second in t.starts]))
    print(f"a Trainer's start: {start:.1f} s")


def main() -> int:
    """Print a table an encoder."""
    assert __doc__
    parser = options(__doc__, rows=64)
    encoders(parser)
    parser.set_defaults(rounds=1)
    parser.add_argument("--seeds", type=int, default=1, help="a round")
    parser.add_argument("--tasks", type=int, choices=(2, 3, 4), default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--run", default="", help="options of transfer-study run, with a GPU")
    given = parse(parser)
    with measuring(given) as folder:
        for name in named(given):
            (folder / name).mkdir()
            measure(name, given, folder / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
