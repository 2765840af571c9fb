"""Optimiser and learning-rate schedule of a recipe."""

from __future__ import annotations

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from transfer_study.spec.recipe import Recipe


def build_optimizer(model: nn.Module, recipe: Recipe) -> Optimizer:
    """AdamW; biases and the weights of normalisation layers do not decay."""
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
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=recipe.learning_rate, fused=True)


def build_schedule(optimizer: Optimizer, recipe: Recipe, updates: int) -> LambdaLR:
    """Warm-up over a share of all updates, then linear decay to zero, or a constant rate."""
    warmup = round(recipe.warmup * updates)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        if recipe.schedule == "constant":
            return 1.0
        return (updates - step) / max(updates - warmup, 1)

    return LambdaLR(optimizer, factor)
