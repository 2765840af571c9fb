"""AdamW whose moments are not corrected for their start at 0, as BERT was first trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW

# So many updates on, the correction is none: 0.999 ** n is 0, and n + 1 is n in float32.
_LATE = 2.0**24


def uncorrected_state(parameter: Tensor) -> dict[str, Tensor]:
    """The state of AdamW's own code for a parameter before its first update."""
    return {
        "step": torch.tensor(_LATE, device=parameter.device),
        "exp_avg": torch.zeros_like(parameter),
        "exp_avg_sq": torch.zeros_like(parameter),
    }


class UncorrectedAdamW(AdamW):
    """AdamW without bias correction: the first updates are about three times as large.

    A parameter p of gradient g, with m <- b1 m + (1 - b1) g and v <- b2 v + (1 - b2) g^2, becomes
    p - rate (m / (sqrt(v) + eps) + decay p).
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], lr: float, *, capturable: bool = False
    ) -> None:
        super().__init__(groups, lr=lr, weight_decay=0.0, fused=True, capturable=capturable)
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter] = uncorrected_state(parameter)
