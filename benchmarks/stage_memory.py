"""How much memory does one stage's training take, beside transformers' Trainer?

    python benchmarks/stage_memory.py [CORPORA] [--device cuda]

Every way learns the same rows as in benchmarks/stage_speed.py, once, in a process of its own. MiB
at most: of the whole process; of it what training adds to libraries, rows and a model that was
loaded before; and on a GPU, what tensors take there.
"""

from __future__ import annotations

import argparse
import gc
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from one_stage import Way, by_trainer, plain_loop, study_of, subject, this_project
from side_by_side import encoder_named, encoders, measuring, named, options, parse, precisions

# Each with the layers that it leaves frozen.
WAYS: dict[str, tuple[Way, int]] = {
    "this project": (this_project, 0),
    "this project, 4 layers frozen and kept": (this_project, 4),
    "plain loop": (plain_loop, 0),
    "Trainer": (by_trainer, 0),
    "Trainer, grouped by length": (
        partial(by_trainer, train_sampling_strategy="group_by_length"),
        0,
    ),
}


def peaks(
    name: str, way: str, precision: str, given: argparse.Namespace, folder: Path
) -> tuple[int, int, int]:
    """Train in this process; its bytes at most, what training added, and those of a GPU."""
    torch.set_num_threads(given.threads)
    learn, frozen = WAYS[way]
    changes = f"refine.precision={precision}", f"refine.freeze_layers={frozen}"
    study = study_of(encoder_named(name, folder), given.rows, held=8, epochs=1)
    of = subject(study, given.data, given.device, folder, *changes)
    of.model()
    gc.collect()
    before = _size("VmRSS")
    learn(of)
    most = _size("VmHWM")
    return most, most - before, _tensors(of.device)


def _tensors(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated() if device.type == "cuda" else 0


def _size(key: str) -> int:
    """What the kernel tells of this process: unlike rusage, of none that started it."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))


def main() -> int:
    """Print a table an encoder."""
    assert __doc__
    parser = options(__doc__, rows=64)
    encoders(parser)
    parser.add_argument("--way", action="append", choices=tuple(WAYS), help="all without")
    given = parse(parser)
    with measuring(given) as folder:
        for name in named(given):
            print(f"\n{f'{name}, {given.rows} rows':<47}{'process':>9}{'training':>10}{'GPU':>8}")
            for precision in precisions(given.device):
                print(precision)
                for way in given.way or WAYS:
                    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
                        sizes = alone.submit(peaks, name, way, precision, given, folder).result()
                    mib = [f"{size / 2**20:,.0f}" if size else "-" for size in sizes]
                    print(f"{'  ' + way:<47}{mib[0]:>9}{mib[1]:>10}{mib[2]:>8}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
