"""Optimiser and learning-rate schedule of a recipe."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from transfer_study.learn.depth import parameters_by_depth
from transfer_study.learn.uncorrected_adamw import UncorrectedAdamW
from transfer_study.spec.recipe import Recipe


def build_optimizer(model: nn.Module, recipe: Recipe) -> Optimizer:
    """AdamW; biases and the weights of normalisation layers do not decay.

    With layer-wise decay a layer's rate is that of the next higher one times `layer_decay`: heads
    and pooler have the recipe's rate, the embeddings the lowest. What is frozen is left out.
    """
    normalised = {
        id(parameter)
        for module in model.modules()
        if is_normalisation(module)
        for parameter in module.parameters(recurse=False)
    }
    shares = _rate_shares(model, recipe)
    groups: dict[tuple[float, bool], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        plain = id(parameter) in normalised or name.endswith("bias")
        share = shares.get(name, 1.0)
        group = {
            "params": [],
            "lr": share * recipe.learning_rate,
            "weight_decay": 0.0 if plain else recipe.weight_decay,
        }
        groups.setdefault((share, plain), group)["params"].append(parameter)
    if not recipe.bias_correction:
        return UncorrectedAdamW(groups.values(), lr=recipe.learning_rate)
    return AdamW(list(groups.values()), lr=recipe.learning_rate, fused=True)


def is_normalisation(module: nn.Module) -> bool:
    """Whether a module is a LayerNorm or its like, by any author."""
    return "norm" in type(module).__name__.lower()


def _rate_shares(model: nn.Module, recipe: Recipe) -> dict[str, float]:
    """What share of the recipe's rate each parameter learns with; without decay none is named."""
    if recipe.layer_decay == 1:
        return {}
    depths = {name: depth for depth, name, _ in parameters_by_depth(model)}
    top = max(depths.values())
    return {name: recipe.layer_decay ** (top - depth) for name, depth in depths.items()}


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
