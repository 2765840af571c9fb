"""Do the planted verdicts of experiments/demo.yaml come out for seeds it was not tuned on?

    python benchmarks/planted_verdicts.py --sets 10 --first-seed 1000

Runs, in this process, the stages that planted edges need, for disjoint sets of as many seeds as
the study has. The study passes with all planted verdicts right in at least 9 of 10 sets.
Tuning used seeds below 20.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

import pandas as pd

from transfer_study.data.synthetic import PLANTED
from transfer_study.execute.executor import Todo
from transfer_study.execute.in_process import InProcess
from transfer_study.execute.progress import Silent
from transfer_study.report.results import tables
from transfer_study.session.plans import make_plan
from transfer_study.store.predictions import StoredAnswers
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study

DEMO = Path(__file__).parents[1] / "experiments" / "demo.yaml"


def observed(seeds: range, store: Store) -> pd.DataFrame:
    """The planted edges as measured with these seeds: delta, low, high, verdict, planted."""
    study = read_study(DEMO, ["arms=[single,pairs]", f"seeds={list(seeds)}"])
    plan = make_plan(study)
    needed = {frozenset(names) for edge in PLANTED for names in (edge, edge[1:])}
    stages = tuple(stage for stage in plan if frozenset(stage.task_names) in needed)
    part = dataclasses.replace(plan, stages=stages)
    InProcess().run(Todo(part, part.parents(), fail_fast=True), store, Silent())
    _, edges = tables(plan, StoredAnswers(store), failed=())
    edges = edges.set_index(["source", "target"]).loc[list(PLANTED)].reset_index()
    return edges.assign(planted=list(PLANTED.values()))


def main() -> int:
    """Print a line an edge and seed set; exit code 1 where more than a tenth of the sets fail."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=1000)
    options = parser.parse_args()
    size = len(read_study(DEMO).seeds)
    passed = 0
    print(f"{'seeds':<12}{'edge':<24}{'delta':>8}{'95% interval':>20}  {'verdict':<12}planted")
    for n in range(options.sets):
        first = options.first_seed + n * size
        with tempfile.TemporaryDirectory() as folder:
            edges = observed(range(first, first + size), Store(Path(folder)))
        passed += list(edges["verdict"]) == list(edges["planted"])
        for edge in edges.to_dict("records"):
            interval = f"{edge['low']:+.3f} to {edge['high']:+.3f}"
            print(
                f"{f'{first}-{first + size - 1}':<12}{edge['source'] + ' -> ' + edge['target']:<24}"
                f"{edge['delta']:>+8.3f}{interval:>20}  {edge['verdict']:<12}{edge['planted']}"
                f"{'' if edge['verdict'] == edge['planted'] else '  !'}"
            )
        print(f"all planted verdicts came out in {passed} of {n + 1} seed sets", flush=True)
    return 0 if passed >= 0.9 * options.sets else 1


if __name__ == "__main__":
    sys.exit(main())
