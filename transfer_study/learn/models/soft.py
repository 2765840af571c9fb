"""Soft sharing: a task has an encoder of its own, and a penalty ties the encoders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from transfer_study.learn.models.model import MultiTaskModel
from transfer_study.study.tasks.task import Task


class SoftlyShared(nn.Module):
    """One model a task, tied by the squared differences between the tasks' encoders.

    The penalty is a weight times the sum over pairs of tasks and over corresponding parameters,
    pooler included and heads not (after Duong et al. 2015, "Low resource dependency parsing").
    """

    def __init__(self, members: Mapping[str, MultiTaskModel]) -> None:
        super().__init__()
        self.members = nn.ModuleDict({_member_name(name): model for name, model in members.items()})

    def forward(self, task: Task, inputs: dict[str, Tensor]) -> Tensor:
        """Logits of the task's own model."""
        logits: Tensor = self.of(task.name)(task, inputs)
        return logits

    def of(self, task: str) -> MultiTaskModel:
        """The model of a task."""
        model = self.members[_member_name(task)]
        assert isinstance(model, MultiTaskModel)
        return model

    @torch.no_grad()
    def tie(self, step: float) -> None:
        """Take the penalty's step; `step` is its weight times the learning rate.

        It is the exact proximal step: to the minimum of the penalty plus the squared way there
        over twice the rate. Like AdamW's weight decay it is taken apart from the gradient, whose
        scale AdamW forgets: 0 leaves every task alone, and the larger, the nearer to hard sharing.
        """
        towards_mean = 1 - 1 / (1 + 2 * step * len(self.members))
        for parameters in self._corresponding():
            mean = torch.stack(parameters).mean(0)
            for parameter in parameters:
                parameter.lerp_(mean, towards_mean)

    @torch.no_grad()
    def squared_difference(self) -> float:
        """The penalty at weight 1."""
        # Over all pairs of n, squared differences sum to n times those to the mean: n² variances.
        variances = [
            torch.stack(parameters).var(0, correction=0).sum()
            for parameters in self._corresponding()
        ]
        return len(self.members) ** 2 * float(torch.stack(variances).sum())

    def _corresponding(self) -> list[tuple[nn.Parameter, ...]]:
        """The parameters that learn at one place of all the tasks' encoders."""
        bodies = []
        for model in self.members.values():
            assert isinstance(model, MultiTaskModel)
            parameters = (p for part in model.body for p in part.parameters())
            bodies.append([p for p in parameters if p.requires_grad])
        return list(zip(*bodies, strict=True))


# What a stage trains.
Learner = MultiTaskModel | SoftlyShared


def handed_on(model: Learner, folder: Path) -> dict[Path, MultiTaskModel]:
    """What children start from, by folder: a softly shared encoder is that of the child's task.

    It is named by the task's place.
    """
    if isinstance(model, MultiTaskModel):
        return {folder: model}
    return {
        folder / str(n): member
        for n, member in enumerate(model.members.values())
        if isinstance(member, MultiTaskModel)
    }


def _member_name(task: str) -> str:
    # Torch refuses a module's name that is an attribute already, as a task's `keys` would be.
    return f"{task} model"
