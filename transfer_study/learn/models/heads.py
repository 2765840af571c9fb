"""What a model does with the outputs of a head, by kind of task: its losses and its answers.

All else of a kind of task takes no torch, and is in study/tasks/kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from transfer_study.data.tokens.encode import IGNORED, Encoded
from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.task import Task

# The logits of each row of a split: [outputs], or [width, outputs].
Logits = Sequence[NDArray[np.float32]]
# The label of each example, and its scores.
Answered = tuple[list[Label], list[list[float]]]


@dataclass(frozen=True, kw_only=True)
class HeadKind:
    """What a kind of task makes of logits.

    `loss` takes those of a batch and its targets; `soft_loss`, the loss of distillation, takes
    them where there is a target, the teacher's and the temperature (learn/distil.py). `answers`
    are those of a split. `variance_share` is the factor of a loss in Kendall et al. (2018).
    """

    loss: Callable[[Tensor, Tensor], Tensor]
    soft_loss: Callable[[Tensor, Tensor, float], Tensor]
    answers: Callable[[Task, Sequence[Example], Encoded, Logits], Answered]
    variance_share: float = 1.0


def head_kind(task: Task) -> HeadKind:
    """What is made of the outputs of a task's head."""
    return HEAD_KINDS[task.kind.word]


def _soft_cross_entropy(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    wanted = (taught / temperature).softmax(dim=1)
    return temperature**2 * functional.cross_entropy(logits / temperature, wanted)


def _soft_binary(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    wanted = (taught / temperature).sigmoid()
    loss = functional.binary_cross_entropy_with_logits(logits / temperature, wanted)
    return temperature**2 * loss


def _class(task: Task, _: Sequence[Example], __: Encoded, logits: Logits) -> Answered:
    shares = _softmax(np.stack(logits).astype(np.float64))
    return [task.labels[n] for n in shares.argmax(axis=1)], shares.tolist()


def _candidate(_: Task, examples: Sequence[Example], __: Encoded, logits: Logits) -> Answered:
    shares = _softmax(np.stack(logits).astype(np.float64))
    scores = [row[: len(e.candidates)] for row, e in zip(shares, examples, strict=True)]
    return [ascii_uppercase[row.argmax()] for row in scores], [row.tolist() for row in scores]


def _classes(task: Task, _: Sequence[Example], __: Encoded, logits: Logits) -> Answered:
    shares = 1 / (1 + np.exp(-np.stack(logits).astype(np.float64)))
    chosen: list[Label] = [
        tuple(name for name, share in zip(task.labels, row, strict=True) if share > 0.5)
        for row in shares
    ]
    return chosen, shares.tolist()


def _value(_: Task, __: Sequence[Example], ___: Encoded, logits: Logits) -> Answered:
    values = np.stack(logits).astype(np.float64)[:, 0].tolist()
    return values, [[value] for value in values]


def _tags(task: Task, examples: Sequence[Example], encoded: Encoded, logits: Logits) -> Answered:
    """Join the windows of each sentence."""
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
            tags[example][word] = task.outputs[tag] if tag < len(task.outputs) else "O"
            scores[example][word] = float(share)
    return [_filled(row) for row in tags], scores


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


HEAD_KINDS: Mapping[str, HeadKind] = MappingProxyType(
    {
        "classification": HeadKind(
            loss=functional.cross_entropy, soft_loss=_soft_cross_entropy, answers=_class
        ),
        "multilabel": HeadKind(
            loss=functional.binary_cross_entropy_with_logits,
            soft_loss=_soft_binary,
            answers=_classes,
        ),
        "regression": HeadKind(
            loss=lambda logits, target: functional.mse_loss(logits[:, 0], target),
            soft_loss=lambda logits, taught, _: functional.mse_loss(logits, taught),
            answers=_value,
            variance_share=0.5,
        ),
        "multiple_choice": HeadKind(
            loss=functional.cross_entropy, soft_loss=_soft_cross_entropy, answers=_candidate
        ),
        "tagging": HeadKind(
            loss=lambda logits, target: functional.cross_entropy(
                logits.flatten(0, 1), target.flatten(), ignore_index=IGNORED
            ),
            soft_loss=_soft_cross_entropy,
            answers=_tags,
        ),
    }
)
