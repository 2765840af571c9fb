"""What is said between a run and the process that holds Ray: a job one way, events the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from typing_extensions import Self

from transfer_study.execute.executor import Todo
from transfer_study.execute.program import Program
from transfer_study.execute.resources import Resources
from transfer_study.execute.tracking import Tracker
from transfer_study.store.runs.host import names_told
from transfer_study.study.frozen import Frozen
from transfer_study.study.stage_labels import stage_labels


class RayJob(Frozen):
    """What every process that holds Ray is told: where stages go, and what it may use."""

    store: str  # what names it: a folder or a URL
    resources: Resources


class RayEvent(Frozen):
    """What it tells; `impossible` is the job as a whole, as the message says."""

    is_: str
    message: str = ""


# Ray has started, and a worker of its was tried.
UP = RayEvent(is_="up")
# Seconds; the first worker on a machine that is busy may take long to come.
LONGEST_START = 180.0
NO_WORKER = (
    f"Ray has started no worker on this machine within {LONGEST_START:g} seconds; its processes "
    "say why in the newest folder of the sessions that it keeps (usually "
    "/tmp/ray/session_latest/logs), and where the machine is busy give the command again"
)


class Work(Frozen):
    """A stage as Ray has it: what to run, after which others, and on how many CPUs."""

    id: str
    label: str
    stage: str  # as JSON
    parents: tuple[str, ...]
    keep_model: bool
    cpus: int
    cost: float


class Job(RayJob):
    """Everything that a run through Ray needs; of two stages that are ready the first begins.

    Machines whose `program` is another are given none. Costs are `in_seconds` or in proportion to
    them. `log_to` are the trackers that are told of the `study`; without `host_names` no record
    says where a stage was run.
    """

    study: str
    log_to: tuple[Tracker, ...] = ()
    host_names: bool = True
    fail_fast: bool
    keep_minutes: float
    program: Program
    in_seconds: bool
    works: tuple[Work, ...]

    @classmethod
    def of(
        cls, todo: Todo, store: str, resources: Resources, log_to: tuple[Tracker, ...] = ()
    ) -> Self:
        """What there is to do, with the store and the resources to do it with."""
        labels = stage_labels(todo.plan)
        works = (
            Work(
                id=stage.id,
                label=labels[stage.id],
                stage=stage.model_dump_json(),
                parents=tuple(parent.id for parent in stage.parents),
                keep_model=stage.id in todo.kept,
                cpus=stage.recipe.cpu_threads,
                cost=todo.cost(stage),
            )
            for stage in todo.ordered()
        )
        return cls(
            store=store,
            resources=resources,
            study=todo.plan.study.name,
            log_to=log_to,
            host_names=names_told(),
            fail_fast=todo.fail_fast,
            keep_minutes=todo.keep_minutes,
            program=Program.here(),
            in_seconds=todo.in_seconds,
            works=tuple(works),
        )


class Event(RayEvent):
    """Something that happened to a stage, which runs again if `returned`.

    One that is `suspended` has kept how far it is, and the run stops. `refused` is a machine, and
    `warned` what else went wrong and ends nothing, as the message says; `waiting` is for so many
    stages of other runs.
    """

    is_: Literal[
        "started",
        "epoch",
        "finished",
        "failed",
        "returned",
        "suspended",
        "refused",
        "waiting",
        "warned",
        "impossible",
    ]
    stage: str = ""
    log: Path | None = None
    count: int = 0
    epoch: dict[str, Any] = Field(default_factory=dict)
