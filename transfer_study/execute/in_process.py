"""Stages one after another in this process: for tests, debugging and notebooks."""

from __future__ import annotations

from functools import partial
from threading import Event

from transfer_study.execute.executor import Todo
from transfer_study.execute.progress import Progress
from transfer_study.execute.run_stage import StageFailed, run_stage
from transfer_study.execute.shared import Shared
from transfer_study.execute.suspend import Keeping, Suspended, run_suspended, suspended_by
from transfer_study.store.runs.leases import leasing
from transfer_study.store.store import Store


class InProcess:
    """The executor that runs whatever is first among the ready."""

    def run(self, todo: Todo, store: Store, progress: Progress) -> None:
        """As `Executor` says."""
        schedule, stages = todo.schedule(), {stage.id: stage for stage in todo.plan}
        asked = Event()
        with suspended_by(asked.set), leasing(store) as leases:
            shared = Shared(schedule, stages.__getitem__, todo.kept, store, leases)
            while schedule.ready:
                if asked.is_set():
                    raise run_suspended()
                taken = shared.take()
                found = shared.found()
                for identity in found:
                    progress.finished(stages[identity])
                if taken is None:
                    if awaited := shared.awaited():
                        progress.waiting(awaited)
                    if not found:
                        shared.wait()
                    continue
                stage = stages[taken]
                progress.started(stage)
                try:
                    run_stage(
                        stage,
                        store,
                        keep_model=stage.id in todo.kept,
                        on_epoch=partial(progress.epoch, stage),
                        keeping=Keeping(todo.keep_minutes, asked.is_set),
                    )
                except Suspended:
                    progress.suspended(stage)
                except StageFailed as failure:
                    progress.failed(stage, str(failure), failure.log)
                    for child in schedule.give_up(stage.id):
                        progress.held_back(stages[child])
                else:
                    schedule.finish(stage.id)
                    progress.finished(stage)
                leases.give_back(stage)
