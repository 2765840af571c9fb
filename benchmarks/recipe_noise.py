"""How much does a run scatter over seeds, by what a recipe does, and at what cost?

    OMP_NUM_THREADS=1 python benchmarks/recipe_noise.py ../shared/data/blue --task chemprot

Every way learns the same rows of a task with the same seeds. Nothing of the test split is read: the
last epoch is scored on rows of dev that chose nothing. What counts is the variance over seeds times
the cost, which is how much computing an equally precise mean takes; below 1 is better than the
first way. Averages of weights are taken along the first way's own updates.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from scipy.stats import chi2
from torch import Tensor

from transfer_study.data.splits import TaskData, load
from transfer_study.data.tokens.encode import encode
from transfer_study.data.tokens.mixing import Update
from transfer_study.data.tokens.tokenizer import load_tokenizer
from transfer_study.execute.run_stage import quiet_libraries
from transfer_study.learn import replay
from transfer_study.learn.batch import Collator
from transfer_study.learn.material import Material
from transfer_study.learn.models.keep_prefix import keep_prefixes
from transfer_study.learn.models.model import build_model
from transfer_study.learn.models.stabilise import stabilise
from transfer_study.learn.predict import predict
from transfer_study.learn.train import train
from transfer_study.learn.updates import Updates
from transfer_study.metrics import score
from transfer_study.store.store import Store
from transfer_study.study.encoder import Encoder
from transfer_study.study.file.study_file import read_study
from transfer_study.study.recipes.changes import Changes
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks.source import SPLITS

STUDY = Path(__file__).parents[1] / "experiments" / "public_biomedical.yaml"
TRAIN, DEV, HELD = 800, 20, 1000

WAYS = {
    "as the study does": Changes.to(),
    "warm-up over 30% of the updates": Changes.to(warmup=0.3),
    "half the rate": Changes.to(learning_rate=2e-4),
    "half the rate, twice the epochs": Changes.to(learning_rate=2e-4, epochs=6),
    "batches of 32": Changes.to(batch_size=32),
    "batches of 8, half the rate": Changes.to(batch_size=8, learning_rate=2e-4),
    "layer decay 0.7": Changes.to(layer_decay=0.7),
    "top layer drawn anew": Changes.to(reinit_layers=1),
    "5 layers frozen": Changes.to(freeze_layers=5),
}
DECAYS = (0.9, 0.97)  # of exponential moving averages
LAST = (0.25, 0.5)  # the last share of all updates, of which weights are averaged


@dataclass(frozen=True)
class Run:
    """The CPU seconds of a run and its score on held-out rows."""

    seconds: float
    score: float


class Averaging(Updates):
    """Updates that also average the weights that they lead to."""

    def __call__(self, batches: Iterable[Update]) -> Iterator[dict[str, Tensor]]:
        """As of any stage; averages are taken after each update."""
        batches = list(batches)
        if not hasattr(self, "_done"):
            self._done, self._total = 0, len(batches) * self._recipe.epochs
            self.moved = [p for p in self._model.parameters() if p.requires_grad]
            names = (*(f"moving average of weights, decay {d}" for d in DECAYS),)
            names += (*(f"mean of weights over the last {share:.0%}" for share in LAST),)
            self.averages = {name: [p.detach().clone() for p in self.moved] for name in names}
        for item in super().__call__(batches):
            yield item
            self._done += 1
            for average, weight in zip(self.averages.values(), self._shares(), strict=True):
                if weight:
                    with torch.no_grad():
                        torch._foreach_lerp_(average, self.moved, weight)

    def _shares(self) -> Iterator[float]:
        """What share of each average the present weights get."""
        for decay in DECAYS:
            # A young average forgets faster, or the start would stay in it.
            yield 1 - min(decay, (1 + self._done) / (10 + self._done))
        for share in LAST:
            since = self._done - round(self._total * (1 - share))
            yield 1 / since if since > 0 else 0.0


class Bench:
    """One task, its rows encoded once, learned again and again."""

    def __init__(self, data: TaskData, encoder: Encoder, recipe: Recipe, store: Store) -> None:
        tokenizer = load_tokenizer(encoder)
        ids = tokenizer.pad_token_id, tokenizer.pad_token_type_id
        self._data, self._encoder, self._recipe, self._store = data, encoder, recipe, store
        self._collators = {
            split: Collator(
                encode(data.task, data.split(split), tokenizer, recipe),
                *ids,
                recipe.max_length,
                torch.device("cpu"),
            )
            for split in SPLITS
        }

    def run(self, name: str, changes: Changes, seed: int) -> dict[str, Run]:
        """Learn as a stage does; of the first way, its averages of weights as well."""
        recipe, data = changes.of(self._recipe), self._data
        materials = {data.task.name: Material(data, self._collators)}
        model = build_model(self._encoder, None, [(data.task, data.key)], seed, recipe)
        stabilise(model, recipe, seed)
        materials = keep_prefixes(model, materials, recipe.precision, self._store.prefixes)
        made: list[Averaging] = []

        def updates(*arguments: object) -> Updates:
            made.append(Averaging(*arguments))
            return made[-1]

        torch.manual_seed(seed)
        began = time.process_time()
        with patch.object(replay, "Updates", updates if changes == Changes.to() else Updates):
            train(model, materials, recipe, seed, lambda _: None)
        seconds = time.process_time() - began
        (material,) = materials.values()

        def held() -> float:
            test = material.collators["test"]
            said = predict(model, data.task, data.test, test, recipe.precision)
            return score(data.task.metric, data.task, said.gold, said.labels, said.documents)

        runs = {name: Run(seconds, held())}
        for of_average in made:
            for average, values in of_average.averages.items():
                with torch.no_grad():
                    torch._foreach_copy_(of_average.moved, values)
                runs[average] = Run(seconds, held())
        return runs


def table(runs: dict[str, list[Run]]) -> None:
    """Prints a row a way: score, spread with its 90% interval, cost, and variance times cost."""
    (first, *_) = runs.values()
    usual = np.mean([run.seconds for run in first])
    spread = np.std([run.score for run in first], ddof=1)
    print(f"{'':<42}{'score':>7}{'sd':>6}  {'90% interval':<13}{'cost':>5}{'variance x cost':>17}")
    for name, of_way in runs.items():
        scores = [100 * run.score for run in of_way]
        freedom = len(scores) - 1
        sd = float(np.std(scores, ddof=1))
        low, high = (sd * (freedom / chi2.ppf(p, freedom)) ** 0.5 for p in (0.95, 0.05))
        cost = float(np.mean([run.seconds for run in of_way]) / usual)
        worth = (sd / 100 / spread) ** 2 * cost
        print(
            f"{name:<42}{np.mean(scores):7.1f}{sd:6.2f}  {f'[{low:.2f}, {high:.2f}]':<13}"
            f"{cost:5.2f}{worth:17.2f}"
        )
    print(flush=True)


def main() -> int:
    """Print a table a task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--task", action="append", default=[])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first-seed", type=int, default=2000)
    parser.add_argument("--way", action="append", choices=WAYS, help="of these, beside the first")
    options = parser.parse_args()
    first = options.first_seed
    usual, *others = WAYS
    ways = [usual, *(way for way in others if not options.way or way in options.way)]
    torch.set_num_threads(1)
    quiet_libraries()
    study = read_study(STUDY, [], data=options.data)
    (encoder,) = study.encoders
    for task in study.tasks:
        if options.task and task.name not in options.task:
            continue
        if not (options.data / task.name).is_dir():
            print(f"{options.data} holds no folder {task.name}", file=sys.stderr)
            return 2
        limits = task.limits.model_copy(
            update={"max_train": TRAIN, "max_dev": DEV + HELD, "max_test": 1}
        )
        data = load(task.model_copy(update={"limits": limits}))
        data = dataclasses.replace(data, dev=data.dev[:DEV], test=data.dev[DEV:])
        print(
            f"{task.name}, {len(data.train):,} rows to learn, {len(data.test):,} held out, seeds "
            f"{first} to {first + options.seeds - 1}"
        )
        with tempfile.TemporaryDirectory() as root:
            bench = Bench(data, encoder, study.refine, Store(Path(root)))
            runs: dict[str, list[Run]] = {}
            for seed in range(first, first + options.seeds):
                for name in ways:
                    for way, run in bench.run(name, WAYS[name], seed).items():
                        runs.setdefault(way, []).append(run)
            table(runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
