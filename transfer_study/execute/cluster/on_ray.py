"""Stages through Ray, which lives in a process of its own (`driver_process`)."""

from __future__ import annotations

from dataclasses import dataclass

from transfer_study.execute.cluster.driver_process import driven, ended_early
from transfer_study.execute.cluster.stage_job import Event, Job
from transfer_study.execute.executor import Todo
from transfer_study.execute.progress import Progress
from transfer_study.execute.resources import Resources
from transfer_study.execute.suspend import run_suspended, suspended_by
from transfer_study.execute.tracking import Tracker
from transfer_study.store.store import Store


@dataclass(frozen=True)
class OnRay:
    """The executor that gives each ready stage to a worker of Ray's, as many as there is room for.

    However a run ends, no process of Ray's stays behind.
    """

    resources: Resources
    log_to: tuple[Tracker, ...] = ()

    def run(self, todo: Todo, store: Store, progress: Progress) -> None:
        """As `Executor` says."""
        schedule, stages = todo.schedule(), {stage.id: stage for stage in todo.plan}
        job = Job.of(todo, store.place, self.resources, self.log_to)
        with driven("stage_driver", job, Event) as driver, suspended_by(driver.suspend):
            for event in driver.events:
                if not event.stage:
                    _tell_of_run(event, progress)
                    continue
                stage = stages[event.stage]
                match event.is_:
                    case "started":
                        schedule.begin(stage.id)
                        progress.started(stage)
                    case "epoch":
                        progress.epoch(stage, event.epoch)
                    case "finished":
                        schedule.finish(stage.id)
                        progress.finished(stage)
                    case "suspended":
                        schedule.give_up(stage.id)
                        progress.suspended(stage)
                    case "returned":
                        progress.returned(stage, event.message)
                    case "failed":
                        progress.failed(stage, event.message, event.log)
                        for child in schedule.give_up(stage.id):
                            progress.held_back(stages[child])
        if driver.suspended:
            raise run_suspended()
        if schedule.left:
            raise ended_early(store)


def _tell_of_run(event: Event, progress: Progress) -> None:
    """Tell of what happened to no stage."""
    match event.is_:
        case "refused":
            progress.refused(event.message)
        case "warned":
            progress.warned(event.message)
        case "waiting":
            progress.waiting(event.count)
