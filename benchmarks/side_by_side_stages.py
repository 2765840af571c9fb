"""How many updates a second does one device make, where several stages share it?

    python benchmarks/side_by_side_stages.py [CORPORA] [--device cuda] [--stages 1 4 8 14]

Every stage learns ChemProt (made-up sentences without corpora) with seeds and weights of its own,
its updates replayed as in a run. They are in processes of their own, as Ray's workers are, or in
threads of one process, each on a stream of its own, where they share one sequence of random
numbers: so threads tell what the device could do, not yet what a run may. Where NVIDIA's
multi-process service runs (`nvidia-cuda-mps-control -d`), the processes are its clients; the first
lines say whether it does. All begin at once, once all have recorded their updates, and the rates
of all are summed. On a CPU a replay is the step itself.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import torch
from gpu_check import Bench
from side_by_side import encoder_named, encoders, measuring, named, options, parse, precisions

from transfer_study.data.splits import load
from transfer_study.data.tokens.mixing import Update
from transfer_study.execute.run_stage import set_up_torch
from transfer_study.learn.updates import Updates
from transfer_study.study.encoder import Encoder
from transfer_study.study.file.study_file import read_study
from transfer_study.study.recipes.recipe import Recipe

PUBLIC = Path(__file__).parents[1] / "experiments" / "public_biomedical.yaml"
EPOCHS = 1000  # more than there is time for
WARM = 4  # epochs in which all widths are recorded
LONGEST = 300.0  # seconds in which all stages must be there


@dataclass(frozen=True)
class Subject:
    """What every stage learns."""

    encoder: dict[str, str]
    data: Path
    device: str
    precision: str
    rows: int
    batch: int


class Stage:
    """A stage in the middle of its training."""

    def __init__(self, of: Subject, seed: int) -> None:
        # Before anything is computed: what repeats itself takes other kernels.
        set_up_torch(torch.get_num_threads())
        study = read_study(PUBLIC, [], data=of.data)
        limits = {"max_train": of.rows, "max_dev": 2, "max_test": 2}
        task = study.tasks[0]
        data = load(task.model_copy(update={"limits": task.limits.model_copy(update=limits)}))
        recipe = Recipe(epochs=EPOCHS, batch_size=of.batch, precision=of.precision, max_length=128)
        self._bench = Bench.of(torch.device(of.device), Encoder(**of.encoder), [data], 128)
        self._updates: Updates = self._bench.start(recipe, seed, dropout=True, replayed=True)[1]
        self._epochs: Iterator[list[Update]] = self._bench.epochs(recipe, seed)
        for _ in range(WARM if of.device == "cuda" else 1):
            self._epoch()
        self._bench.wait()

    def updates(self, seconds: float, wait: Callable[[], None] | None = None) -> float:
        """Updates a second over about so many seconds."""
        made, began = 0, time.monotonic()
        while time.monotonic() - began < seconds:
            made += self._epoch()
            (wait or self._bench.wait)()
        return made / (time.monotonic() - began)

    def _epoch(self) -> int:
        return sum(1 for _ in self._updates(next(self._epochs)))


def in_processes(of: Subject, stages: int, seconds: float) -> float:
    """The sum of the rates of stages in processes of their own."""
    context = multiprocessing.get_context("spawn")
    begin, told = context.Event(), context.Queue()
    processes = [
        context.Process(target=_stage, args=(of, seed, begin, told, seconds))
        for seed in range(stages)
    ]
    for process in processes:
        process.start()
    for _ in processes:
        told.get(timeout=LONGEST)
    begin.set()
    rates = [told.get(timeout=LONGEST) for _ in processes]
    for process in processes:
        process.join()
    return float(sum(rates))


def _stage(of: Subject, seed: int, begin: Event, told: Any, seconds: float) -> None:
    stage = Stage(of, seed)
    told.put(0.0)
    begin.wait()
    told.put(stage.updates(seconds))


def in_threads(of: Subject, stages: int, seconds: float) -> float:
    """The sum of the rates of stages in threads of this process, each on its own stream."""
    ready = [Stage(of, seed) for seed in range(stages)]
    rates: list[float] = []

    def learn(stage: Stage) -> None:
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            rates.append(stage.updates(seconds, stream.synchronize))

    threads = [threading.Thread(target=learn, args=(stage,)) for stage in ready]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(rates)


def measure(name: str, given: argparse.Namespace, folder: Path) -> None:
    """Print the rates of an encoder, and their ratios to that of one stage."""
    encoder = encoder_named(name, folder)
    ways: dict[str, Callable[[Subject, int, float], float]] = {"processes": in_processes}
    if given.device == "cuda":
        ways["threads"] = in_threads
    precision = precisions(given.device)[-1]
    of = Subject(encoder, given.data, given.device, precision, given.rows, given.batch)
    print(f"\n{encoder['name']}, {precision}, {given.rows} rows, batches of {given.batch}")
    print(f"{'':<12}{'stages':>7}{'upd/s':>9}{'seq/s':>10}{'of one':>8}")
    alone = None
    for way, run in ways.items():
        for stages in given.stages:
            rate = run(of, stages, given.seconds)
            alone = alone or rate / stages
            print(
                f"{way:<12}{stages:>7}{rate:>9.1f}{rate * given.batch:>10,.0f}{rate / alone:>8.2f}",
                flush=True,
            )


def main() -> int:
    """Print a table an encoder."""
    assert __doc__
    parser = options(__doc__, rows=32)
    encoders(parser)
    parser.add_argument("--stages", type=int, nargs="+", default=[1, 4, 8, 14])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--batch", type=int, default=32, help="rows an update")
    given = parse(parser)
    with measuring(given) as folder:
        pipe = os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "/tmp/nvidia-mps")
        shared = Path(pipe).exists()
        print(f"multi-process service: {'as said by ' + pipe if shared else 'none'}")
        for name in named(given):
            measure(name, given, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
