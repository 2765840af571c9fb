"""What a study's report is made of: the page and the Markdown show the same pieces."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

from transfer_study.analysis.edges import distinct_edges
from transfer_study.metrics.measurable import absence
from transfer_study.report.so_far import SoFar
from transfer_study.study.plan import Plan
from transfer_study.study.study import Study

CaptionKey = tuple[str, str, str]  # encoder, reading, name of the view


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


@dataclass(frozen=True)
class Content:
    """The pieces of a report; what is None was not measured or not asked for.

    `deltas`, `scores` and `tasks` are the tables of a study as `results/` holds them, judged by its
    margin and correction. `failed` has the ids of stages that were tried in vain. `leaks` has a row
    a finding, `costs` a row a kind of stage; both are shown as they are. `made` has a row a date,
    device or version that stages were run with, `published` a row an effect that the paper has of
    the same tasks. `captions` are the words below the figures, `figures` the links to the drawn
    ones, relative to the report. `absent` names the classes that a task's test set lacks.
    """

    study: Study
    plan: Plan
    deltas: pd.DataFrame
    scores: pd.DataFrame
    tasks: pd.DataFrame
    failed: Collection[str]
    leaks: pd.DataFrame | None = None
    recommendations: Sequence[Recommended] | None = None
    costs: pd.DataFrame | None = None
    false_edge_rate: str = ""  # what A/A comparisons say
    file: str = "STUDY"  # the study as commands name it
    options: str = ""  # what the report was asked for besides
    warnings: Sequence[str] = ()
    captions: Mapping[CaptionKey, str] = field(default_factory=dict)
    figures: Sequence[str] = ()
    absent: Mapping[str, Sequence[str]] = field(default_factory=dict)
    made: pd.DataFrame | None = None
    published: pd.DataFrame | None = None
    reported: str = ""  # when and with what the report itself was made
    so_far: SoFar | None = None  # of a study that runs

    def absence(self, task: str) -> str | None:
        """What follows from the classes that a task's test set lacks, in a sentence."""
        if task not in self.absent:
            return None
        (of,) = (known for known in self.study.tasks if known.name == task)
        return f"The test set of {task} {absence(of, self.absent[task])}."

    @property
    def edges(self) -> pd.DataFrame:
        """The raw effects of one task, or several, on another, each once: without controls."""
        return distinct_edges(self.deltas)


def family_size(deltas: pd.DataFrame, reading: str) -> int:
    """How many edges of a reading were corrected together."""
    raw = distinct_edges(deltas)
    return int(((raw["reading"] == reading) & raw["adjusted_p"].notna()).sum())
