"""What is said between a search and the process that holds Ray."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from transfer_study.execute.cluster.stage_job import RayEvent, RayJob
from transfer_study.study.frozen import Frozen


class Run(Frozen):
    """What every recipe is tried on once: a target's stage with one seed."""

    target: int
    stage: str  # as JSON, by the study's own recipe
    fixed: tuple[str, ...]  # keys that a recipe does not change
    cpus: int


class SearchJob(RayJob):
    """Everything that a search through Ray needs.

    Recipes are `own` and the `whole` space, or some of it, up to `recipes` in all. `until` is when
    the budget ends, in seconds since 1970.
    """

    runs: tuple[Run, ...]
    own: dict[str, Any]
    space: dict[str, tuple[Any, ...]]
    recipes: int
    whole: bool
    until: float


class TrialEvent(RayEvent):
    """Something that happened to a trial; `complete` is the whole search."""

    is_: Literal["began", "epoch", "ended", "failed", "complete", "impossible"]
    trial: str = ""
    run: int = 0
    values: dict[str, Any] = Field(default_factory=dict)
    epoch: int = 0
    dev: float = 0.0
