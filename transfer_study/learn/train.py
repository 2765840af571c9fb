"""The learning loop: one stage from its starting weights to selected weights and predictions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from transfer_study.data.encode import IGNORED, targets
from transfer_study.data.mixing import mixed_batches
from transfer_study.data.splits import TaskData
from transfer_study.errors import StudyError
from transfer_study.learn.batch import Collator
from transfer_study.learn.model import MultiTaskModel
from transfer_study.learn.optim import build_optimizer, build_schedule
from transfer_study.learn.predict import Predictions, autocast, predict
from transfer_study.metrics import score
from transfer_study.spec.recipe import Recipe
from transfer_study.spec.task import Task, TaskKind

State = dict[str, Tensor]
Epoch = dict[str, Any]


class LearningError(StudyError):
    """Training went wrong in a way that the recipe can mend."""


@dataclass(frozen=True)
class Material:
    """A task's data with each split encoded and ready to be batched."""

    data: TaskData
    collators: Mapping[str, Collator]

    @property
    def task(self) -> Task:
        """The task that the data belong to."""
        return self.data.task


@dataclass(frozen=True)
class Learned:
    """What a stage leaves: its history by epoch, the chosen epochs and the predictions.

    The model carries the weights that a child starts from (the epoch of best mean dev score).
    """

    history: list[Epoch]
    selected: dict[str, int]  # by task; an epoch from 1
    handed_on: int
    predictions: dict[tuple[str, str], Predictions]  # by task and split
    weights: Mapping[int, State]  # of the whole model, by chosen epoch


def train(
    model: MultiTaskModel,
    materials: Mapping[str, Material],
    recipe: Recipe,
    seed: int,
    on_epoch: Callable[[Epoch], None],
) -> Learned:
    """Train on train, select on dev, predict test once with the selected weights.

    Each task's own predictions come from its own best epoch; a child gets the epoch of best mean
    dev score. The earliest of equals is taken.
    """
    device = next(model.parameters()).device
    train_targets = {
        name: targets(m.task, m.data.train, m.collators["train"].encoded)
        for name, m in materials.items()
    }
    lengths = {name: m.collators["train"].encoded.lengths for name, m in materials.items()}
    epochs = mixed_batches(lengths, recipe, seed)
    optimizer = build_optimizer(model, recipe)
    schedule = None
    selection = _Selection(recipe, tuple(materials))
    history: list[Epoch] = []
    for number, batches in enumerate(epochs, start=1):
        if schedule is None:
            schedule = build_schedule(optimizer, recipe, recipe.epochs * len(batches))
        began = time.perf_counter()
        model.train()
        sums = {name: torch.zeros(2, device=device) for name in materials}
        for name, rows in batches:
            material = materials[name]
            collator = material.collators["train"]
            if not _teaches(material.task, [train_targets[name][r] for r in rows]):
                continue
            with autocast(device, recipe.precision):
                logits = model(material.task, collator.inputs(rows))
            loss = _loss(material.task, logits, collator.targets(rows, train_targets[name]))
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), recipe.max_gradient_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            # Kept on the device: reading a loss would wait for the GPU at every update.
            sums[name] += torch.stack([loss.detach(), torch.ones_like(loss)])
        losses = {name: float(s[0] / s[1]) if s[1] else None for name, s in sums.items()}
        _check_finite(losses, number)
        trained = time.perf_counter()
        dev = {
            name: predict(model, m.task, m.data.dev, m.collators["dev"], recipe.precision)
            for name, m in materials.items()
        }
        scores = {
            name: score(
                m.task.metric, m.task, dev[name].gold, dev[name].labels, dev[name].documents
            )
            for name, m in materials.items()
        }
        selection.offer(number, scores, dev, model)
        history.append(
            {
                "epoch": number,
                "updates": len(batches),
                "loss": losses,
                "dev": scores,
                "train_seconds": round(trained - began, 3),
                "dev_seconds": round(time.perf_counter() - trained, 3),
            }
        )
        on_epoch(history[-1])
    return _finish(model, materials, recipe, selection, history)


class _Selection:
    """Keeps the weights of the best epoch of each task and of the mean over the tasks."""

    def __init__(self, recipe: Recipe, tasks: tuple[str, ...]) -> None:
        self._last = recipe.selection == "last"
        self._best: dict[str | None, tuple[float, int]] = {}
        self.states: dict[int, State] = {}
        self._tasks = tasks
        self.dev: dict[str, Predictions] = {}

    def offer(
        self,
        epoch: int,
        scores: Mapping[str, float],
        dev: Mapping[str, Predictions],
        model: nn.Module,
    ) -> None:
        mean = sum(scores[name] for name in sorted(scores)) / len(scores)
        for key, value in (*scores.items(), (None, mean)):
            if self._last or key not in self._best or value > self._best[key][0]:
                self._best[key] = (value, epoch)
                if key is not None:
                    self.dev[key] = dev[key]
        needed = {chosen for _, chosen in self._best.values()}
        if epoch in needed:
            # On the CPU: the device holds one set of weights, however many tasks there are.
            self.states[epoch] = {
                name: tensor.detach().to("cpu", copy=True)
                for name, tensor in model.state_dict().items()
            }
        self.states = {n: state for n, state in self.states.items() if n in needed}

    def epoch(self, task: str | None) -> int:
        return self._best[task][1]

    def restore(self, epoch: int, model: nn.Module) -> None:
        model.load_state_dict(self.states[epoch])


def _finish(
    model: MultiTaskModel,
    materials: Mapping[str, Material],
    recipe: Recipe,
    selection: _Selection,
    history: list[Epoch],
) -> Learned:
    predictions: dict[tuple[str, str], Predictions] = {}
    selected = {name: selection.epoch(name) for name in materials}
    for epoch in sorted(set(selected.values())):
        selection.restore(epoch, model)
        for name, m in materials.items():
            if selected[name] == epoch:
                predictions[name, "dev"] = selection.dev[name]
                predictions[name, "test"] = predict(
                    model, m.task, m.data.test, m.collators["test"], recipe.precision
                )
    selection.restore(selection.epoch(None), model)
    return Learned(history, selected, selection.epoch(None), predictions, selection.states)


def _teaches(task: Task, chosen: list[NDArray[Any]]) -> bool:
    """Whether a batch has a target; one of tagging has none where all its words vanish."""
    return task.kind is not TaskKind.TAGGING or any((row != IGNORED).any() for row in chosen)


def _loss(task: Task, logits: Tensor, target: Tensor) -> Tensor:
    match task.kind:
        case TaskKind.TAGGING:
            return nn.functional.cross_entropy(
                logits.flatten(0, 1), target.flatten(), ignore_index=IGNORED
            )
        case TaskKind.MULTILABEL:
            return nn.functional.binary_cross_entropy_with_logits(logits, target)
        case TaskKind.REGRESSION:
            return nn.functional.mse_loss(logits[:, 0], target)
        case _:
            return nn.functional.cross_entropy(logits, target)


def _check_finite(losses: Mapping[str, float | None], epoch: int) -> None:
    for name, loss in losses.items():
        if loss is not None and not np.isfinite(loss):
            raise LearningError(
                f"the loss of {name} is {loss} in epoch {epoch}; "
                "lower `learning_rate` or set `precision: float32`"
            )
