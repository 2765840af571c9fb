"""The optimisers of BERT's and MT-DNN's own code: no bias correction, decay added to the step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.adamw import adamw

from transfer_study.learn.optimise.uncorrected_adamw import uncorrected_state

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
            for count, parameters in self._by_count(group["params"]).items():
                rate = group["lr"] * self._factor(count)
                update = self._update_by_scale if self._infinity else self._update
                update(parameters, rate, group["weight_decay"])

    def _by_count(self, parameters: Iterable[Tensor]) -> dict[int, list[Tensor]]:
        """The parameters that an update changes, by how many they had before; counts this one."""
        by_count: dict[int, list[Tensor]] = defaultdict(list)
        for parameter in parameters:
            state = self.state[parameter]
            if parameter.grad is None and not state:
                continue
            if not state:
                state.update(uncorrected_state(parameter), updates=0)
            by_count[state["updates"]].append(parameter)
            state["updates"] += 1
        return by_count

    def _update(self, parameters: list[Tensor], rate: float, decay: float) -> None:
        states = [self.state[parameter] for parameter in parameters]
        adamw(
            parameters,
            [_gradient(parameter) for parameter in parameters],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            max_exp_avg_sqs=[],
            state_steps=[state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=_BETA_1,
            beta2=_BETA_2,
            lr=rate,
            weight_decay=decay,
            eps=_EPSILON,
            maximize=False,
        )

    def _update_by_scale(self, parameters: list[Tensor], rate: float, decay: float) -> None:
        gradients = [_gradient(parameter) for parameter in parameters]
        means, scales = (
            [self.state[parameter][name] for parameter in parameters]
            for name in ("exp_avg", "exp_avg_sq")
        )
        torch._foreach_lerp_(means, gradients, 1 - _BETA_1)
        torch._foreach_mul_(scales, _BETA_2)
        sizes = torch._foreach_abs(gradients)
        torch._foreach_add_(sizes, _EPSILON)
        torch._foreach_maximum_(scales, sizes)
        torch._foreach_mul_(parameters, 1 - rate * decay)
        torch._foreach_addcdiv_(
            parameters, means, torch._foreach_add(scales, _EPSILON), value=-rate
        )


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
