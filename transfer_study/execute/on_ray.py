"""Stages through Ray, which lives in a process of its own (`driver_process`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from transfer_study.errors import ExecutionError
from transfer_study.execute.driver_process import driven
from transfer_study.execute.job import Event, job_of
from transfer_study.execute.progress import Progress
from transfer_study.execute.resources import Resources
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage


def run_on_ray(
    plan: Plan,
    store: Store,
    progress: Progress,
    resources: Resources,
    *,
    cost: Callable[[Stage], float] | None,
    kept: Collection[str],
    fail_fast: bool = False,
) -> None:
    """Run the stages of a plan on Ray; a failed stage holds back only its children.

    The longest by this cost are first, without one those that are first in the plan. `kept` are the
    ids of the stages whose weights are kept. Raises ExecutionError where Ray cannot run them;
    however it ends, no process of Ray's stays behind.
    """
    stages = {stage.id: stage for stage in plan}
    complete = False
    job = job_of(plan, store.root, resources, cost, kept, fail_fast).model_dump_json()
    with driven("ray_driver", job, resources, store) as lines:
        for event in map(Event.model_validate_json, lines):
            if event.is_ == "impossible":
                raise ExecutionError(event.message)
            if event.is_ == "complete":
                complete = True
            else:
                _pass_on(event, stages, progress)
    if not complete:
        raise ExecutionError(
            f"Ray ended before its work did; what it said is in {store.ray_log}. Finished stages "
            "are kept; the same command continues"
        )


def _pass_on(event: Event, stages: Mapping[str, Stage], progress: Progress) -> None:
    stage = stages[event.stage]
    match event.is_:
        case "started":
            progress.started(stage)
        case "epoch":
            progress.epoch(stage, event.epoch)
        case "finished":
            progress.finished(stage)
        case "failed":
            progress.failed(stage, event.message, event.log)
        case "held_back":
            progress.held_back(stage)
