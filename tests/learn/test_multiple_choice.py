"""Candidates are scored each with the text, and an example's scores are held against each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from transfer_study.data.splits import TaskData
from transfer_study.data.streams import stream
from transfer_study.learn.batch import CANDIDATES, by_row, for_encoder
from transfer_study.learn.distil import distillation_loss
from transfer_study.learn.models.heads import head_kind
from transfer_study.metrics import score
from transfer_study.metrics.constant import best_constant
from transfer_study.study.tasks import kinds
from transfer_study.study.tasks.example import Example

from .conftest import FILLERS


def asked(split: str, n: int, random: np.random.Generator) -> Example:
    """Which candidate has the colour of the text: neither says anything by itself."""
    text, wrong = random.permutation(["red", "blue"])
    count = int(random.integers(2, 4))
    right = int(random.integers(count))
    candidates = tuple(
        f"{random.choice(FILLERS)} {text if k == right else wrong}" for k in range(count)
    )
    words = (f"{random.choice(FILLERS)} {text}",)
    return Example(f"{split}{n}", f"{split}{n}", words, "ABC"[right], candidates=candidates)


@pytest.fixture
def data(school: Any) -> TaskData:
    task = school.data(kinds.MULTIPLE_CHOICE).task
    splits = {
        split: tuple(asked(split, n, random) for n in range(size))
        for split, size in (("train", 300), ("dev", 60), ("test", 100))
        for random in (stream("asked", split),)
    }
    return TaskData(task, **splits, key="asked")


def test_what_only_text_and_candidate_together_tell_is_learned(school: Any, data: TaskData) -> None:
    _, learned = school.learn(data, epochs=12)
    found = learned.predictions[data.task.name, "test"]
    value = score(data.task.metric, data.task, found.gold, found.labels, found.documents)
    chance = np.mean([1 / len(e.candidates) for e in data.test])
    assert chance < best_constant(data.task, found.gold, found.documents) < 0.6
    assert value > 0.9


def test_a_batch_has_a_sequence_a_candidate_and_a_score_for_each(
    school: Any, data: TaskData
) -> None:
    collator = school.collator(data.task, data.test, 24)
    rows = np.array([3, 0, 7])
    inputs = collator.inputs(rows)
    counts = [len(data.test[row].candidates) for row in rows]
    assert {len(tensor) for tensor in for_encoder(inputs).values()} == {sum(counts)}
    places = inputs[CANDIDATES].tolist()
    assert [place for row in places for place in row if place >= 0] == list(range(sum(counts)))
    scores = by_row(torch.arange(1.0, 1 + sum(counts))[:, None], inputs)
    shares = scores.softmax(dim=1)
    assert [int((row > 0).sum()) for row in shares] == counts
    assert (shares > 0).tolist() == [[place >= 0 for place in row] for row in places]


@pytest.mark.parametrize("temperature", [0.01, 1.0, 4.0])
def test_candidates_that_are_not_there_add_nothing_to_a_loss(
    school: Any, data: TaskData, temperature: float
) -> None:
    inputs = {CANDIDATES: torch.tensor([[0, 1, -1]])}
    logits = torch.tensor([[0.3], [-0.4]], requires_grad=True)
    teacher = torch.tensor([[0.1], [0.2]])
    target = torch.tensor([1])
    wide, narrow = by_row(logits, inputs), logits.T
    losses = [
        (
            head_kind(data.task).loss(x, target),
            distillation_loss(data.task, x, target, t, temperature),
        )
        for x, t in ((wide, by_row(teacher, inputs)), (narrow, teacher.T))
    ]
    torch.testing.assert_close(losses[0], losses[1])
    sum(losses[0]).backward()
    assert logits.grad is not None and torch.isfinite(logits.grad).all()
