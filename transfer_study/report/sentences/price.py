"""What a decided edge cost: the measure by which studies and their recipes are compared."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from transfer_study.analysis.edges import Verdict
from transfer_study.points import counted

_DECIDED = {"gain": "gains", "loss": "losses", "equivalent": "equivalent"}


def price(edges: pd.DataFrame, costs: pd.DataFrame | None) -> str:
    """How many edges are decided, for how much training each, and what became of the others.

    `edges` are the raw rows of a table of deltas, `costs` is as `report.beside.costs` makes it;
    with None there is no price.
    """
    if edges.empty:
        return "No edges to compare."
    counts = Counter(map(str, edges["verdict"]))
    said = [
        f"{counts[word]} {word if counts[word] == 1 else many}"
        for word, many in _DECIDED.items()
        if counts[word]
    ]
    number = sum(counts[word] for word in _DECIDED)
    decided = f"{number} decided ({', '.join(said)})" if said else "none decided"
    spent = [] if costs is None or costs.empty else _spent(costs.iloc[-1], number)
    paid = f", {' and '.join(spent)} {'each' if said else 'in all'}" if spent else ""
    rest = [
        f"{counts[word]} {word.replace('_', ' ')}"
        for word in map(str, Verdict)
        if counts[word] and word not in _DECIDED
    ]
    others = f"; {', '.join(rest)}" if rest else ""
    return f"{counted(len(edges), 'edge')}: {decided}{paid}{others}"


def _spent(costs: pd.Series[float], decided: int) -> list[str]:
    """The parts of the cost of so many edges; of none, the whole."""
    per = max(decided, 1)
    core_hours, gpu_minutes = (float(costs.get(c, 0)) for c in ("core_hours", "gpu_minutes"))
    found = []
    if core_hours:
        hours = core_hours / per
        small = hours < 0.1
        found.append(f"{60 * hours:.2g} core-minutes" if small else f"{hours:.2g} core-hours")
    if gpu_minutes:
        found.append(f"{gpu_minutes / per:.2g} GPU-minutes")
    return found
