"""What does a training run cost, and what do kept states and small batches save of it?

    OMP_NUM_THREADS=1 python benchmarks/stage_cost.py DATA > benchmarks/stage_cost.txt

DATA holds `chemprot/`. One thread learns it by the recipe of experiments/mixing.yaml (four layers
of MiniLM) for three epochs, nothing frozen where nothing is said, in several ways, each with every
seed, in turn, so that whatever else the machine does meets all alike. Seconds are of the process's
own CPU, from the model's files to its answers; ratios are to the first way, seed by seed: the mean,
and least to most. F1 is micro-F1 of dev's best epoch and of test: mean, and least to most. The
second table has milliseconds an update.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import nn
from torch.optim import AdamW

from transfer_study.data.splits import TaskData, load
from transfer_study.data.tokens.encode import encode
from transfer_study.data.tokens.tokenizer import load_tokenizer
from transfer_study.execute.run_stage import quiet_libraries
from transfer_study.learn import batch
from transfer_study.learn.batch import Collator
from transfer_study.learn.material import Material
from transfer_study.learn.models.keep_prefix import keep_prefixes
from transfer_study.learn.models.model import build_model
from transfer_study.learn.models.stabilise import stabilise
from transfer_study.learn.optimise.bert_adam import BertAdam
from transfer_study.learn.optimise.clip import clip_each_norm, clip_norm
from transfer_study.learn.optimise.uncorrected_adamw import UncorrectedAdamW
from transfer_study.learn.train import train
from transfer_study.metrics import score
from transfer_study.store.store import Store
from transfer_study.study.encoder import Encoder
from transfer_study.study.file.study_file import read_study
from transfer_study.study.recipes.changes import Changes
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks.source import SPLITS

STUDY = Path(__file__).parents[1] / "experiments" / "mixing.yaml"
SIZES = {"max_train": 600, "max_dev": 100, "max_test": 600}
SEEDS = (100, 101, 102)
UPDATES = 15


@dataclass(frozen=True)
class Way:
    """A way to learn: what it changes of the recipe, and of the code as it is."""

    name: str
    changes: Changes = field(default_factory=Changes.to)
    kept: bool = False  # what the frozen layers answer
    fresh: bool = False  # nothing is in the store yet
    pieces: int = 1024  # in a batch of predictions


FROZEN = Changes.to(freeze_layers=3)
WAYS = (
    Way("1 layer frozen, run every time, predictions of 4,096 pieces", pieces=4096),
    Way("the same, predictions of 1,024 pieces"),
    Way("1 layer frozen, kept", kept=True),
    Way("3 layers frozen, run every time", FROZEN),
    Way("3 layers frozen, kept: the first stage", FROZEN, kept=True, fresh=True),
    Way("3 layers frozen, kept: all other stages", FROZEN, kept=True),
    Way("the same for 12 epochs", Changes.to(freeze_layers=3, epochs=12), kept=True),
)


@dataclass(frozen=True)
class Run:
    """What a run took, seconds, and how well it answered."""

    seconds: float
    dev: float
    test: float


def run(way: Way, data: TaskData, encoder: Encoder, recipe: Recipe, seed: int, store: Store) -> Run:
    """Learn as a stage does."""
    changed = way.changes.of(recipe)
    tokenizer = load_tokenizer(encoder)
    ids = tokenizer.pad_token_id, tokenizer.pad_token_type_id
    collators = {
        split: Collator(
            encode(data.task, data.split(split), tokenizer, changed),
            *ids,
            changed.max_length,
            torch.device("cpu"),
        )
        for split in SPLITS
    }
    materials = {data.task.name: Material(data, collators)}
    place = tempfile.TemporaryDirectory() if way.fresh else nullcontext(store.root)
    with place as root, patch.dict(batch._PREDICT_PIECES, cpu=way.pieces):
        began = time.process_time()
        model = build_model(encoder, None, [(data.task, data.key)], seed, changed)
        stabilise(model, changed, seed)
        if way.kept:
            prefixes = Store(Path(root)).prefixes
            materials = keep_prefixes(model, materials, changed.precision, prefixes)
        torch.manual_seed(seed)
        learned = train(model, materials, changed, seed, lambda _: None)
        seconds = time.process_time() - began
    answers = learned.predictions[data.task.name, "test"]
    best = max(epoch["dev"][data.task.name] for epoch in learned.history)
    test = score(data.task.metric, data.task, answers.gold, answers.labels, answers.documents)
    return Run(seconds, best, test)


def compare(data: TaskData, encoder: Encoder, recipe: Recipe) -> None:
    """All ways in turn, seed by seed; prints the first table."""
    runs: dict[str, list[Run]] = {way.name: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as root:
        store = Store(Path(root))
        for seed in (None, *SEEDS):
            for way in WAYS:
                if seed is None and not (way.kept and not way.fresh):
                    continue  # warms the store, and the processor
                taken = run(way, data, encoder, recipe, SEEDS[0] if seed is None else seed, store)
                if seed is not None:
                    runs[way.name].append(taken)
    print(f"{'':<60}{'CPU s':>6}  {'ratio':<20}{'dev F1':<20}{'test F1'}")
    usual = [taken.seconds for taken in runs[WAYS[0].name]]
    for name, of_way in runs.items():
        ratios = [taken.seconds / first for taken, first in zip(of_way, usual, strict=True)]
        seconds = np.mean([taken.seconds for taken in of_way])
        dev, test = ([100 * getattr(taken, part) for taken in of_way] for part in ("dev", "test"))
        print(
            f"{name:<60}{seconds:6.1f}  {_spread(ratios, 2):<20}{_spread(dev, 1):<20}"
            f"{_spread(test, 1)}"
        )


def _spread(values: Sequence[float], digits: int) -> str:
    mean, least, most = (f"{f(values):.{digits}f}" for f in (np.mean, np.min, np.max))
    return f"{mean} [{least}, {most}]"


@torch.no_grad()
def _bert_adam_by_a_loop(
    parameters: Iterable[nn.Parameter], state: dict[int, list[torch.Tensor]]
) -> None:
    """BertAdam as its formula is written, a parameter at a time."""
    for n, p in enumerate(parameters):
        assert p.grad is not None
        mean, square = state.setdefault(n, [torch.zeros_like(p), torch.zeros_like(p)])
        mean.lerp_(p.grad, 0.1)
        square.mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
        step = mean / (square.sqrt() + 1e-6)
        step.add_(p, alpha=0.01)
        p.add_(step, alpha=-1e-5)


def time_updates(encoder: Encoder) -> None:
    """Prints the second table: optimisers and clipping of all parameters."""
    model = build_model(encoder, None, [], 0, Recipe())
    parameters = list(model.parameters())
    for p in parameters:
        p.grad = 1e-3 * torch.randn_like(p)

    def groups() -> list[dict[str, object]]:
        # Of its own, for an optimiser writes its options into them.
        return [{"params": parameters, "weight_decay": 0.01}]

    def bert(*, infinity: bool) -> BertAdam:
        return BertAdam(groups(), lr=1e-5, factor=lambda _: 1.0, infinity=infinity)

    steps: dict[str, Callable[[], object]] = {
        "AdamW, a loop": AdamW(groups(), lr=1e-5, foreach=False).step,
        "AdamW, foreach": AdamW(groups(), lr=1e-5, foreach=True).step,
        "AdamW, fused (used)": AdamW(groups(), lr=1e-5, fused=True).step,
        "AdamW without bias correction, fused (used)": UncorrectedAdamW(groups(), lr=1e-5).step,
        "BertAdam, a loop": partial(_bert_adam_by_a_loop, parameters, {}),
        "BertAdam, fused (used)": bert(infinity=False).step,
        "BertAdamax, a loop (used)": bert(infinity=True).step,
        "clip to a norm, a loop": partial(nn.utils.clip_grad_norm_, parameters, 1.0, foreach=False),
        "clip to a norm, foreach (used)": partial(clip_norm, parameters, 1.0),
        "clip each, a loop": lambda: [nn.utils.clip_grad_norm_(p, 1.0) for p in parameters],
        "clip each, foreach (used)": partial(clip_each_norm, parameters, 1.0),
    }
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for n in range(UPDATES + 1):
        for name, step in steps.items():
            began = time.process_time()
            step()
            if n:  # the first makes room
                taken[name].append(1000 * (time.process_time() - began))
    count = sum(p.numel() for p in parameters)
    print(f"\nmilliseconds of CPU an update of {count / 1e6:.1f} million parameters (median)")
    for name, milliseconds in taken.items():
        print(f"{name:<60}{np.median(milliseconds):6.1f}")


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    data_folder = parser.parse_args().data
    if not (data_folder / "chemprot").is_dir():
        print(f"{data_folder} holds no folder chemprot; nothing was measured", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    quiet_libraries()
    study = read_study(STUDY, [], data=data_folder)
    task = next(task for task in study.tasks if task.name == "chemprot")
    limits = task.limits.model_copy(update=SIZES)
    data = load(task.model_copy(update={"limits": limits}))
    recipe = Changes.to(freeze_layers=0, epochs=3).of(study.refine)
    sizes = ", ".join(f"{len(data.split(split)):,} of {split}" for split in SPLITS)
    print(f"ChemProt, {sizes}; {len(SEEDS)} seeds; {recipe.epochs} epochs, one thread\n")
    (encoder,) = study.encoders
    compare(data, encoder, recipe)
    time_updates(encoder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
