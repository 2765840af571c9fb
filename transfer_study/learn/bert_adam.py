"""The optimisers of BERT's and MT-DNN's own code: no bias correction, decay added to the step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-6


class BertAdam(Optimizer):
    """BertAdam, or with `infinity` BertAdamax, with its schedule inside.

    `factor` gives the share of the peak rate at a parameter's n-th update, from 0. A parameter's
    updates, moments and decay advance from its first gradient on: a head that a batch of another
    task leaves without a gradient has a gradient of zero.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        *,
        lr: float,
        factor: Callable[[int], float],
        infinity: bool,
    ) -> None:
        super().__init__(groups, {"lr": lr})
        self._factor = factor
        self._infinity = infinity

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Make one update."""
        if closure is not None:
            raise ValueError("BertAdam takes no closure")
        for group in self.param_groups:
            for parameter in group["params"]:
                self._update(parameter, group["lr"], group["weight_decay"])

    def _update(self, parameter: Tensor, peak: float, decay: float) -> None:
        state = self.state[parameter]
        gradient = parameter.grad
        if gradient is None:
            if not state:
                return
            gradient = torch.zeros_like(parameter)
        if not state:
            state["step"] = 0
            state["mean"] = torch.zeros_like(parameter)
            state["scale"] = torch.zeros_like(parameter)
        mean, scale = state["mean"], state["scale"]
        mean.lerp_(gradient, 1 - _BETA_1)
        if self._infinity:
            torch.maximum(scale.mul_(_BETA_2), gradient.abs().add_(_EPSILON), out=scale)
            step = mean / (scale + _EPSILON)
        else:
            scale.mul_(_BETA_2).addcmul_(gradient, gradient, value=1 - _BETA_2)
            step = mean / (scale.sqrt() + _EPSILON)
        if decay:
            step.add_(parameter, alpha=decay)
        rate = peak * self._factor(state["step"])
        parameter.add_(step, alpha=-rate)
        state["step"] += 1
