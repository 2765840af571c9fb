"""What is said between a run and the process that holds Ray: a job one way, events the other."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from transfer_study.execute.resources import Resources
from transfer_study.study.frozen import Frozen
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage


class Work(Frozen):
    """A stage as Ray has it: what to run, after which others, and on how many CPUs."""

    id: str
    stage: str  # as JSON
    parents: tuple[str, ...]
    keep_model: bool
    cpus: int


class Job(Frozen):
    """Everything that a run through Ray needs; of two stages that are ready the first begins."""

    store: Path
    resources: Resources
    fail_fast: bool
    works: tuple[Work, ...]


class Event(Frozen):
    """Something that happened to a stage; `complete` and `impossible` are of the whole job."""

    is_: Literal["started", "epoch", "finished", "failed", "held_back", "complete", "impossible"]
    stage: str = ""
    message: str = ""
    log: Path | None = None
    epoch: dict[str, Any] = Field(default_factory=dict)


def job_of(
    plan: Plan,
    store: Path,
    resources: Resources,
    cost: Callable[[Stage], float] | None,
    kept: Collection[str],
    fail_fast: bool,
) -> Job:
    """The stages of a plan, the longest by this cost first; without one in the plan's order.

    `kept` are the ids of those whose weights are kept.
    """
    works = (
        Work(
            id=stage.id,
            stage=stage.model_dump_json(),
            parents=tuple(parent.id for parent in stage.parents),
            keep_model=stage.id in kept,
            cpus=stage.recipe.cpu_threads,
        )
        for stage in (_longest_first(plan, cost) if cost else plan)
    )
    return Job(store=store, resources=resources, fail_fast=fail_fast, works=tuple(works))


def _longest_first(plan: Plan, cost: Callable[[Stage], float]) -> list[Stage]:
    """Stages by the longest path that begins with them, so that no long chain starts last."""
    longest: dict[str, float] = {}
    after: dict[str, float] = {}
    for stage in reversed(plan.stages):
        longest[stage.id] = cost(stage) + after.get(stage.id, 0.0)
        for parent in stage.parents:
            after[parent.id] = max(after.get(parent.id, 0.0), longest[stage.id])
    return sorted(plan.stages, key=lambda stage: -longest[stage.id])
