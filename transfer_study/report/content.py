"""What a study's report is made of: the page and the Markdown show the same pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd

from transfer_study.analysis.edges import distinct_edges
from transfer_study.report.design import Design
from transfer_study.report.sentences.so_far import SoFar

CaptionKey = tuple[str, str, str]  # encoder, reading, name of the view
# Encoder, reading, variant, source, target, arm, the target's size, metric.
RunKey = tuple[str, str, str, str, str, str, int | None, str]


class Recommended(Protocol):
    """Advice for one task, as `analysis.recommend` gives it."""

    @property
    def task(self) -> str:
        """The task that is to be trained."""

    @property
    def encoder(self) -> str:
        """By which encoder the evidence was found."""

    @property
    def reading(self) -> str:
        """In which reading."""

    @property
    def variant(self) -> str:
        """Under which variant of the recipe, empty where the study has none."""

    @property
    def text(self) -> str:
        """The advice as a plain sentence."""

    @property
    def command(self) -> str:
        """What trains and exports the model, or gets the evidence that is missing."""

    @property
    def enough(self) -> bool:
        """Whether the evidence is enough to follow it."""


@dataclass(frozen=True, slots=True)
class SeedRun:
    """What one seed adds to an effect; its model and that one's baseline by what people read."""

    seed: int
    model: str
    baseline: str
    delta: float  # NaN where either has no score


@dataclass(frozen=True)
class Content:
    """The pieces of a report; what is None was not measured or not asked for.

    `deltas`, `scores` and `tasks` are the tables of a study as `results/` holds them, judged by the
    margin and correction of its `design`. `runs` are those of each edge, `failed` has the labels of
    models that were tried in vain, with a line on each. `kinds` has the kind of stage of models by
    label, `recipes` what each kind learns by, `cards` a row a task on its data. `leaks` has a row
    a finding, `costs` a row a kind of stage; both are shown as they are. `made` has a row a date,
    device or version that stages were run with, `published` a row an effect that the paper has of
    the same tasks, `predicted` a row a pair that was not measured and is estimated, `meaning` rows
    of the largest edges (`analysis.meaning.table`). `captions` are
    the words below the figures, `figures` the links to the drawn ones, relative to the report.
    `absent` says of a task what classes its test set lacks. `commands` give the same tables again.
    `training` is what else is to be told of how models were trained, `left_out` of what was not
    compared, `protocols` those that are not clean.
    """

    design: Design
    deltas: pd.DataFrame
    scores: pd.DataFrame
    tasks: pd.DataFrame
    runs: Mapping[RunKey, Sequence[SeedRun]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cards: pd.DataFrame | None = None
    commands: Sequence[str] = ()
    training: str = ""
    left_out: str | None = None
    protocols: Sequence[str] = ()
    leaks: pd.DataFrame | None = None
    recommendations: Sequence[Recommended] | None = None
    costs: pd.DataFrame | None = None
    false_edge_rate: str = ""  # what A/A comparisons say
    file: str = "STUDY"  # the study as commands name it
    warnings: Sequence[str] = ()
    captions: Mapping[CaptionKey, str] = field(default_factory=dict)
    figures: Sequence[str] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    made: pd.DataFrame | None = None
    published: pd.DataFrame | None = None
    predicted: pd.DataFrame | None = None
    meaning: pd.DataFrame | None = None
    reported: str = ""  # when and with what the report itself was made
    so_far: SoFar | None = None  # of a study that runs

    @property
    def edges(self) -> pd.DataFrame:
        """The raw effects of one task, or several, on another, each once: without controls."""
        return distinct_edges(self.deltas)


def family_size(deltas: pd.DataFrame, reading: str) -> int:
    """How many edges of a reading were measured and corrected together."""
    raw = distinct_edges(deltas)
    return int(((raw["reading"] == reading) & raw["adjusted_p"].notna()).sum())


def corrected_together(design: Design, deltas: pd.DataFrame, reading: str) -> int:
    """That number, with the edges that a choice left unmeasured."""
    return family_size(deltas, reading) + design.unmeasured.get(reading, 0)
