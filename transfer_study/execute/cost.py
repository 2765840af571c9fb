"""How long a stage will take: examples read, and seconds once like stages were measured."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage, StageKind
from transfer_study.study.tasks.source import SPLITS
from transfer_study.study.tasks.task import HALVES

# A backward pass costs about two forward passes.
_TRAINING = 3


# The texts of pretraining, where other stages have tasks; no task can have this name.
_TEXTS = "(texts)"


def work(stage: Stage) -> float:
    """The forward passes of examples that a stage makes, a training step counted as three.

    At the most: with `patience` it may make fewer epochs.
    """
    return sum(_works(stage.pre_image).values())


def passes(epochs: int, train: float, dev: int, test: int) -> float:
    """The forward passes in which so many rows are learned, chosen on and answered."""
    return epochs * (_TRAINING * train + dev) + test


def is_at_most(stages: Iterable[Stage]) -> bool:
    """Whether what is estimated for these stages is the most that they take."""
    return any(stage.recipe.patience is not None for stage in stages)


def _works(content: Mapping[str, Any], ended_after: int | None = None) -> dict[str, float]:
    """The work of a stage by task, from its pre-image; of one that ended early up to then."""
    recipe = content["recipe"]
    epochs, updates = ended_after or recipe["epochs"], recipe.get("epoch_updates")
    works: dict[str, float] = defaultdict(float)
    for task in content["tasks"]:
        data = task["data"]
        train, dev, test = (data[split]["n"] for split in SPLITS)
        # A derived task's examples are its origin's.
        share = 0.5 if task.get("transform", {}).get("change") in HALVES else 1
        n = updates * recipe["batch_size"] if updates else share * train
        works[data["key"]] += passes(epochs, n, dev, test)
    if "texts" in content:
        works[_TEXTS] = passes(epochs, content["texts"]["content"]["n"], 0, 0)
    return works


def seconds_taken(plan: Plan, store: Store) -> float:
    """What the finished stages of a plan took, whenever they were run."""
    done = (store.record(stage) for stage in plan if store.is_done(stage))
    return sum(record.provenance.wall_seconds for record in done)


class SecondsEstimate:
    """Seconds of a stage as a sum over its tasks, from all stages of the store that are like it.

    A task's examples take as long as its texts are: each task has a rate of its own with each
    encoder and number of frozen layers, found by least squares, and so have the texts of
    pretraining. What was not measured, task or encoder, gets the mean rate.
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        names = [*sorted({data.key for data in plan.fingerprints.data.values()}), _TEXTS]
        encoders = set(plan.fingerprints.encoders.values())
        measured = [
            row for row in _measured(store) if row[0][0] in encoders and set(row[1]) <= set(names)
        ]
        self.measured = len(measured)
        self._usual = _rates(measured, names)
        self._rates = {
            learner: _rates([row for row in measured if row[0] == learner], names)
            for learner in {row[0] for row in measured}
        }

    def seconds(self, stage: Stage) -> float:
        """The estimate for a stage; call only where `measured` is not 0."""
        rates = self._rates.get(_learner(stage.pre_image), self._usual)
        return sum(rates[name] * amount for name, amount in _works(stage.pre_image).items())


def stage_cost(plan_: Plan, store: Store) -> Callable[[Stage], float]:
    """Estimated seconds of a stage where like stages were measured, else its amount of work."""
    estimate = SecondsEstimate(plan_, store)
    return estimate.seconds if estimate.measured else work


# An encoder's hash, how many of its layers are frozen (-1 is all, with all that is on top), and the
# kind of adapter that learns in its place, if any.
_Learner = tuple[str, int, str]
_Measured = tuple[_Learner, dict[str, float], float]


def _learner(content: Mapping[str, Any]) -> _Learner:
    recipe = content["recipe"]
    frozen = -1 if content["kind"] == StageKind.HEADS else recipe.get("freeze_layers", 0)
    return str(content["encoder"]), int(frozen), str(recipe.get("adapter", {"kind": ""})["kind"])


def _rates(measured: Sequence[_Measured], names: Sequence[str]) -> dict[str, float]:
    """Seconds a unit of work by task; none where nothing was measured."""
    if not measured:
        return {}
    matrix = np.zeros((len(measured), len(names)))
    for row, (_, works, _) in enumerate(measured):
        for name, amount in works.items():
            matrix[row, names.index(name)] = amount
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
    """What learned, work by task and seconds of every stage in the store."""
    for record in store.records():
        with suppress(KeyError, TypeError, ValueError):
            works = _works(record.pre_image, record.ended_after)
            if math.isfinite(sum(works.values())):
                yield _learner(record.pre_image), works, record.provenance.wall_seconds
