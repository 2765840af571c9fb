"""Stages one after another in this process: for tests, debugging and notebooks."""

from __future__ import annotations

from transfer_study.execute.progress import Progress
from transfer_study.execute.run_stage import StageFailed, run_stage
from transfer_study.records.store import Store
from transfer_study.spec.plan import Plan


def run_in_process(
    plan: Plan, store: Store, progress: Progress, *, fail_fast: bool = False
) -> None:
    """Run the stages of a plan in its order; a failed stage holds back only its children."""
    blocked: set[str] = set()
    parents = plan.parents()
    for stage in plan:
        if any(parent.id in blocked for parent in stage.parents):
            blocked.add(stage.id)
            progress.held_back(stage)
            continue
        progress.started(stage)
        try:
            run_stage(
                stage,
                store,
                keep_model=stage.id in parents,
                on_epoch=lambda epoch, stage=stage: progress.epoch(stage, epoch),  # type: ignore[misc]
            )
        except StageFailed as failure:
            blocked.add(stage.id)
            progress.failed(stage, str(failure), failure.log)
            if fail_fast:
                return
        else:
            progress.finished(stage)
