"""From a model to predictions in the task's own labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from transfer_study.learn.batch import Collator
from transfer_study.learn.models.heads import head_kind
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.task import Task


@dataclass(frozen=True)
class Predictions:
    """What a model says of a split, in the order of its examples.

    `scores[n]` are probabilities: one a class, or one a word (of the tag chosen); for regression
    the value itself.
    """

    examples: Sequence[Example]
    labels: list[Label]
    scores: list[list[float]]

    @property
    def gold(self) -> list[Label]:
        """The true labels."""
        return [example.label for example in self.examples]

    @property
    def documents(self) -> list[str]:
        """The documents the examples come from."""
        return [example.document for example in self.examples]


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """The context in which a recipe's passes are computed."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision is Precision.BFLOAT16)


@torch.inference_mode()
def row_logits(
    model: nn.Module, task: Task, collator: Collator, precision: Precision
) -> list[NDArray[np.float32]]:
    """The logits of every row of a split, without dropout: [outputs], or [width, outputs]."""
    model.eval()
    batches = list(collator.by_length())
    outputs = []
    for rows in batches:
        with autocast(collator.device, precision):
            outputs.append(model(task, collator.inputs(rows)))
    logits: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(collator.encoded)
    # Read once all batches are on their way: reading one waits for a GPU.
    for rows, output in zip(batches, outputs, strict=True):
        for row, values in zip(rows, output.cpu().numpy(), strict=True):
            logits[row] = values
    return logits


def predict(
    model: nn.Module,
    task: Task,
    examples: Sequence[Example],
    collator: Collator,
    precision: Precision,
) -> Predictions:
    """Predict every example of a split once, without dropout.

    The model takes a task and the encoder's inputs, and gives the task's logits.
    """
    logits = row_logits(model, task, collator, precision)
    answers = head_kind(task).answers(task, examples, collator.encoded, logits)
    return Predictions(examples, *answers)
