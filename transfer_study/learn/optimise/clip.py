"""Clipping of gradients, in few calls for all parameters."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

# As torch's own clipping divides.
_EPSILON = 1e-6


def clip_norm(parameters: Iterable[nn.Parameter], most: float) -> None:
    """Scale all gradients alike, so that their norm taken together is at most this."""
    nn.utils.clip_grad_norm_(parameters, most, foreach=True)


@torch.no_grad()
def clip_each_norm(parameters: Iterable[nn.Parameter], most: float) -> None:
    """Scale each parameter's gradient, so that its own norm is at most this."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norms = torch.stack(torch._foreach_norm(gradients))
    torch._foreach_mul_(gradients, list((most / (norms + _EPSILON)).clamp(max=1).unbind()))
