"""The gradients of several tasks on the parameters that they share, made one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torchjd.aggregation import PCGradWeighting, SumWeighting, UPGradWeighting, Weighting
from torchjd.linalg import DualConeProjector, PSDMatrix


def combine(gradients: Sequence[Sequence[Tensor]], aggregation: str) -> list[Tensor]:
    """One gradient a parameter from `gradients[task][parameter]`, each of a task's share of a loss.

    `mean` is their sum, which is the gradient of that loss; `pcgrad` and `upgrad` take away first
    what conflicts.
    """
    stacked = [torch.stack(of_tasks) for of_tasks in zip(*gradients, strict=True)]
    if not stacked:
        return []
    flat = [gradient.flatten(1) for gradient in stacked]
    gramian = torch.stack([matrix @ matrix.T for matrix in flat]).sum(0)
    weights = _weighting(aggregation, gramian)(gramian)
    return [torch.tensordot(weights, gradient, dims=1) for gradient in stacked]


def _weighting(aggregation: str, gramian: Tensor) -> Weighting[PSDMatrix]:
    match aggregation:
        case "pcgrad":
            return PCGradWeighting()
        case "upgrad":
            return UPGradWeighting(gramian.new_ones(len(gramian)), _Projector())
    return SumWeighting()


class _Projector(DualConeProjector):
    """The projections of UPGrad by least squares; torchjd's own solver takes two more libraries.

    The smallest v'Gv with v >= u is that of |A(u + z)|^2 with z >= 0, where A'A = G.
    """

    def __call__(self, U: Tensor, G: PSDMatrix) -> Tensor:  # noqa: N803  (torchjd's names)
        from scipy.optimize import nnls

        values, vectors = np.linalg.eigh(G.double().cpu().numpy())
        root = np.sqrt(values.clip(0))[:, None] * vectors.T
        root /= max(np.linalg.norm(root), np.finfo(float).tiny)
        projected = [u + nnls(root, -root @ u)[0] for u in U.double().cpu().numpy()]
        return torch.from_numpy(np.stack(projected)).to(U)
