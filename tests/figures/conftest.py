"""Made-up tables of deltas, and ways to ask a figure for its artists."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.text import Text

from transfer_study.analysis.graph.graph import build_graph

KINDS = {
    "classification": "accuracy",
    "tagging": "entity_f1",
    "regression": "pearson",
    "multilabel": "micro_f1",
}


@dataclass(frozen=True)
class Tables:
    """What the figures are drawn from."""

    deltas: pd.DataFrame
    tasks: pd.DataFrame

    @property
    def graph(self) -> nx.DiGraph[str]:
        return build_graph(self.deltas, self.tasks, encoder="tiny", reading="refine")


def _row(source: str, target: str, arm: str, verdict: str, delta: float) -> dict[str, object]:
    """A row of deltas.csv; what failed or was not run has no numbers."""
    known = verdict not in ("failed", "not_run")
    delta = delta if known else math.nan
    numbers = {"baseline": 0.612, "score": 0.612 + delta, "delta": delta}
    numbers |= {"low": delta - 0.01, "high": delta + 0.01, "p": 0.01}
    # Wider than the raw interval, so that a figure that shows the wrong one is found out.
    numbers |= {"adjusted_low": delta - 0.02, "adjusted_high": delta + 0.02, "adjusted_p": 0.03}
    ends = {"encoder": "tiny", "source": source, "target": target, "arm": arm, "over": ""}
    numbers |= {"level": 0.05, "seed_sd": 0.01, "example_error": 0.004, "constant": 0.2}
    about = {"reading": "refine", "metric": "accuracy", "n_seeds": 3 * known, "n_test": 500}
    about |= {"n_documents": 500, "collapsed": False}
    return {**ends, **about, **numbers, "verdict": verdict}


def _make(
    names: list[str],
    effect: Callable[[str, str], tuple[str, float] | None],
    *,
    domains: int = 1,
    full: bool = True,
) -> Tables:
    """Tables of tasks; `effect` has verdict and delta of a source ("+" for all) and a target."""
    rows = []
    for source, target in itertools.permutations(names, 2):
        if (pair := effect(source, target)) is not None:
            rows.append(_row(source, target, "pair", *pair))
    for target in names if full else ():
        others = "+".join(name for name in names if name != target)
        rows.append(_row(others, target, "full", *(effect("+", target) or ("not_run", 0.0))))
    kinds = list(itertools.islice(itertools.cycle(KINDS), len(names)))
    tasks = pd.DataFrame(
        {
            "name": names,
            "kind": kinds,
            "domain": [f"domain{i % domains}" for i in range(len(names))],
            "metric": [KINDS[kind] for kind in kinds],
        }
    )
    return Tables(pd.DataFrame(rows), tasks)


def _random_tables(seed: int, tasks: int) -> Tables:
    """Tables of so many tasks with verdicts of every kind and names of many lengths."""
    random = np.random.default_rng(seed)
    stems = ["bc5cdr-chemical", "x", "i2b2-2010-re", "anatomy-entity-recognition-2020"]
    names = [f"{stems[int(random.integers(4))]}{i}"[-30:].lstrip("-") for i in range(tasks)]
    verdicts = ["gain", "loss", "equivalent", "undecided", "failed", "not_run", "not_learned"]

    def effect(source: str, target: str) -> tuple[str, float]:
        chances = [0.25, 0.2, 0.15, 0.25, 0.05, 0.05, 0.05]
        verdict = str(random.choice(verdicts, p=chances))
        size = float(random.exponential(0.03)) + 0.002
        return verdict, -size if verdict == "loss" else size

    return _make(names, effect, domains=1 + int(random.integers(3)), full=bool(seed % 3))


class Artists:
    """A figure's artists by gid."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.patches: dict[str, PathPatch] = {}
        self.texts: dict[str, list[Text]] = {}
        for artist in figure.axes[0].get_children():
            gid = artist.get_gid()
            if isinstance(artist, Text):
                self.texts.setdefault(gid or "", []).append(artist)
            elif isinstance(artist, PathPatch) and gid:
                self.patches[gid] = artist

    def text(self, gid: str) -> str:
        return " ".join(text.get_text() for text in self.texts[gid])

    def gids(self, prefix: str) -> set[str]:
        found = {*self.patches, *self.texts}
        return {gid.removeprefix(prefix) for gid in found if gid.startswith(prefix)}

    def boxes(self, *prefixes: str) -> dict[str, np.ndarray]:
        """Left, bottom, right and top in points of all texts and patches with these gids."""
        boxes = {}
        for prefix in prefixes:
            for name in self.gids(prefix):
                gid = prefix + name
                artists = self.texts.get(gid) or [self.patches[gid]]
                extents = [artist.get_window_extent().extents for artist in artists]
                low = np.min([e[:2] for e in extents], axis=0)
                high = np.max([e[2:] for e in extents], axis=0)
                boxes[gid] = np.array([*low, *high]) * 72 / self.figure.dpi
        return boxes


@pytest.fixture
def all_verdicts() -> Tables:
    """Four tasks with edges of every verdict."""
    effects = {
        ("words", "topic"): ("gain", 0.271),
        ("topic", "words"): ("equivalent", 0.001),
        ("twist", "topic"): ("loss", -0.131),
        ("topic", "twist"): ("loss", -0.034),
        ("words", "twist"): ("gain", 0.043),
        ("twist", "near"): ("failed", 0.0),
        ("near", "twist"): ("not_run", 0.0),
        ("+", "topic"): ("gain", 0.153),
        ("+", "twist"): ("loss", -0.051),
        ("+", "near"): ("equivalent", 0.0),
    }
    names = ["words", "topic", "twist", "near"]
    return _make(names, lambda a, b: effects.get((a, b), ("undecided", 0.004)))


@pytest.fixture
def unlearned() -> Tables:
    """Four tasks of which one was not learned, and a pair whose model collapsed."""
    tables = _make(
        ["words", "topic", "twist", "near"],
        lambda a, b: (
            ("not_learned", 0.0)
            if b == "near"
            else ("loss", -0.3)
            if a == "twist"
            else ("gain", 0.03)
        ),
    )
    collapsed = (tables.deltas["source"] == "twist") & (tables.deltas["target"] == "topic")
    learned = tables.deltas["verdict"] != "not_learned"
    adjusted = [f"adjusted_{end}" for end in ("low", "high", "p")]
    tables.deltas[adjusted] = tables.deltas[adjusted].where(learned)
    return Tables(tables.deltas.assign(collapsed=collapsed), tables.tasks)


@pytest.fixture
def make() -> Callable[..., Tables]:
    """Make tables of tasks from a function of source and target."""
    return _make


@pytest.fixture
def random_tables() -> Callable[[int, int], Tables]:
    """Make tables from a seed and a number of tasks."""
    return _random_tables


@pytest.fixture
def artists() -> type[Artists]:
    """Ask a figure for its artists."""
    return Artists


@pytest.fixture
def overlaps() -> Callable[[dict[str, np.ndarray]], list[tuple[str, str]]]:
    """Which of some boxes share more than half a point in both directions."""

    def pairs(boxes: dict[str, np.ndarray]) -> list[tuple[str, str]]:
        return [
            (a, b)
            for (a, first), (b, second) in itertools.combinations(boxes.items(), 2)
            if (np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]) > 0.5).all()
        ]

    return pairs
