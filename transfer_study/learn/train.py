"""The learning loop: one stage from its starting weights to selected weights and predictions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from transfer_study.data.tokens.encode import targets
from transfer_study.data.tokens.mixing import mixed_batches
from transfer_study.errors import StudyError
from transfer_study.learn.material import Material
from transfer_study.learn.predict import Predictions, predict
from transfer_study.learn.replay import ReplayedUpdates, build_updates
from transfer_study.learn.soft import Learner, SoftlyShared
from transfer_study.learn.updates import Updates, build_courses
from transfer_study.learn.weigh import LossWeights, build_weights
from transfer_study.metrics import score
from transfer_study.study.recipes.recipe import Recipe

# Weights are kept on a GPU that has room for so many copies: other stages may share it.
_ROOM = 40
State = dict[str, Tensor]
Epoch = dict[str, Any]


class LearningError(StudyError):
    """Training went wrong in a way that the recipe can mend."""


@dataclass(frozen=True)
class Learned:
    """What a stage leaves: its history by epoch, the chosen epochs and the predictions.

    The model carries the weights that a child starts from (the epoch of best mean dev score).
    `every_epoch` holds the test predictions by task and epoch, where test selects.
    """

    history: list[Epoch]
    selected: dict[str, int]  # by task; an epoch from 1
    handed_on: int
    predictions: dict[tuple[str, str], Predictions]  # by task and split
    every_epoch: dict[tuple[str, int], Predictions]
    weights: Mapping[int, State]  # of the whole model, by chosen epoch, and the one asked for


def train(
    model: Learner,
    materials: Mapping[str, Material],
    recipe: Recipe,
    seed: int,
    on_epoch: Callable[[Epoch], None],
    keep_epoch: int | None = None,
) -> Learned:
    """Train on train, select on dev, predict test once with the selected weights.

    `materials` are in the stage's order. Each task's own predictions come from its own best epoch;
    a child gets the epoch of best mean dev score. The earliest of equals is taken. With `selection:
    best_test`, test is predicted and scored in every epoch and stands in dev's place; with `last`,
    dev is in the last epoch alone. With `patience` the stage may end before its last epoch. The
    weights of `keep_epoch` are kept too, chosen or not. Where the material has no test split, none
    is predicted.
    """
    device = next(model.parameters()).device
    train_targets = {
        name: targets(m.task, m.data.train, m.collators["train"].encoded, recipe)
        for name, m in materials.items()
    }
    lengths = {name: m.collators["train"].encoded.lengths for name, m in materials.items()}
    keys = {name: m.data.key for name, m in materials.items()}
    epochs = mixed_batches(lengths, keys, recipe, seed)
    updates: Updates | None = None
    weights: LossWeights | None = None
    selection = _Selection(tuple(materials), keep_epoch)
    history: list[Epoch] = []
    splits = ("dev", "test") if recipe.selection == "best_test" else ("dev",)
    for number, epoch in enumerate(epochs, start=1):
        if updates is None:
            courses = build_courses(model, recipe, epoch)
            weights = build_weights(recipe, [m.task for m in materials.values()], epoch, device)
            updates = build_updates(model, materials, train_targets, recipe, courses, weights)
        began = time.perf_counter()
        sums = {name: torch.zeros(2, device=device) for name in materials}
        for name, loss in updates(epoch):
            # Kept on the device: reading a loss would wait for the GPU at every update.
            sums[name] += torch.stack([loss, torch.ones_like(loss)])
        losses = {name: float(s[0] / s[1]) if s[1] else None for name, s in sums.items()}
        _check_finite(losses, number)
        trained = time.perf_counter()
        offered = recipe.selection != "last" or number == recipe.epochs
        answers = {
            split: {
                name: predict(
                    model, m.task, m.data.split(split), m.collators[split], recipe.precision
                )
                for name, m in materials.items()
            }
            for split in (splits if offered else ())
        }
        scores = {
            split: {
                name: score(m.task.selection_metric, m.task, a.gold, a.labels, a.documents)
                for name, m in materials.items()
                for a in (of_split[name],)
            }
            for split, of_split in answers.items()
        }
        if offered:
            selection.offer(number, scores[splits[-1]], answers, model)
        history.append(
            {
                "epoch": number,
                "updates": len(epoch),
                "loss": losses,
                **scores,
                "train_seconds": round(trained - began, 3),
                "dev_seconds": round(time.perf_counter() - trained, 3),
            }
        )
        if weights is not None:
            history[-1]["loss_weights"] = {name: float(weights.of(name)) for name in materials}
        if isinstance(updates, ReplayedUpdates):
            history[-1] |= updates.told()
        if isinstance(model, SoftlyShared):
            history[-1]["squared_difference"] = model.squared_difference()
        on_epoch(history[-1])
        if offered and recipe.is_over(number, selection.latest):
            break
    return _finish(model, materials, recipe, selection, history)


class _Selection:
    """Keeps the weights of the best epoch of each task, of the mean over the tasks, and of one."""

    def __init__(self, tasks: tuple[str, ...], kept: int | None) -> None:
        self._kept = kept
        self._best: dict[str | None, tuple[float, int]] = {}
        self.states: dict[int, State] = {}
        self._tasks = tasks
        # Of each task's chosen epoch, by task and split; and of every epoch that predicted test.
        self.answers: dict[tuple[str, str], Predictions] = {}
        self.every_epoch: dict[tuple[str, int], Predictions] = {}

    def offer(
        self,
        epoch: int,
        scores: Mapping[str, float],
        answers: Mapping[str, Mapping[str, Predictions]],
        model: nn.Module,
    ) -> None:
        mean = sum(scores.values()) / len(scores)
        for key, value in (*scores.items(), (None, mean)):
            if key not in self._best or value > self._best[key][0]:
                self._best[key] = (value, epoch)
                if key is not None:
                    self.answers.update({(key, split): answers[split][key] for split in answers})
        for name, predictions in answers.get("test", {}).items():
            self.every_epoch[name, epoch] = predictions
        needed = {self._kept, *(chosen for _, chosen in self._best.values())}
        if epoch in needed:
            self.states[epoch] = _copy(model.state_dict())
        self.states = {n: state for n, state in self.states.items() if n in needed}

    def epoch(self, task: str | None) -> int:
        return self._best[task][1]

    @property
    def latest(self) -> int:
        """The latest epoch that is the best of a task or of the mean."""
        return max(epoch for _, epoch in self._best.values())

    def restore(self, epoch: int, model: nn.Module) -> None:
        model.load_state_dict(self.states[epoch])


def _copy(state: Mapping[str, Tensor]) -> State:
    """A copy of a model's tensors: on their device while it has room for many such, or in memory.

    Bringing them over waits for a GPU at every tensor.
    """
    tensors = [tensor.detach() for tensor in state.values()]
    size = sum(tensor.nbytes for tensor in tensors)
    if tensors[0].is_cuda and torch.cuda.mem_get_info(tensors[0].device)[0] > _ROOM * size:
        return {name: tensor.detach().clone() for name, tensor in state.items()}
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in state.items()}


def _finish(
    model: Learner,
    materials: Mapping[str, Material],
    recipe: Recipe,
    selection: _Selection,
    history: list[Epoch],
) -> Learned:
    predictions = dict(selection.answers)
    selected = {name: selection.epoch(name) for name in materials}
    for epoch in sorted(set(selected.values())):
        asked = [
            name
            for name, m in materials.items()
            if selected[name] == epoch
            and (name, "test") not in predictions
            and "test" in m.collators
        ]
        if asked:
            selection.restore(epoch, model)
        for name in asked:
            m = materials[name]
            predictions[name, "test"] = predict(
                model, m.task, m.data.test, m.collators["test"], recipe.precision
            )
    handed_on = selection.epoch(None)
    selection.restore(handed_on, model)
    kept = selection.every_epoch, selection.states
    return Learned(history, selected, handed_on, predictions, *kept)


def _check_finite(losses: Mapping[str, float | None], epoch: int) -> None:
    for name, loss in losses.items():
        if loss is not None and not np.isfinite(loss):
            raise LearningError(
                f"the loss of {name} is {loss} in epoch {epoch}; "
                "lower `learning_rate` or set `precision: float32`"
            )
