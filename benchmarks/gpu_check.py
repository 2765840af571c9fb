"""Does what is meant for a GPU do the same there as without it, and what does it gain?

    python benchmarks/gpu_check.py [--data FOLDER] [--encoder FOLDER]

First what must hold: replayed updates come to the weights of updates made one after the other,
dropout is drawn anew in every replay and follows from the seed, an epoch reads nothing on the host,
predictions are the same. A check that fails ends it with exit code 1. Then updates and sequences a
second, replayed and not. Without data it takes made-up texts. On a machine without a GPU all of it
runs on the CPU, where a replay is the step itself, so that the script can be tried there.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from transfer_study.data.splits import TaskData, load
from transfer_study.data.tokens.encode import encode, targets
from transfer_study.data.tokens.mixing import Update, mixed_batches
from transfer_study.data.tokens.tokenizer import load_tokenizer
from transfer_study.execute.processor import processor_name
from transfer_study.execute.run_stage import set_up_torch
from transfer_study.learn.batch import Collator
from transfer_study.learn.material import Material
from transfer_study.learn.models.model import build_model
from transfer_study.learn.predict import row_logits
from transfer_study.learn.replay import CudaGraphs, ReplayedUpdates, Step
from transfer_study.learn.updates import Updates, build_courses
from transfer_study.study.encoder import Encoder
from transfer_study.study.file.study_file import read_study
from transfer_study.study.recipes.recipe import Recipe

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
PUBLIC, DEMO = EXPERIMENTS / "public_biomedical.yaml", EXPERIMENTS / "demo.yaml"


def own_step(step: Step) -> Step:
    """What a replay is where nothing can be recorded."""
    return step


@dataclass(frozen=True)
class Bench:
    """Tasks and an encoder on a device, learned again and again from the same start."""

    device: torch.device
    encoder: Encoder
    data: list[TaskData]
    materials: dict[str, Material]

    @classmethod
    def of(cls, device: torch.device, encoder: Encoder, data: list[TaskData], length: int) -> Bench:
        """Encode the tasks for a device."""
        tokenizer = load_tokenizer(encoder)
        padding = tokenizer.pad_token_id, tokenizer.pad_token_type_id
        materials = {
            of.task.name: Material(
                of,
                {
                    split: Collator(
                        encode(of.task, of.split(split), tokenizer, Recipe(max_length=length)),
                        *padding,
                        length,
                        device,
                    )
                    for split in ("train", "test")
                },
            )
            for of in data
        }
        return cls(device, encoder, data, materials)

    def epochs(self, recipe: Recipe, seed: int) -> Iterator[list[Update]]:
        """The updates of each epoch."""
        lengths = {n: m.collators["train"].encoded.lengths for n, m in self.materials.items()}
        keys = {n: m.data.key for n, m in self.materials.items()}
        return mixed_batches(lengths, keys, recipe, seed)

    def start(self, recipe: Recipe, seed: int, *, dropout: bool, replayed: bool) -> Any:
        """A model at its start and its updates."""
        tasks = [(of.task, of.key) for of in self.data]
        model = build_model(self.encoder, None, tasks, 0, recipe).to(self.device)
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout) and not dropout:
                module.p = 0.0
        first = next(self.epochs(recipe, 0))
        goals = {
            name: targets(m.task, m.data.train, m.collators["train"].encoded, recipe)
            for name, m in self.materials.items()
        }
        given = (model, self.materials, goals, recipe, build_courses(model, recipe, first))
        torch.manual_seed(seed)
        if not replayed:
            return model, Updates(*given)
        record = CudaGraphs() if self.device.type == "cuda" else own_step
        return model, ReplayedUpdates(*given, record=record)

    def learn(self, recipe: Recipe, seed: int = 0, **how: bool) -> tuple[Any, Any, list[float]]:
        """Learn all epochs; the model, its updates and the losses."""
        model, updates = self.start(recipe, seed, **how)
        losses = [
            loss
            for epoch in self.epochs(recipe, 0)
            for told in updates(epoch)
            for loss in told.values()
        ]
        return model, updates, [float(loss) for loss in losses]

    def wait(self) -> None:
        """Until the device has done all that it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()


@contextmanager
def nothing_read(device: torch.device) -> Iterator[None]:
    """Within it a number that is read from the device is an error."""
    if device.type != "cuda":
        yield
        return
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def check(name: str, holds: bool, said: str) -> bool:
    """Print what was found; whether it holds."""
    print(f"{'ok  ' if holds else 'FAIL'} {name}: {said}", flush=True)
    return holds


def correctness(bench: Bench, recipe: Recipe) -> bool:
    """Whether all that must hold does."""
    exact = recipe.model_copy(update={"precision": "float32", "head_dropout": 0.0})
    plain, _, losses = bench.learn(exact, dropout=False, replayed=False)
    model, updates, again = bench.learn(exact, dropout=False, replayed=True)
    fine = check("recording", updates.fault is None, updates.fault or "every shape was recorded")
    fine &= check("replays", updates.replayed > 0, f"{updates.replayed} of {len(again)} updates")
    apart = max(abs(a - b) for a, b in zip(losses, again, strict=True))
    fine &= check("losses", apart < 1e-3, f"at most {apart:.1e} apart over {len(losses)} updates")
    there = model.state_dict()
    gaps = {
        name: float((tensor - there[name]).abs().max())
        for name, tensor in plain.state_dict().items()
        if "key.bias" not in name and tensor.is_floating_point()
    }
    worst = max(gaps, key=gaps.__getitem__)
    fine &= check("weights", gaps[worst] < 1e-3, f"at most {gaps[worst]:.1e} apart ({worst})")
    for task in (of.task for of in bench.data):
        test = bench.materials[task.name].collators["test"]
        one, two = (row_logits(m, task, test, exact.precision) for m in (plain, model))
        gap = max(float(np.abs(a - b).max()) for a, b in zip(one, two, strict=True))
        fine &= check(f"answers of {task.name}", gap < 1e-2, f"logits at most {gap:.1e} apart")
    runs = [bench.learn(recipe, seed, dropout=True, replayed=True)[2] for seed in (1, 1, 2)]
    fine &= check("dropout follows the seed", runs[0] == runs[1] != runs[2], "three runs")
    finite = all(np.isfinite(run).all() for run in runs)
    fine &= check(
        "dropout learns",
        finite and np.mean(runs[0][-20:]) < np.mean(runs[0][:20]),
        (f"loss {np.mean(runs[0][:20]):.3f} to {np.mean(runs[0][-20:]):.3f}"),
    )
    _, updates = bench.start(recipe, 0, dropout=True, replayed=True)
    first, second, *_ = bench.epochs(recipe.model_copy(update={"epochs": 3}), 0)
    whole = [update for update in second if len(update[0][1]) == recipe.batch_size]
    for _ in range(2):
        for _ in updates(first):
            pass
    seen = [u for u in whole if known(updates, u)]
    try:
        with nothing_read(bench.device):
            for _ in updates(seen):
                pass
        said = ""
    except RuntimeError as error:
        said = str(error).split("\n", 1)[0]
    return fine & check("nothing is read on the host", not said, said or f"{len(seen)} updates")


def known(updates: ReplayedUpdates, update: Update) -> bool:
    """Whether the shape of an update was recorded."""
    ((name, rows),) = update
    shape = updates._shapes.get((name, updates._residents[name].width(rows)))
    return shape is not None and shape.replay is not None


def speed(bench: Bench, recipe: Recipe, rounds: int) -> None:
    """Print updates and sequences a second, in turns, from the second epoch on."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(rounds):
        for replayed, found in rates.items():
            _, updates = bench.start(recipe, 0, dropout=True, replayed=replayed)
            first, *further = bench.epochs(recipe, 0)
            for _ in updates(first):
                pass
            bench.wait()
            began = time.perf_counter()
            for epoch in further:
                for _ in updates(epoch):
                    pass
            bench.wait()
            found.append(sum(map(len, further)) / (time.perf_counter() - began))
    for replayed, found in rates.items():
        middle = statistics.median(found)
        print(
            f"{'replayed' if replayed else 'one kernel after the other':<28}"
            f"{middle:8.1f} updates/s {middle * recipe.batch_size:9.0f} sequences/s"
        )
    ratios = [two / one for one, two in zip(*rates.values(), strict=True)]
    print(f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def main() -> int:
    """Check, then measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="holds what public_biomedical.yaml needs")
    parser.add_argument("--encoder", help="a folder; else the study's")
    parser.add_argument("--train", type=int, default=640, help="examples a task")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    device = set_up_torch(torch.get_num_threads())
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
    study = read_study(PUBLIC if options.data else DEMO, [], data=options.data)
    (encoder,) = study.encoders
    if options.encoder:
        encoder = Encoder(name=Path(options.encoder).name, source=options.encoder)
    limits = {"max_train": options.train, "max_dev": 20, "max_test": 200}
    data = [
        load(task.model_copy(update={"limits": task.limits.model_copy(update=limits)}))
        for task in study.tasks
    ]
    print(
        f"{name}; torch {torch.__version__}; {encoder.name}; {', '.join(map(str, limits.items()))}"
    )
    bench = Bench.of(device, encoder, data, 128)
    recipe = Recipe(epochs=3, batch_size=32, learning_rate=1e-4, max_length=128)
    fine = correctness(bench, recipe)
    for precision in ("float32", "bfloat16"):
        print(f"\n{precision}, batches of {recipe.batch_size}")
        speed(bench, recipe.model_copy(update={"precision": precision}), options.rounds)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
