"""Frozen encoders, softly tied ones, and students of teachers: each does exactly what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from transfer_study.data.tokens.encode import IGNORED
from transfer_study.learn.distil import at_targets, distillation_loss
from transfer_study.learn.models.soft import SoftlyShared
from transfer_study.learn.train import train
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks import kinds

KINDS = (kinds.CLASSIFICATION, kinds.TAGGING)


def state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def learned(school: Any, model: Any, *data: Any, **recipe: Any) -> Any:
    changed = Recipe.model_validate({**school.recipe.model_dump(), "epochs": 2, **recipe})
    torch.manual_seed(0)
    return train(model, school.materials(*data), changed, 0, lambda _: None)


def softly(school: Any, *data: Any) -> SoftlyShared:
    return SoftlyShared({d.task.name: school.model(d, dropout=0.0) for d in data})


def without_dropout(model: torch.nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout_prob"):
            module.dropout_prob = 0.0


def test_a_frozen_encoder_keeps_its_bytes_while_its_head_learns(school: Any) -> None:
    data = school.data(kinds.CLASSIFICATION)
    model = school.model(data)
    model.freeze_body()
    before = state(model)
    assert not any(part.training for part in model.train().body)
    learned(school, model, data, learning_rate=1e-2)
    after = state(model)
    assert {n for n in after if not torch.equal(after[n], before[n])} == {
        n for n in after if n.startswith("heads.")
    }


def test_soft_sharing_without_a_tie_is_learning_alone(school: Any) -> None:
    data = [school.data(kind) for kind in KINDS]
    pair = softly(school, *data)
    alone = [school.model(d, dropout=0.0) for d in data]
    for model in (pair, *alone):
        without_dropout(model)
    together = learned(school, pair, *data, soft_weight=0)
    for d, model in zip(data, alone, strict=True):
        single = learned(school, model, d)
        name = d.task.name
        assert together.predictions[name, "test"].labels == single.predictions[name, "test"].labels
        assert together.predictions[name, "test"].scores == single.predictions[name, "test"].scores


def test_a_strong_tie_is_nearly_one_encoder(school: Any) -> None:
    data = [school.data(kind) for kind in KINDS]
    apart = {}
    for weight in (0.0, 10.0, 1e9):
        model = softly(school, *data)
        history = learned(school, model, *data, soft_weight=weight).history
        apart[weight] = history[-1]["squared_difference"]
    assert apart[0.0] > apart[10.0] > apart[1e9]
    assert apart[1e9] < 1e-6 * apart[0.0]


def test_the_tie_takes_the_exact_proximal_step(school: Any) -> None:
    data = [school.data(kind) for kind in KINDS]
    model = softly(school, *data)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))
    a, b = (model.of(d.task.name).encoder.embeddings.word_embeddings.weight for d in data)
    one, other = a.detach().clone(), b.detach().clone()
    step = 0.3
    model.tie(step)
    # Where the gradient of step * |a - b|^2 + (|a - one|^2 + |b - other|^2) / 2 is zero.
    assert torch.allclose(2 * step * (a - b) + a - one, torch.zeros_like(a), atol=1e-5)
    assert torch.allclose(2 * step * (b - a) + b - other, torch.zeros_like(b), atol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_the_loss_of_distillation_by_hand(school: Any, temperature: float) -> None:
    generator = torch.Generator().manual_seed(1)
    logits, taught = (torch.randn(5, 3, generator=generator) for _ in range(2))
    gold = torch.zeros(5)
    square = temperature**2

    task = school.data(kinds.CLASSIFICATION).task
    teacher = (taught / temperature).softmax(1)
    expected = -(teacher * (logits / temperature).log_softmax(1)).sum(1).mean() * square
    found = distillation_loss(task, logits, gold, taught, temperature)
    assert found.item() == pytest.approx(expected.item())

    task = school.data(kinds.MULTILABEL).task
    p, q = (taught / temperature).sigmoid(), (logits / temperature).sigmoid()
    expected = -(p * q.log() + (1 - p) * (1 - q).log()).mean() * square
    found = distillation_loss(task, logits, gold, taught, temperature)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)

    task = school.data(kinds.REGRESSION).task
    found = distillation_loss(task, logits[:, :1], gold, taught[:, :1], temperature)
    assert found.item() == pytest.approx(((logits - taught)[:, 0] ** 2).mean().item())


def test_tagging_is_distilled_at_the_pieces_that_have_a_target(school: Any) -> None:
    task = school.data(kinds.TAGGING).task
    target = torch.tensor([[IGNORED, 1, IGNORED, 0], [IGNORED, 2, IGNORED, IGNORED]])
    logits = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(2))
    rows = [row.numpy().astype(np.float32) for row in logits * 2]
    taught = torch.from_numpy(np.concatenate(at_targets(task, rows, list(target.numpy()))))
    assert taught.shape == (3, 3)
    chosen = torch.stack([logits[0, 1], logits[0, 3], logits[1, 1]])
    expected = functional.cross_entropy(chosen, (2 * chosen).softmax(1))
    assert distillation_loss(task, logits, target, taught, 1.0).item() == pytest.approx(
        expected.item()
    )
