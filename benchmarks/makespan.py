"""How near does a run through Ray come to the shortest time in which its stages could be done?

    python benchmarks/makespan.py [--workers 4] [--epochs 2 16]

A study of three made-up tasks with all pairs and the full mix, read after refinement and after
fine-tuning (which begins with what was refined), is run with Ray and a small encoder, on so many
workers, which share the cores: once with stages of few epochs, once of many. The bound is what no
schedule can beat: all seconds of the stages over the workers, or the longest chain of stages, by
the seconds that each says it took, whichever is more. The makespan goes from the first stage's
beginning to the last one's commit. `listed` is its ratio to the makespan of the same stages in the
same order, if nothing went by between one and the next: what is over 1 is orchestration.

`start` is what goes by from the call to the first stage; `gap` is how long a worker stands idle
between a stage's commit and the next stage's beginning, `heard` how long after the commit the run
knows of it: medians. A gap's share of a stage of a minute is the last column.
"""

from __future__ import annotations

import argparse
import heapq
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from side_by_side import head, write_study

from transfer_study.execute.cluster.on_ray import OnRay
from transfer_study.execute.executor import Todo
from transfer_study.execute.progress import Progress
from transfer_study.execute.resources import Resources
from transfer_study.session.plans import make_plan
from transfer_study.store.storage.commit_record import Part
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage


@dataclass
class Heard(Progress):
    """When the run knew that a stage was finished, by its id."""

    finishes: dict[str, float] = field(default_factory=dict)

    def finished(self, stage: Stage) -> None:
        """Note the time."""
        self.finishes[stage.id] = time.time()

    def failed(self, stage: Stage, message: str, log: Path | None) -> None:
        """End the measurement."""
        raise RuntimeError(f"{stage.name} failed: {message} ({log})")


def study_of(folder: Path, epochs: int, seeds: int, rows: int) -> Plan:
    """The plan of the study."""
    tasks = {
        "entities": {"kind": "tagging", "labels": ["herb", "beast"]},
        "relation": {"kind": "classification", "labels": ["herb", "beast"]},
        "topics": {"kind": "multilabel", "labels": ["sea", "sky", "war"]},
    }
    held = max(rows // 4, 20)
    path = write_study(
        folder / f"epochs{epochs}.yaml",
        encoder="tiny",
        tasks=[
            {
                "name": name,
                **said,
                "source": {
                    **{"format": "synthetic", "task": name},
                    **{"train": rows, "dev": held, "test": held},
                },
            }
            for name, said in tasks.items()
        ],
        arms=["single", "full", "pairs"],
        readings=["refine", "finetune"],
        seeds=list(range(seeds)),
        refine={"epochs": epochs, "batch_size": 32, "precision": "float32"},
        finetune={"epochs": epochs, "batch_size": 32, "precision": "float32"},
    )
    return make_plan(read_study(path))


def bound(plan: Plan, seconds: Mapping[str, float], workers: int) -> float:
    """The larger of all work over the workers, and of the longest chain."""
    chains: dict[str, float] = {}
    for stage in plan.stages:  # parents first
        before = max((chains[parent.id] for parent in stage.parents), default=0.0)
        chains[stage.id] = before + seconds[stage.id]
    return max(sum(seconds.values()) / workers, *chains.values())


def listed(todo: Todo, seconds: Mapping[str, float], workers: int) -> float:
    """The makespan where whatever is ready begins as soon as a worker is free."""
    schedule, running, now = todo.schedule(), list[tuple[float, str]](), 0.0
    while schedule.ready or running:
        while schedule.ready and len(running) < workers:
            stage = schedule.ready[0]
            schedule.begin(stage)
            heapq.heappush(running, (now + seconds[stage], stage))
        now, ended = heapq.heappop(running)
        schedule.finish(ended)
    return now


def gaps(begins: Sequence[float], ends: Sequence[float], workers: int) -> list[float]:
    """How long after a stage's end another one began, as many running as there are workers."""
    later = sorted(begins)[workers:]
    return [begin - end for begin, end in zip(later, sorted(ends), strict=False)]


def measure(plan: Plan, workers: int, folder: Path) -> str:
    """Run a plan; the columns of its line."""
    store = Store(folder)
    kept = frozenset(parent.id for stage in plan.stages for parent in stage.parents)
    todo, heard = Todo(plan, kept), Heard()
    share = min(1.0, (os.cpu_count() or 1) / workers)
    called = time.time()
    OnRay(Resources(workers=workers, cpus_per_stage=share)).run(todo, store, heard)
    seconds = {s.id: store.record(s).provenance.wall_seconds for s in plan.stages}
    ends = {s.id: (store.folder(s) / Part.RESULTS.record).stat().st_mtime for s in plan.stages}
    begins = {stage: end - seconds[stage] for stage, end in ends.items()}
    makespan = max(ends.values()) - min(begins.values())
    least, idle = bound(plan, seconds, workers), listed(todo, seconds, workers)
    gap = float(np.median(gaps(list(begins.values()), list(ends.values()), workers)))
    late = float(np.median([heard.finishes[stage] - end for stage, end in ends.items()]))
    return (
        f"{len(plan.stages):6}{np.mean(list(seconds.values())):9.2f}{makespan:10.1f}{least:8.1f}"
        f"{makespan / least:7.2f}{makespan / idle:8.2f}{min(begins.values()) - called:8.1f}"
        f"{gap:7.2f}{late:7.2f}{gap / (60 + gap):8.1%}"
    )


def main() -> int:
    """Print a line a length of stages."""
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--epochs", type=int, nargs="+", default=[2, 16])
    parser.add_argument("--seeds", type=int, default=3, help="22 stages each")
    parser.add_argument("--rows", type=int, default=400, help="of train, of a task")
    given = parser.parse_args()
    head("cpu", 1)
    print(f"\n{given.workers} workers, a thread each; seconds of the wall")
    print(
        f"{'stages':>6}{'of mean':>9}{'makespan':>10}{'bound':>8}{'ratio':>7}{'listed':>8}"
        f"{'start':>8}{'gap':>7}{'heard':>7}{'minute':>8}",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as name:
        for epochs in given.epochs:
            plan = study_of(Path(name), epochs, given.seeds, given.rows)
            print(measure(plan, given.workers, Path(name) / f"store{epochs}"), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
