"""How much the loss of each task counts, as a recipe's `loss_weights` say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.optim import Adam

from transfer_study.data.tokens.mixing import Update
from transfer_study.learn.checkpoint import State
from transfer_study.learn.models.heads import head_kind
from transfer_study.learn.optimise.optim import Course
from transfer_study.study.recipes.recipe import Recipe, weights_of
from transfer_study.study.tasks.task import Task

# The rate of log-variances: that of an encoder would leave them where they begin. Adam moves one by
# about so much an update, and losses of 0.05 and 1 are three apart.
_RATE = 0.01


class LossWeights(Protocol):
    """The weights of a stage's tasks, whose mean is 1."""

    def of(self, task: str) -> Tensor:
        """The weight of a task now, a scalar."""

    def learn(self, losses: Mapping[str, Tensor]) -> None:
        """Take notice of the losses of an update, by task."""

    def state(self) -> State:
        """What was learned so far; not a copy."""

    def load(self, state: State) -> None:
        """Go on from a state."""


class FixedWeights:
    """Weights that stay as they are."""

    def __init__(self, weights: Mapping[str, float], device: torch.device) -> None:
        self._weights = {name: torch.tensor(w, device=device) for name, w in weights.items()}

    def of(self, task: str) -> Tensor:
        """The weight of a task."""
        return self._weights[task]

    def learn(self, losses: Mapping[str, Tensor]) -> None:
        """Change nothing."""

    def state(self) -> State:
        """Nothing."""
        return {}

    def load(self, state: State) -> None:
        """Nothing."""


class UncertaintyWeights:
    """A log-variance s a task, learned with the model (Kendall, Gal and Cipolla 2018, equation 10).

    A task's loss L counts as `uncertain_loss` says, so that its gradients have the factor exp(-s),
    half of it for a regression; the factors are divided by their mean over the tasks.
    """

    def __init__(self, tasks: Sequence[Task], device: torch.device) -> None:
        self._tasks = {task.name: n for n, task in enumerate(tasks)}
        self._shares = torch.tensor([head_kind(t).variance_share for t in tasks], device=device)
        # One tensor a task: what has no gradient in an update must not move on.
        self.log_variances = [torch.zeros((), device=device, requires_grad=True) for _ in tasks]
        self._course = Course(Adam(self.log_variances, lr=_RATE))

    @torch.no_grad()
    def of(self, task: str) -> Tensor:
        """The weight of a task now."""
        weights = self._shares * torch.exp(-torch.stack(self.log_variances))
        return weights[self._tasks[task]] / weights.mean()

    def learn(self, losses: Mapping[str, Tensor]) -> None:
        """Make one step of the log-variances of these tasks."""
        for task, loss in losses.items():
            n = self._tasks[task]
            uncertain_loss(self._shares[n], loss.detach(), self.log_variances[n]).backward()  # type: ignore[no-untyped-call]
        self._course.optimizer.step()
        self._course.optimizer.zero_grad(set_to_none=True)

    def state(self) -> State:
        """The log-variances, and how far their course is."""
        return {"log_variances": self.log_variances, "course": self._course.state()}

    @torch.no_grad()
    def load(self, state: State) -> None:
        """Go on from a state."""
        for mine, known in zip(self.log_variances, state["log_variances"], strict=True):
            mine.copy_(known)
        self._course.load(state["course"])


def uncertain_loss(share: Tensor | float, loss: Tensor, log_variance: Tensor) -> Tensor:
    """exp(-s) L + s / 2 of a log-variance s; of a share of 1/2 half of L."""
    return share * torch.exp(-log_variance) * loss + log_variance / 2


def build_weights(
    recipe: Recipe, tasks: Sequence[Task], epoch: Iterable[Update], device: torch.device
) -> LossWeights | None:
    """The weights that a recipe asks for, given the updates of an epoch; None for equal ones."""
    names = [task.name for task in tasks]
    match recipe.loss_weights:
        case "equal":
            return None
        case "uncertainty":
            return UncertaintyWeights(tasks, device)
        case "by_size":
            counts = Counter(name for batches in epoch for name, _ in batches)
            given = {name: 1 / count for name, count in counts.items()}
        case by_task:
            given = by_task
    return FixedWeights(weights_of(given, names), device)
