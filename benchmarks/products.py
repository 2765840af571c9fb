"""The matrix products of training an encoder, alone: what a device could do at best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from side_by_side import clock

Shape = tuple[int, int]
# A product of this many rows and columns shows what a device computes in a second.
_LARGE = {"cpu": 1536, "cuda": 8192}


@dataclass(frozen=True)
class Size:
    """The layers of a BERT, their size, that of their inner layer, and attention heads."""

    layers: int
    hidden: int
    inner: int
    heads: int

    def operations(self, lengths: Iterable[int]) -> float:
        """The operations of learning from sequences of these lengths once, without padding.

        Two a multiplication, three passes an update (Kaplan et al. 2020, with attention).
        """
        pieces = np.asarray(list(lengths), dtype=float)
        weights = 4 * self.hidden**2 + 2 * self.hidden * self.inner
        return float(
            self.layers * 3 * 2 * (weights * pieces.sum() + 2 * self.hidden * (pieces**2).sum())
        )


class Products:
    """The products of the updates of batches, in buffers of their own."""

    def __init__(self, size: Size, shapes: Sequence[Shape], precision: str, device: str) -> None:
        self._size, self._shapes, self._device = size, shapes, device
        dtype = getattr(torch, precision)

        def drawn(*shape: int) -> torch.Tensor:
            return torch.randn(*shape, device=device).to(dtype)

        most = max(batch * length for batch, length in shapes)
        widths = (size.hidden, size.hidden), (size.hidden, size.inner), (size.inner, size.hidden)
        # As often as a layer has a product of these widths.
        self._linear = [
            (times, drawn(most, inputs), drawn(most, outputs), drawn(outputs, inputs))
            for times, (inputs, outputs) in zip((4, 1, 1), widths, strict=True)
        ]
        self._states = drawn(most * size.hidden)
        self._shares = {s: drawn(s[0] * size.heads, s[1], s[1]) for s in set(shapes)}

    def __call__(self, updates: int) -> float:
        """Compute those of the first so many updates; the seconds that it took."""
        began = clock(self._device)
        for shape in self._shapes[:updates]:
            for _ in range(self._size.layers):
                self._layer(shape)
        return clock(self._device) - began

    def _layer(self, shape: Shape) -> None:
        rows = shape[0] * shape[1]
        for times, inputs, outputs, weights in self._linear:
            for _ in range(times):
                torch.mm(inputs[:rows], weights.t())  # forward
                torch.mm(outputs[:rows], weights)  # of the inputs' gradients
                torch.mm(outputs[:rows].t(), inputs[:rows])  # of the weights'
        heads = (shape[0] * self._size.heads, shape[1], self._size.hidden // self._size.heads)
        states, shares = self._states[: rows * self._size.hidden].view(heads), self._shares[shape]
        for _ in range(3):
            torch.bmm(states, states.transpose(1, 2))
            torch.bmm(shares, states)


def rate(precision: str, device: str, times: int = 5) -> float:
    """Operations a second of one large product: the median of some."""
    n = _LARGE[device]
    factors = [torch.randn(n, n, device=device).to(getattr(torch, precision)) for _ in range(2)]
    seconds = []
    for _ in range(times + 1):
        began = clock(device)
        torch.mm(*factors)
        seconds.append(clock(device) - began)
    return float(2 * n**3 / np.median(seconds[1:]))
