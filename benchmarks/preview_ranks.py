"""How well do some seeds of a study, or a preview of it, tell the order of its effects?

    python benchmarks/preview_ranks.py results/public_tagging results/public_steady
    transfer-study run experiments/public_tagging.yaml --fidelity 0.1
    python benchmarks/preview_ranks.py results/NAME --preview results/NAME-preview-10

Of each study every choice of one seed, and of two, is held against the mean of the others by
Spearman's correlation of the edges' deltas, and by how many have the same sign. A preview is held
against all seeds, and of the edges that the study decides alone.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from transfer_study.analysis.compare.difference import signs_and_ranks
from transfer_study.report.tables.edge_files import read_table

_EDGE = ["source", "target", "arm", "reading", "encoder"]


def by_seed(folder: Path) -> pd.DataFrame:
    """The deltas of a study's raw edges, a row an edge and a column a seed that all edges have."""
    deltas, scores = (read_table(folder / name) for name in ("deltas", "scores"))
    assert deltas is not None
    assert scores is not None
    edges = deltas[deltas["over"] == ""]
    key = ["source", "task", "arm", "reading", "encoder", "metric"]
    values = scores[scores["split"] == "test"].pivot_table("value", key, "seed")
    rows = []
    for edge in edges.to_dict("records"):
        of_target = edge["target"], edge["reading"], edge["encoder"], edge["metric"]
        task, *about = of_target
        joint = values.loc[(edge["source"], task, edge["arm"], *about)]
        rows.append(joint - values.loc[("", task, "single", *about)])
    return pd.DataFrame(rows).dropna(axis=1).reset_index(drop=True)


def tell_seeds(folder: Path) -> None:
    """Print how seeds rank the effects of a study as its others do."""
    seeds = by_seed(folder)
    for n in (1, 2):
        found = []
        for chosen in combinations(seeds, n):
            own, others = seeds[[*chosen]].mean(axis=1), seeds.drop(columns=[*chosen]).mean(axis=1)
            found.append(signs_and_ranks(pd.DataFrame({"delta_a": own, "delta_b": others})))
        signs, ranks = [same for _, same, _ in found], [rank for *_, rank in found]
        print(
            f"{folder.name}: {n} of {len(seeds.columns)} seeds against the others: rank "
            f"correlation {min(ranks):.2f} to {max(ranks):.2f} (mean {np.mean(ranks):.2f}), "
            f"{min(signs)} to {max(signs)} of {len(seeds)} signs"
        )


def tell_preview(folder: Path, preview: Path) -> None:
    """Print how a preview ranks the effects of its study."""
    whole, part = (read_table(place / "deltas") for place in (folder, preview))
    assert whole is not None
    assert part is not None
    both = whole.merge(part, on=[*_EDGE, "over"], suffixes=("_a", "_b"))
    decided = both["verdict_a"].isin(["gain", "loss"])
    for name, rows in (("all", both), ("decided", both[decided])):
        n, same, rank = signs_and_ranks(rows)
        print(f"{preview.name}: {name} {n} edges: rank correlation {rank:.2f}, {same} signs")


def main() -> None:
    """Read the arguments and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("studies", type=Path, nargs="+", help="folders of results")
    parser.add_argument("--preview", type=Path, help="the results of a preview of the first")
    asked = parser.parse_args()
    if asked.preview is not None:
        tell_preview(asked.studies[0], asked.preview)
        return
    for folder in asked.studies:
        tell_seeds(folder)


if __name__ == "__main__":
    main()
