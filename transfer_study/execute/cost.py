"""How long a stage will take: examples read, and seconds once like stages were measured."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress

import numpy as np

from transfer_study.records.store import Store
from transfer_study.spec.plan import Plan
from transfer_study.spec.stage import Stage, StageTask

# A backward pass costs about two forward passes.
_TRAINING = 3


def work(stage: Stage) -> float:
    """The forward passes of examples that a stage makes, a training step counted as three."""
    return sum(_task_work(member, stage.recipe.epochs) for member in stage.tasks)


def _task_work(member: StageTask, epochs: int) -> float:
    data = member.data
    return epochs * (_TRAINING * data.train.n + data.dev.n) + data.test.n


class SecondsEstimate:
    """Seconds of a stage as a sum over its tasks, from the stages of a plan that are done.

    A task's examples take as long as its texts are: each task has a rate of its own, found by
    least squares; a task that was not measured gets the mean rate.
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        names = [task.name for task in plan.study.tasks]
        measured = list(_measured(plan, store))
        self._rates: dict[str, float] = {}
        self.measured = len(measured)
        if not measured:
            return
        matrix = np.zeros((len(measured), len(names)))
        for row, (stage, _) in enumerate(measured):
            for member in stage.tasks:
                column = names.index(member.task.name)
                matrix[row, column] = _task_work(member, stage.recipe.epochs)
        seconds = np.array([s for _, s in measured])
        overall = float(seconds.sum() / matrix.sum())
        # Drawn towards the overall rate: few stages may not tell their tasks apart.
        prior = 0.1 * matrix.sum(axis=0).mean() * np.eye(len(names))
        rates = np.linalg.lstsq(
            np.vstack([matrix, prior]),
            np.concatenate([seconds, prior.sum(axis=1) * overall]),
            rcond=None,
        )[0]
        self._rates = {
            name: max(float(rate), 0.1 * overall) for name, rate in zip(names, rates, strict=True)
        }

    def seconds(self, stage: Stage) -> float:
        """The estimate for a stage; call only where `measured` is not 0."""
        return sum(
            self._rates[member.task.name] * _task_work(member, stage.recipe.epochs)
            for member in stage.tasks
        )


def _measured(plan: Plan, store: Store) -> Iterable[tuple[Stage, float]]:
    for stage in plan:
        if store.is_done(stage):
            with suppress(OSError, ValueError, KeyError):
                record = json.loads((store.folder(stage) / "stage.json").read_bytes())
                yield stage, float(record["provenance"]["wall_seconds"])
