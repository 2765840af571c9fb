"""The updates of a stage: batches of one task or of every task, their losses, a step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from transfer_study.data.tokens.encode import IGNORED
from transfer_study.data.tokens.mixing import Rows, Update
from transfer_study.learn.checkpoint import State
from transfer_study.learn.distil import distillation_loss
from transfer_study.learn.material import Material
from transfer_study.learn.models.heads import head_kind
from transfer_study.learn.models.model import changing, restore
from transfer_study.learn.models.soft import Learner, SoftlyShared
from transfer_study.learn.optimise.clip import clip_each_norm, clip_norm
from transfer_study.learn.optimise.optim import Course, build_course
from transfer_study.learn.optimise.weigh import LossWeights
from transfer_study.learn.predict import autocast
from transfer_study.study.recipes.recipe import Recipe


def build_courses(model: Learner, recipe: Recipe, epoch: Sequence[Update]) -> dict[str, Course]:
    """Each task's optimiser and schedule, from the updates of an epoch.

    Tasks that move one encoder share theirs. A task with an encoder of its own takes the course
    that it would take alone.
    """
    counts = Counter(name for batches in epoch for name, _ in batches)
    if isinstance(model, SoftlyShared):
        return {
            name: build_course(model.of(name), recipe, recipe.epochs * count)
            for name, count in counts.items()
        }
    return dict.fromkeys(counts, build_course(model, recipe, recipe.epochs * len(epoch)))


class Updates:
    """The updates of one stage: batches, their losses, one step of the optimiser.

    `targets` are those of every training row, `courses` the optimisers, both by task. Without
    `weights` all tasks count alike.
    """

    def __init__(
        self,
        model: Learner,
        materials: Mapping[str, Material],
        targets: Mapping[str, Sequence[NDArray[Any]]],
        recipe: Recipe,
        courses: Mapping[str, Course],
        weights: LossWeights | None = None,
    ) -> None:
        self._model = model
        self._materials = materials
        self._targets = targets
        self._recipe = recipe
        self._courses = courses
        self._weights = weights

    def __call__(self, updates: Iterable[Update]) -> Iterator[dict[str, Tensor]]:
        """Make each update; the losses before it by task, of those that have something to learn.

        They are no numbers where an update was skipped.
        """
        self._model.train()
        for update in updates:
            batches = [(name, rows) for name, rows in update if self._teaches(name, rows)]
            yield self._update(batches) if batches else {}

    def state(self) -> State:
        """What all updates so far leave for the next; not a copy."""
        return {
            "model": changing(self._model),
            "courses": [course.state() for course in self._own_courses()],
            "weights": None if self._weights is None else self._weights.state(),
        }

    def load(self, state: State) -> None:
        """Go on from a state."""
        restore(self._model, state["model"])
        for course, known in zip(self._own_courses(), state["courses"], strict=True):
            course.load(known)
        if self._weights is not None:
            self._weights.load(state["weights"])

    def _own_courses(self) -> list[Course]:
        """The courses, each once, in the order of the tasks."""
        return list(dict.fromkeys(self._courses[name] for name in self._materials))

    def _update(self, batches: Update) -> dict[str, Tensor]:
        learn = self._from_every if self._recipe.updates == "every_task" else self._from_one
        losses = learn(batches)
        course = self._courses[batches[0][0]]
        optimizer = course.optimizer
        if self._recipe.non_finite == "skip" and not self._is_finite(losses):
            optimizer.zero_grad(set_to_none=True)
            course.advance()
            return {
                name: loss + (torch.nan if loss.isfinite() else 0) for name, loss in losses.items()
            }
        optimizer.step()
        if isinstance(self._model, SoftlyShared):
            rate = max(group["lr"] for group in optimizer.param_groups)
            self._model.tie(self._recipe.soft_weight * rate)
        course.advance()
        optimizer.zero_grad(set_to_none=True)
        if self._weights is not None:
            self._weights.learn(losses)
        return losses

    def _from_one(self, batches: Update) -> dict[str, Tensor]:
        """Leave the gradients of one task's batch; its loss."""
        ((name, rows),) = batches
        loss = self._loss(name, rows)
        self._descend(name, loss)
        return {name: loss.detach()}

    def _descend(self, name: str, loss: Tensor) -> None:
        """Leave the gradients of a task's loss, clipped and weighed."""
        loss.backward()  # type: ignore[no-untyped-call]
        self._clip()
        if self._weights is not None:
            gradients = [p.grad for p in self._model.parameters() if p.grad is not None]
            torch._foreach_mul_(gradients, self._weights.of(name))

    def _from_every(self, batches: Update) -> dict[str, Tensor]:
        """Leave the gradients of the mean loss, those of shared parameters as aggregated."""
        # Half a second, which other stages need not wait.
        from transfer_study.learn.optimise.aggregate import combine

        assert not isinstance(self._model, SoftlyShared)
        shared = [p for part in self._model.body for p in part.parameters() if p.requires_grad]
        losses, gradients = {}, []
        for name, rows in batches:
            loss = self._loss(name, rows)
            weight = 1.0 if self._weights is None else self._weights.of(name)
            (loss * weight / len(batches)).backward()  # type: ignore[no-untyped-call]
            # What a task does not read has no gradient of it.
            taken = [torch.zeros_like(p) if p.grad is None else p.grad for p in shared]
            gradients.append(taken)
            for parameter in shared:
                parameter.grad = None
            losses[name] = loss.detach()
        combined = combine(gradients, self._recipe.aggregation)
        for parameter, gradient in zip(shared, combined, strict=True):
            parameter.grad = gradient
        self._clip()
        return losses

    def _loss(self, name: str, rows: Rows) -> Tensor:
        material, recipe = self._materials[name], self._recipe
        collator = material.collators["train"]
        target = collator.targets(rows, self._targets[name])
        loss, logits = self._loss_of(name, collator.inputs(rows), target)
        if material.taught is not None:
            taught = collator.move(np.concatenate([material.taught[r] for r in rows]))
            wanted = (material.task, logits, target, taught, recipe.teacher_temperature)
            loss = torch.lerp(loss, distillation_loss(*wanted), recipe.teacher_weight)
        return loss

    def _loss_of(
        self, name: str, inputs: dict[str, Tensor], target: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The loss of a task's batch, and the logits that it is of."""
        task = self._materials[name].task
        with autocast(target.device, self._recipe.precision):
            logits = self._model(task, inputs)
        return head_kind(task).loss(logits, target), logits

    def _clip(self) -> None:
        if self._recipe.max_gradient_norm:
            clip_norm(self._model.parameters(), self._recipe.max_gradient_norm)
        if self._recipe.max_tensor_norm:
            clip_each_norm(self._model.parameters(), self._recipe.max_tensor_norm)

    def _is_finite(self, losses: dict[str, Tensor]) -> bool:
        """Whether the losses of an update and all of its gradients are numbers."""
        gradients = [p.grad for p in self._model.parameters() if p.grad is not None]
        return bool(
            torch.stack([*losses.values(), *torch._foreach_norm(gradients)]).isfinite().all()
        )

    def _teaches(self, name: str, rows: Rows) -> bool:
        """Whether a batch has a target; one of tagging has none where all its words vanish."""
        if self._materials[name].collators["train"].encoded.words is None:
            return True
        return any((self._targets[name][r] != IGNORED).any() for r in rows)
