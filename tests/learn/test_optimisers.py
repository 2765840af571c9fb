"""The quick optimisers and clippings do what plain loops over the parameters do."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from transfer_study.learn.optimise.bert_adam import BertAdam
from transfer_study.learn.optimise.clip import clip_each_norm, clip_norm
from transfer_study.learn.optimise.uncorrected_adamw import UncorrectedAdamW

SHAPES = ((30, 20), (20,), (7, 3, 2), (1,))
RATE, DECAY = 0.01, 0.3


def factor(updates: int) -> float:
    return 1 - updates / 50


def drawn(*, seed: int = 0) -> list[nn.Parameter]:
    random = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=random)) for shape in SHAPES]


def plain_bert_adam(
    starts: list[Tensor], gradients: list[list[Tensor | None]], *, infinity: bool
) -> list[Tensor]:
    """BertAdam, or BertAdamax, a parameter and an update at a time, in double precision."""
    ends = []
    for n, start in enumerate(starts):
        p, m, v, updates = start.double(), torch.zeros(()), torch.zeros(()), 0
        for step in gradients:
            given = step[n]
            if given is None and not updates:
                continue
            g = torch.zeros(()) if given is None else given.double()
            m = 0.9 * m + 0.1 * g
            if infinity:
                v = torch.maximum(0.999 * v, g.abs() + 1e-6)
                change = m / (v + 1e-6)
            else:
                v = 0.999 * v + 0.001 * g * g
                change = m / (v**0.5 + 1e-6)
            p = p - RATE * factor(updates) * (change + DECAY * p)
            updates += 1
        ends.append(p)
    return ends


@pytest.mark.parametrize("infinity", [False, True])
def test_bert_adam_follows_its_formula(infinity: bool) -> None:
    """The second parameter begins late, and the third misses updates, as heads of a mix do."""
    parameters = drawn()
    starts = [parameter.detach().clone() for parameter in parameters]
    optimizer = BertAdam(
        [{"params": parameters, "weight_decay": DECAY}],
        lr=RATE,
        factor=factor,
        infinity=infinity,
    )
    gradients: list[list[Tensor | None]] = []
    for step in range(20):
        given: list[Tensor | None] = [p.detach() for p in drawn(seed=step + 1)]
        if step < 5:
            given[1] = None
        if step % 3:
            given[2] = None
        gradients.append(given)
        for parameter, gradient in zip(parameters, given, strict=True):
            parameter.grad = gradient
        optimizer.step()
    expected = plain_bert_adam(starts, gradients, infinity=infinity)
    for parameter, end, start in zip(parameters, expected, starts, strict=True):
        torch.testing.assert_close(parameter.double(), end, rtol=1e-5, atol=1e-6)
        assert (end - start).abs().mean() > 0.02


def test_a_parameter_without_any_gradient_stays_as_it_is() -> None:
    for make in (
        lambda groups: BertAdam(groups, lr=RATE, factor=factor, infinity=False),
        lambda groups: UncorrectedAdamW(groups, lr=RATE),
    ):
        parameters = drawn()
        optimizer = make([{"params": parameters, "weight_decay": DECAY}])
        parameters[0].grad = torch.ones_like(parameters[0])
        optimizer.step()
        assert not torch.equal(parameters[0], drawn()[0])
        assert all(torch.equal(a, b) for a, b in zip(parameters[1:], drawn()[1:], strict=True))


@pytest.mark.parametrize("most", [0.01, 1.0, 1e9])
def test_clippings_are_those_of_a_loop(most: float) -> None:
    for quick, each in ((clip_norm, False), (clip_each_norm, True)):
        ours, plain = drawn(), drawn()
        for parameters in (ours, plain):
            for n, parameter in enumerate(parameters[:-1]):  # the last has no gradient
                parameter.grad = (n + 1) * parameter.detach().clone()
        quick(ours, most)
        for part in [[p] for p in plain] if each else [plain]:
            nn.utils.clip_grad_norm_(part, most, foreach=False)
        for a, b in zip(ours, plain, strict=True):
            assert (a.grad is None) == (b.grad is None)
            if a.grad is not None and b.grad is not None:
                torch.testing.assert_close(a.grad, b.grad, rtol=1e-6, atol=0)
