"""What half of a small study's edges cost to decide: by an earlier version, and by this one.

    OMP_NUM_THREADS=1 python benchmarks/price.py CORPORA [--before COMMIT] [--folder FOLDER]

Both versions measure the taggers of `public_tagging` on its rows, each by the recipe that its own
public study of 300 sentences has, on seeds that neither was tuned on, in one process on one thread.
First both run a few seeds in turns: what a seed costs in CPU seconds, the first with what is kept
for the others. Then seeds are added, and every edge is judged by all of them, until half of the
edges are gains, losses or equivalent, or until it would have cost too much. That measures power
alone: who judges again and again decides by `--until-decided`. With a folder the same command goes
on where it was stopped, with the costs that it measured there.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
BEFORE = "4b77748"  # the last state whose edges were judged each by its own runs
COUNTS = (3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30)
FIRST_SEED = 3000
TIMED_SEED = 2900
DECIDED = ("gain", "loss", "equivalent")
ROWS = "public_tagging"  # whose tasks and rows both versions learn
ASKED = ("tasks", "limits", "arms", "readings", "margin")


@dataclass(frozen=True)
class Version:
    """A state of the program, the public study whose encoder and recipe it has, and its runs."""

    name: str
    tree: Path
    public: str
    runs: Path
    data: Path

    def run(self, seeds: list[int], into: str) -> float:
        """Run the study with these seeds; the CPU seconds of what was not there already."""
        rows, own = experiment(ROOT, ROWS), experiment(self.tree, self.public)
        study = {"name": "price", **{key: rows[key] for key in ASKED}}
        study |= {"encoder": own["encoder"], "refine": own["refine"]}
        folder = self.runs / into
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "price.yaml"
        file.write_text(yaml.safe_dump(study), encoding="utf-8")
        began = _children()
        subprocess.run(
            [
                *(sys.executable, "-m", "transfer_study", "run", str(file), "--quiet"),
                *("--set", f"seeds={seeds}", "--data", str(self.data)),
                *("--store", f"{folder}/store", "--results", f"{folder}/results"),
                *("--plots", f"{folder}/plots", "--executor", "in-process"),
            ],
            check=True,
            cwd=self.tree,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(self.tree), "OMP_NUM_THREADS": "1"},
        )
        return _children() - began

    def decided(self, seeds: int) -> tuple[int, int]:
        """How many edges so many seeds decide, and of how many."""
        self.run(list(range(FIRST_SEED, FIRST_SEED + seeds)), "decide")
        (results,) = (self.runs / "decide" / "results").glob("*/deltas.csv")
        edges = pd.read_csv(results, keep_default_na=False)
        return int(edges["verdict"].isin(DECIDED).sum()), len(edges)


def experiment(tree: Path, name: str) -> dict[str, Any]:
    """A study file of a state of the program."""
    written: dict[str, Any] = yaml.safe_load(
        (tree / "experiments" / f"{name}.yaml").read_text("utf-8")
    )
    return written


def costs(versions: list[Version], rounds: int, kept: Path) -> dict[str, tuple[float, float]]:
    """The CPU seconds of a first and of a further seed of each version, run in turns."""
    if kept.is_file():
        return _told(json.loads(kept.read_text("utf-8")))
    taken: dict[str, list[float]] = {version.name: [] for version in versions}
    with tempfile.TemporaryDirectory() as runs:
        for seed in range(TIMED_SEED, TIMED_SEED + rounds):
            for version in versions:
                fresh = replace(version, runs=Path(runs) / version.name)
                taken[version.name].append(fresh.run([seed], "timed"))
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(taken), encoding="utf-8")
    return _told(taken)


def _told(taken: dict[str, list[float]]) -> dict[str, tuple[float, float]]:
    for name, (first, *further) in taken.items():
        each = ", ".join(f"{seconds:.0f}" for seconds in further)
        print(
            f"{name}: CPU seconds of a first seed {first:.0f}, of further ones {each}", flush=True
        )
    return {name: (s[0], statistics.median(s[1:])) for name, s in taken.items()}


def until_half(version: Version, cost: tuple[float, float], most: float) -> tuple[float, bool]:
    """Add seeds until half of the edges are decided; what they cost, and whether they are."""
    first, further = cost
    spent = 0.0
    for count in COUNTS:
        spent = first + (count - 1) * further
        decided, edges = version.decided(count)
        print(
            f"{version.name}: {count} seeds, {spent / 3600:.3f} core-hours, "
            f"{decided} of {edges} edges decided",
            flush=True,
        )
        if 2 * decided >= edges:
            return spent, True
        if spent > most:
            break
    return spent, False


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Print what seeds cost and decide, and the ratio of what both versions take."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=Path, help="holds what public_tagging.yaml needs")
    parser.add_argument("--before", default=BEFORE)
    parser.add_argument("--rounds", type=int, default=3, help="seeds that are timed")
    parser.add_argument("--budget", type=float, default=3600.0, help="CPU seconds of this version")
    parser.add_argument("--times", type=float, default=12.0, help="and times that of the earlier")
    parser.add_argument("--folder", type=Path, help="keeps the stages that were run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        runs = (options.folder or Path(temporary)).resolve()
        before = Path(temporary) / "before"
        git = ("git", "-C", str(ROOT), "worktree")
        subprocess.run([*git, "add", "--quiet", "--detach", before, options.before], check=True)
        try:
            data = options.corpora.resolve()
            now = Version("this version", ROOT, ROWS, runs / "now", data)
            then = Version(options.before, before, "public_biomedical", runs / "before", data)
            cost = costs([now, then], options.rounds, runs / "costs.json")
            spent, reached = until_half(now, cost[now.name], options.budget)
            if not reached:
                print("this version did not decide half of the edges in time: no ratio")
                return 1
            most = options.times * spent
            spent_then, reached_then = until_half(then, cost[then.name], most)
        finally:
            subprocess.run([*git, "remove", "--force", before], check=True)
    least = "" if reached_then else "more than "
    print(f"half of the edges: {least}{spent_then / spent:.1f} times fewer core-hours")
    return 0


if __name__ == "__main__":
    sys.exit(main())
