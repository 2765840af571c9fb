"""How long a stage will take: examples read, and seconds once like stages were measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from transfer_study.records.store import Store
from transfer_study.spec.fingerprint import DataFingerprint
from transfer_study.spec.plan import Plan
from transfer_study.spec.stage import Stage

# A backward pass costs about two forward passes.
_TRAINING = 3


def work(stage: Stage) -> float:
    """The forward passes of examples that a stage makes, a training step counted as three."""
    return sum(_task_work(member.data, stage.recipe.epochs) for member in stage.tasks)


def _task_work(data: DataFingerprint, epochs: int) -> float:
    return epochs * (_TRAINING * data.train.n + data.dev.n) + data.test.n


class SecondsEstimate:
    """Seconds of a stage as a sum over its tasks, from all stages of the store that are like it.

    A task's examples take as long as its texts are: each task has a rate of its own with each
    encoder, found by least squares; a task that was not measured gets the mean rate, and so does
    an encoder.
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        names = [task.name for task in plan.study.tasks]
        encoders = set(plan.fingerprints.encoders.values())
        measured = [
            row for row in _measured(store) if row[0] in encoders and set(row[1]) <= set(names)
        ]
        self.measured = len(measured)
        self._usual = _rates(measured, names)
        self._rates = {
            encoder: _rates([row for row in measured if row[0] == encoder], names)
            for encoder in {row[0] for row in measured}
        }

    def seconds(self, stage: Stage) -> float:
        """The estimate for a stage; call only where `measured` is not 0."""
        rates = self._rates.get(stage.encoder_hash, self._usual)
        return sum(
            rates[member.task.name] * _task_work(member.data, stage.recipe.epochs)
            for member in stage.tasks
        )


_Measured = tuple[str, dict[str, DataFingerprint], int, float]


def _rates(measured: Sequence[_Measured], names: Sequence[str]) -> dict[str, float]:
    """Seconds a unit of work by task; none where nothing was measured."""
    if not measured:
        return {}
    matrix = np.zeros((len(measured), len(names)))
    for row, (_, tasks, epochs, _) in enumerate(measured):
        for name, data in tasks.items():
            matrix[row, names.index(name)] = _task_work(data, epochs)
    seconds = np.array([taken for *_, taken in measured])
    overall = float(seconds.sum() / matrix.sum())
    # Drawn towards the overall rate: few stages may not tell their tasks apart.
    prior = 0.1 * matrix.sum(axis=0).mean() * np.eye(len(names))
    rates = np.linalg.lstsq(
        np.vstack([matrix, prior]),
        np.concatenate([seconds, prior.sum(axis=1) * overall]),
        rcond=None,
    )[0]
    return {name: max(float(rate), 0.1 * overall) for name, rate in zip(names, rates, strict=True)}


def _measured(store: Store) -> Iterator[_Measured]:
    """Encoder, data by task, epochs and seconds of every stage in the store."""
    for record in store.records():
        with suppress(KeyError, TypeError, ValueError):
            content = record["pre_image"]
            tasks = {t["name"]: DataFingerprint.model_validate(t["data"]) for t in content["tasks"]}
            seconds = float(record["provenance"]["wall_seconds"])
            yield content["encoder"], tasks, content["recipe"]["epochs"], seconds
