"""Distillation: the part of a task's loss that asks for the answers of its teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from transfer_study.data.tokens.encode import IGNORED
from transfer_study.learn.models.heads import head_kind
from transfer_study.study.tasks.task import Task

# Of each train row, the teacher's logits [targets, outputs]: one target, or a target a word.
Taught = list[NDArray[np.float32]]


def at_targets(
    task: Task, logits: Sequence[NDArray[np.float32]], targets: Sequence[NDArray[Any]]
) -> Taught:
    """Of each row's logits those that have a target: of tagging, not all pieces have."""
    if not task.kind.words:
        return [row[None] for row in logits]
    return [
        row[: len(target)][target != IGNORED] for row, target in zip(logits, targets, strict=True)
    ]


def distillation_loss(
    task: Task, logits: Tensor, target: Tensor, taught: Tensor, temperature: float
) -> Tensor:
    """How far the answers of a batch are from the teacher's, `taught` [targets, outputs].

    The cross-entropy with the teacher's probabilities at a temperature, times its square, so that
    gradients keep their size (Hinton et al. 2015); at 1 that of Liu et al. (2019), "Improving
    multi-task deep neural networks via knowledge distillation". For a regression, the squared
    difference from the teacher's value.
    """
    if task.kind.words:
        logits = logits[target != IGNORED]
    return head_kind(task).soft_loss(logits, taught, temperature)
