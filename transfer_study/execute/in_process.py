"""Stages one after another in this process: for tests, debugging and notebooks."""

from __future__ import annotations

from collections.abc import Collection

from transfer_study.execute.progress import Progress
from transfer_study.execute.run_stage import StageFailed, run_stage
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan


def run_in_process(
    plan: Plan,
    store: Store,
    progress: Progress,
    *,
    kept: Collection[str] | None = None,
    fail_fast: bool = False,
) -> None:
    """Run the stages of a plan in its order; a failed stage holds back only its children.

    `kept` are the ids of the stages whose weights are kept, by default those that others of the
    plan start from.
    """
    blocked: set[str] = set()
    kept = plan.parents() if kept is None else kept
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
                keep_model=stage.id in kept,
                on_epoch=lambda epoch, stage=stage: progress.epoch(stage, epoch),  # type: ignore[misc]
            )
        except StageFailed as failure:
            blocked.add(stage.id)
            progress.failed(stage, str(failure), failure.log)
            if fail_fast:
                return
        else:
            progress.finished(stage)
