"""What can be shown of a study: one frame for each encoder, reading, variant, view and size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import networkx as nx
import pandas as pd

from transfer_study.analysis.edges import SIZE, VARIANT, key_of, over_a_control
from transfer_study.analysis.effects.intervals import lacking
from transfer_study.analysis.graph.graph import build_graph
from transfer_study.analysis.graph.views import View, at_size
from transfer_study.report.content import Content, SeedRun, corrected_together
from transfer_study.report.sentences import meaning
from transfer_study.report.sentences.captions import caption
from transfer_study.report.sentences.words import short_encoder

AXES = ("encoder", "reading", "variant", "view", "size")
LARGEST = "largest"
EDGE_NUMBERS = (
    *("baseline", "score", "delta", "low", "high", "p"),
    *("adjusted_low", "adjusted_high", "adjusted_p", "seed_sd", "example_error", "freedom"),
    *("n_seeds", "n_baseline_seeds", "n_test", "n_documents", "constant", "collapsed"),
)


@dataclass(frozen=True, eq=False)
class ShownEffect:
    """One row of the deltas table with the runs that it is made of.

    `numbers` are those of EDGE_NUMBERS; `lacking` says why there is no adjusted interval. `by_seed`
    has the delta of every seed that has both scores, `runs` the seed and the names of the stage and
    its baseline. `over` has the same effect over each control, `meaning` the rows of what it means.
    """

    source: str
    target: str
    arm: str
    verdict: str
    numbers: Mapping[str, float]
    by_seed: tuple[float, ...] = ()
    runs: tuple[tuple[int, str, str], ...] = ()
    lacking: str = ""
    over: Mapping[str, ShownEffect] = field(default_factory=dict)
    meaning: Sequence[meaning.Row] = ()

    def __getattr__(self, name: str) -> float:
        try:
            return self.numbers[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def seed_share(self) -> float:
        """The part of the squared error that comes from the seeds.

        NaN where there is no error, and where nothing is known of the test examples' part.
        """
        if not self.n_documents:
            return math.nan
        seeds = self.seed_sd**2 / max(self.n_seeds, 1)
        whole = seeds + self.example_error**2
        return seeds / whole if whole > 0 else math.nan


@dataclass(frozen=True, eq=False)
class Frame:
    """The effects that are seen together: edges, by their ends, and rings, by their target.

    `graph` has the same, as figures draw it.
    """

    at: Mapping[str, str]  # by AXES
    view: View
    caption: str
    family: int
    edges: Mapping[tuple[str, str], ShownEffect]
    rings: Mapping[str, ShownEffect]
    graph: nx.DiGraph[str]

    def __iter__(self) -> Iterator[ShownEffect]:
        yield from self.edges.values()
        yield from self.rings.values()

    def alone(self, target: str) -> float:
        """The score that stands in a node: what its edges are against, or all lead to."""
        effects = [e for e in self if e.target == target]
        known = (e.numbers[self.view.number] for e in effects)
        return next((value for value in known if not math.isnan(value)), math.nan)


def frames(content: Content) -> list[Frame]:
    """All frames of a study that have rows, the first of them the one to begin with."""
    return [
        frame
        for (encoder, reading, variant), rows in _parts(content.deltas)
        for view in content.design.views
        for size in _sizes(rows)
        if (frame := _frame(content, (encoder, reading, variant), view, rows, size))
    ]


def _parts(deltas: pd.DataFrame) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    named = deltas if VARIANT in deltas else deltas.assign(**{VARIANT: ""})
    for (encoder, reading, variant), rows in named.groupby(
        ["encoder", "reading", VARIANT], sort=False
    ):
        yield (str(encoder), str(reading), str(variant)), rows


def _sizes(rows: pd.DataFrame) -> list[str]:
    if SIZE not in rows or rows[SIZE].isna().all():
        return [""]
    return [LARGEST, *(str(size) for size in sorted(rows[SIZE].dropna().unique()))]


def _frame(
    content: Content,
    part: tuple[str, str, str],
    view: View,
    rows: pd.DataFrame,
    size: str,
) -> Frame | None:
    encoder, reading, variant = part
    rows = at_size(rows, None if size in ("", LARGEST) else int(size))
    shown = view.rows(rows)
    if shown.empty:
        return None
    controlled = over_a_control(rows[rows["arm"].isin([view.edges, view.rings])])
    over: dict[tuple[str, str, str], dict[str, ShownEffect]] = {}
    for row in controlled.to_dict("records"):
        ends = row["source"], row["target"], row["arm"]
        over.setdefault(ends, {})[row["over"]] = _effect(row, (), {})
    meant = meaning.by_edge(content)
    edges: dict[tuple[str, str], ShownEffect] = {}
    rings: dict[str, ShownEffect] = {}
    for row in shown.to_dict("records"):
        ends = row["source"], row["target"], row["arm"]
        held = row.get(SIZE)
        size_ = None if held is None or pd.isna(held) else int(held)
        runs = content.runs.get((*part, *ends, size_, row["metric"]), ())
        effect = replace(
            _effect(row, runs, over.get(ends, {})),
            meaning=meant.get(meaning.name_of(row, key_of(content.deltas)), ()),
        )
        if row["arm"] == view.edges:
            edges[effect.source, effect.target] = effect
        else:
            rings[effect.target] = effect
    family = corrected_together(content.design, content.deltas, reading)
    about = short_encoder(encoder), reading, view, family
    words = caption(content.design, *about)
    title = view.title or "pairs and full mix"
    at = dict(zip(AXES, (short_encoder(encoder), reading, variant, title, size), strict=True))
    graph = build_graph(rows, content.tasks, encoder=encoder, reading=reading, view=view)
    return Frame(at, view, words, family, edges, rings, graph)


def _effect(
    row: Mapping[Any, Any], runs: Sequence[SeedRun], over: Mapping[str, ShownEffect]
) -> ShownEffect:
    return ShownEffect(
        source=str(row["source"]),
        target=str(row["target"]),
        arm=str(row["arm"]),
        verdict=str(row["verdict"]),
        numbers={key: float(row[key]) for key in EDGE_NUMBERS},
        by_seed=tuple(run.delta for run in runs if not math.isnan(run.delta)),
        runs=tuple((run.seed, run.model, run.baseline) for run in runs),
        lacking=lacking(row),
        over=over,
    )
