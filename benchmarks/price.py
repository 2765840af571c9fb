"""What half of a small study's edges cost to decide: by an earlier version, and by this one.

    OMP_NUM_THREADS=1 python benchmarks/price.py CORPORA [--before COMMIT]

Both versions measure the same tasks on the same rows, each by the recipe that its own public study
of 300 sentences has, on seeds that neither was tuned on, in one process on one thread. Seeds are
added, and every edge is judged by all of them, until half of the edges are gains, losses or
equivalent, or until the time is up. That measures power alone: who judges again and again decides
by `--until-decided`.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
BEFORE = "4b77748"  # the last state whose edges were judged each by its own runs
COUNTS = (3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30)
FIRST_SEED = 3000
DECIDED = ("gain", "loss", "equivalent")
STUDY = {
    "name": "price",
    "tasks": [
        {"name": "bc5cdr-chemical"},
        {"name": "bc5cdr-disease"},
        {
            "name": "anatem",
            "kind": "tagging",
            "domain": "biomedical",
            "labels": ["Anatomy"],
            "source": {
                "format": "conll",
                "folder": "anatem",
                "columns": {"text": 0, "document": 1, "id": 2, "label": 3},
            },
        },
    ],
    "limits": {"max_train": 300, "max_dev": 100, "max_test": 1000},
    "arms": ["single", "full", "pairs"],
    "readings": ["refine"],
    "margin": 0.01,
}


def measure(
    tree: Path, public: str, corpora: Path, budget: float
) -> Iterator[tuple[int, float, int, int]]:
    """Seeds, CPU seconds so far, decided edges and all edges, after every number of seeds.

    Encoder and recipe are those of a study that the tree has.
    """
    written = yaml.safe_load((tree / "experiments" / f"{public}.yaml").read_text("utf-8"))
    study = {**STUDY, "encoder": written["encoder"], "refine": written["refine"]}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "price.yaml"
        file.write_text(yaml.safe_dump(study), encoding="utf-8")
        spent = 0.0
        for count in COUNTS:
            seeds = list(range(FIRST_SEED, FIRST_SEED + count))
            began = _children()
            subprocess.run(
                [
                    *(sys.executable, "-m", "transfer_study", "run", str(file), "--quiet"),
                    *("--set", f"seeds={seeds}", "--data", str(corpora)),
                    *("--store", f"{folder}/store", "--results", f"{folder}/results"),
                    *("--plots", f"{folder}/plots", "--executor", "in-process"),
                ],
                check=True,
                cwd=tree,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"},
            )
            spent += _children() - began
            (results,) = Path(folder, "results").glob("*/deltas.csv")
            edges = pd.read_csv(results, keep_default_na=False)
            decided = int(edges["verdict"].isin(DECIDED).sum())
            yield count, spent, decided, len(edges)
            if 2 * decided >= len(edges) or spent > budget:
                return


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Print a line after every number of seeds, and the ratio of what both versions took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=Path, help="holds bc5cdr-chemical, bc5cdr-disease, anatem")
    parser.add_argument("--before", default=BEFORE)
    parser.add_argument("--budget", type=float, default=3600.0, help="CPU seconds of this version")
    parser.add_argument("--times", type=float, default=15.0, help="and times that of the earlier")
    options = parser.parse_args()
    corpora = options.corpora.resolve()
    taken: dict[str, tuple[float, bool]] = {}
    allowed = options.budget
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "before"
        git = ("git", "-C", str(ROOT), "worktree")
        subprocess.run([*git, "add", "--detach", str(before), options.before], check=True)
        try:
            for name, tree, public in (
                ("this version", ROOT, "public_tagging"),
                (options.before, before, "public_biomedical"),
            ):
                for count, spent, decided, edges in measure(tree, public, corpora, allowed):
                    print(
                        f"{name}: {count} seeds, {spent / 3600:.3f} core-hours, "
                        f"{decided} of {edges} edges decided",
                        flush=True,
                    )
                taken[name] = spent, 2 * decided >= edges
                allowed = options.times * spent
        finally:
            subprocess.run([*git, "remove", "--force", str(before)], check=True)
    (now, reached), (then, reached_then) = taken.values()
    if not reached:
        print("this version did not decide half of the edges in time: no ratio")
        return 1
    least = "" if reached_then else "more than "
    print(f"half of the edges: {least}{then / now:.1f} times fewer core-hours")
    return 0


if __name__ == "__main__":
    sys.exit(main())
