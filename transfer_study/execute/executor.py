"""What a run has to do, and what can do it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, Protocol

from transfer_study.execute.cost import work
from transfer_study.execute.progress import Progress
from transfer_study.execute.resources import Resources
from transfer_study.execute.schedule import Schedule, longest_first
from transfer_study.execute.suspend import USUAL_MINUTES
from transfer_study.execute.tracking import Tracker, check_trackers
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage

ExecutorKind = Literal["ray", "in-process"]


@dataclass(frozen=True)
class Todo:
    """The stages that a run is to run, as the part of a `plan`, and what is asked of the run.

    `kept` are the ids of those whose weights are kept. The longest by their `cost` begin first, or
    `in_order` the plan's first; with `fail_fast` nothing begins after a failure. The state of what
    runs is kept every `keep_minutes`, or never where that is 0.
    """

    plan: Plan
    kept: Collection[str]
    cost: Callable[[Stage], float] = work
    in_order: bool = False
    fail_fast: bool = False
    keep_minutes: float = USUAL_MINUTES

    @property
    def in_seconds(self) -> bool:
        """Whether the cost is in seconds, for like stages were measured."""
        return self.cost is not work

    def ordered(self) -> tuple[Stage, ...]:
        """The stages in the order in which ready ones begin."""
        return self.plan.stages if self.in_order else longest_first(self.plan, self.cost)

    def schedule(self) -> Schedule:
        """What is ready, before anything has begun."""
        parents = {stage.id: [parent.id for parent in stage.parents] for stage in self.ordered()}
        return Schedule(parents, fail_fast=self.fail_fast)


class Executor(Protocol):
    """Something that runs stages: whatever its schedule says is ready, on what it has."""

    def run(self, todo: Todo, store: Store, progress: Progress) -> None:
        """Commit the stages to the store and tell how they go; a failed one stops no other.

        But it holds back its children. Raises ExecutionError where nothing can be run, and
        RunSuspended where it was asked to stop.
        """


def executor_named(
    name: ExecutorKind, resources: Resources, log_to: tuple[Tracker, ...] = ()
) -> Executor:
    """The executor of this name; only Ray asks for resources and tells trackers.

    Raises ExecutionError for a tracker that could be told nothing.
    """
    check_trackers(log_to, name)
    if name == "in-process":
        from transfer_study.execute.in_process import InProcess

        return InProcess()
    from transfer_study.execute.cluster.on_ray import OnRay

    return OnRay(resources, log_to)
