"""Optimiser and learning-rate schedule of a recipe."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from transfer_study.learn.bert_adam import BertAdam
from transfer_study.spec.recipe import Recipe


def build_optimizer(
    model: nn.Module, recipe: Recipe, updates: int
) -> tuple[Optimizer, Callable[[], None]]:
    """The optimiser of so many updates, and what advances its schedule after each of them."""
    groups = _parameter_groups(model, recipe.weight_decay)
    factor = rate_factor(recipe, updates)
    if recipe.optimizer == "adamw":
        optimizer = AdamW(groups, lr=recipe.learning_rate, fused=True)
        return optimizer, LambdaLR(optimizer, factor).step
    infinity = recipe.optimizer == "bert_adamax"
    own = BertAdam(groups, lr=recipe.learning_rate, factor=factor, infinity=infinity)
    return own, lambda: None


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Biases and the weights of normalisation layers do not decay."""
    normalised = {
        id(parameter)
        for module in model.modules()
        if "norm" in type(module).__name__.lower()
        for parameter in module.parameters(recurse=False)
    }
    decayed: list[nn.Parameter] = []
    spared: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        plain = id(parameter) in normalised or name.endswith("bias")
        (spared if plain else decayed).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]


def rate_factor(recipe: Recipe, updates: int) -> Callable[[int], float]:
    """The share of the peak rate at each of so many updates, the first being 0.

    `linear` and `constant` rise over the warm-up and go on from the peak. The `warmup_` schedules
    are those of BERT's code: from 0, and stepping down where the warm-up ends.
    """
    if recipe.schedule.startswith("warmup_"):
        return _bert_factor(recipe.schedule, recipe.warmup, updates)
    warmup = round(recipe.warmup * updates)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        if recipe.schedule == "constant":
            return 1.0
        return (updates - step) / max(updates - warmup, 1)

    return factor


def _bert_factor(schedule: str, warmup: float, updates: int) -> Callable[[int], float]:
    after: dict[str, Callable[[float], float]] = {
        "warmup_linear": lambda x: 1 - x,
        "warmup_constant": lambda _: 1.0,
        "warmup_cosine": lambda x: 0.5 * (1 + math.cos(math.pi * x)),
    }

    def factor(step: int) -> float:
        x = step / updates
        return x / warmup if x < warmup else after[schedule](x)

    return factor
