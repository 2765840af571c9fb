"""Optimiser and learning-rate schedule of a recipe."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from transfer_study.learn.checkpoint import State
from transfer_study.learn.models.depth import parameters_by_depth
from transfer_study.learn.optimise.bert_adam import BertAdam
from transfer_study.learn.optimise.uncorrected_adamw import UncorrectedAdamW
from transfer_study.study.recipes.recipe import Recipe


class Course:
    """An optimiser and its schedule: what each update leaves for the next.

    With a `factor` the rate of the n-th update, from 0, is that share of its group's peak; an
    optimiser without one has its schedule inside.
    """

    def __init__(self, optimizer: Optimizer, factor: Callable[[int], float] | None = None) -> None:
        self.optimizer = optimizer
        self._factor = factor
        self._peaks = [float(group["lr"]) for group in optimizer.param_groups]
        self._updates = 0
        self._set_rates()

    def advance(self) -> None:
        """Set the rates of the next update."""
        self._updates += 1
        self._set_rates()

    def state(self) -> State:
        """How far it is, and what it knows of each parameter; not a copy."""
        known = self.optimizer.state
        return {
            "updates": self._updates,
            "moments": [dict(known.get(parameter, {})) for parameter in self._parameters()],
        }

    def load(self, state: State) -> None:
        """Go on from a state of a course over the same parameters."""
        self._updates = state["updates"]
        self._set_rates()
        for parameter, moments in zip(self._parameters(), state["moments"], strict=True):
            if moments:
                self.optimizer.state[parameter] = moments

    def _parameters(self) -> Iterator[Tensor]:
        for group in self.optimizer.param_groups:
            yield from group["params"]

    def _set_rates(self) -> None:
        if self._factor is None:
            return
        share = self._factor(self._updates)
        for group, peak in zip(self.optimizer.param_groups, self._peaks, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(peak * share)
            else:
                group["lr"] = peak * share


def build_course(model: nn.Module, recipe: Recipe, updates: int) -> Course:
    """The course of so many updates of a model."""
    groups = _parameter_groups(model, recipe)
    factor = rate_factor(recipe, updates)
    if recipe.optimizer != "adamw":
        infinity = recipe.optimizer == "bert_adamax"
        return Course(BertAdam(groups, lr=recipe.learning_rate, factor=factor, infinity=infinity))
    on_device = groups[0]["params"][0].is_cuda
    if on_device:  # where recorded updates read their rates
        for group in groups:
            group["lr"] = torch.tensor(group["lr"], device=group["params"][0].device)
    optimizer: AdamW
    if recipe.bias_correction:
        rate = recipe.learning_rate
        optimizer = AdamW(groups, lr=rate, fused=True, capturable=on_device)
    else:
        optimizer = UncorrectedAdamW(groups, lr=recipe.learning_rate, capturable=on_device)
    return Course(optimizer, factor)


def _parameter_groups(model: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Parameters by rate and decay; biases and the weights of normalisation layers do not decay.

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
    return list(groups.values())


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
