"""Rows of token ids to padded tensors on a device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from transfer_study.data.tokens.encode import IGNORED, Encoded

# Widths are rounded up to this: every new shape costs the CPU library a kernel that it keeps, which
# grew a worker by 0.4 GB a minute.
_WIDTH = 8
# Predicting takes no gradients: batches hold about so many pieces, padding included.
# A CPU gains nothing by larger batches than fill its cores, and loses by their padding.
_PREDICT_PIECES = {"cpu": 1024, "cuda": 65536}
# Beside the encoder's own arguments: what its frozen layers answer, [batch, length, size].
STATES = "prefix_states"


@dataclass(frozen=True)
class Collator:
    """Pads rows of one split to the longest of the batch, rounded up within `max_length`.

    `states[r]`, where they are known, are what the encoder's frozen layers answer to row r.
    """

    encoded: Encoded
    padding: int
    padding_type: int
    max_length: int
    device: torch.device
    states: tuple[Tensor, ...] | None = None

    def inputs(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """The encoder's keyword arguments for these rows, each [batch, length], and the states."""
        encoded = self.encoded
        ids = self._pad([encoded.ids[r] for r in rows], self.padding)
        lengths = np.array([len(encoded.ids[r]) for r in rows])
        mask = np.arange(ids.shape[1]) < lengths[:, None]
        arrays = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
        if encoded.types is not None:
            arrays["token_type_ids"] = self._pad(
                [encoded.types[r] for r in rows], self.padding_type
            )
        inputs = {name: self.move(array) for name, array in arrays.items()}
        if self.states is not None:
            inputs[STATES] = self._padded_states([self.states[r] for r in rows], ids.shape[1])
        return inputs

    def targets(self, rows: NDArray[np.int64], targets: Sequence[NDArray[Any]]) -> Tensor:
        """The targets of these rows: [batch], [batch, outputs] or, for tagging, [batch, length]."""
        chosen = [targets[r] for r in rows]
        tagging = self.encoded.words is not None
        return self.move(self._pad(chosen, IGNORED) if tagging else np.stack(chosen))

    def move(self, array: NDArray[Any]) -> Tensor:
        """The array as a tensor on the device, copied without waiting where it is a GPU."""
        return self._move(torch.from_numpy(array))

    def _move(self, tensor: Tensor) -> Tensor:
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor

    def by_length(self) -> Iterator[NDArray[np.int64]]:
        """All rows in batches of like length, longest first: too little memory shows at once."""
        lengths = self.encoded.lengths
        order = np.argsort(-lengths, kind="stable")
        budget = _PREDICT_PIECES.get(self.device.type, 1024)
        start = 0
        while start < len(order):
            size = max(1, budget // self._width(int(lengths[order[start]])))
            yield order[start : start + size]
            start += size

    def _padded_states(self, rows: Sequence[Tensor], width: int) -> Tensor:
        padded = rows[0].new_zeros(len(rows), width, rows[0].shape[1])
        for place, row in zip(padded, rows, strict=True):
            place[: len(row)] = row
        return self._move(padded).float()

    def _width(self, longest: int) -> int:
        return max(longest, min(-(-longest // _WIDTH) * _WIDTH, self.max_length))

    def _pad(self, rows: Sequence[NDArray[Any]], value: int) -> NDArray[np.int64]:
        width = self._width(max(map(len, rows)))
        padded = np.full((len(rows), width), value, dtype=np.int64)
        for n, row in enumerate(rows):
            padded[n, : len(row)] = row
        return padded
