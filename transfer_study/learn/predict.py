"""From a model to predictions in the task's own labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from transfer_study.learn.batch import Collator
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.task import Task, TaskKind


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
    logits: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(collator.encoded)
    for rows in collator.by_length():
        with autocast(collator.device, precision):
            output = model(task, collator.inputs(rows))
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
    if task.kind is TaskKind.TAGGING:
        return _tags(task, examples, collator, logits)
    values = np.stack(logits).astype(np.float64)
    if task.kind is TaskKind.REGRESSION:
        scores = values[:, 0].tolist()
        return Predictions(examples, scores, [[s] for s in scores])
    if task.kind is TaskKind.MULTILABEL:
        shares = 1 / (1 + np.exp(-values))
        chosen: list[Label] = [
            tuple(name for name, share in zip(task.labels, row, strict=True) if share > 0.5)
            for row in shares
        ]
        return Predictions(examples, chosen, shares.tolist())
    shares = _softmax(values)
    return Predictions(examples, [task.labels[n] for n in shares.argmax(axis=1)], shares.tolist())


def _tags(
    task: Task,
    examples: Sequence[Example],
    collator: Collator,
    logits: Sequence[NDArray[np.float32]],
) -> Predictions:
    """Join the windows of each sentence."""
    encoded = collator.encoded
    assert encoded.words is not None
    tags: list[list[str | None]] = [[None] * len(example.text) for example in examples]
    scores = [[1.0] * len(example.text) for example in examples]
    for row, example in enumerate(encoded.example):
        begins = encoded.words[row] >= 0
        shares = _softmax(logits[row][: len(begins)][begins].astype(np.float64))
        best = shares.argmax(axis=1)
        for word, tag, share in zip(
            encoded.words[row][begins], best, shares.max(axis=1), strict=True
        ):
            # Tags of continuation and special pieces, where there are any, mean nothing on a word.
            tags[example][word] = task.tags[tag] if tag < len(task.tags) else "O"
            scores[example][word] = float(share)
    return Predictions(examples, [_filled(row) for row in tags], scores)


def _filled(tags: Sequence[str | None]) -> tuple[str, ...]:
    """The tags of a sentence, where a word without a piece (None) continues the mention around it.

    The original study's own preparation drops such words, so that they part no mention.
    """
    filled: list[str] = []
    for n, tag in enumerate(tags):
        after = next((t for t in tags[n:] if t is not None), "O")
        around = after[0] == "I" and bool(filled) and filled[-1][1:] == after[1:]
        filled.append(tag if tag is not None else after if around else "O")
    return tuple(filled)


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
