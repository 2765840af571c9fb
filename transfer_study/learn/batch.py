"""Rows of token ids to padded tensors on a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
# Beside the encoder's own arguments: what its frozen layers answer, [sequences, length, size];
# which sequences are the candidates of each row, [batch, candidates], -1 where a row has no more.
STATES, CANDIDATES = "prefix_states", "candidates"
# The score of a candidate that a row does not have: no share of any other, but a finite number.
_ABSENT = -1e9


def for_encoder(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's own arguments."""
    return {name: tensor for name, tensor in inputs.items() if name not in (STATES, CANDIDATES)}


def by_row(logits: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    """Logits as they are, or of sequences with a candidate each, [sequences, 1], a row's together.

    These are [batch, candidates], very small where a row has fewer.
    """
    if CANDIDATES not in inputs:
        return logits
    places = inputs[CANDIDATES]
    return logits[places.clamp(min=0), 0].masked_fill(places < 0, _ABSENT)


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
        """The encoder's keyword arguments for these rows, each [sequences, length], and the rest.

        A row is one sequence, or several with a candidate each.
        """
        encoded = self.encoded
        lengths = np.array([n for r in rows for n in encoded.sequences(r)])
        ids = self._pad(_divided(encoded.ids, rows, lengths), self.padding)
        mask = np.arange(ids.shape[1]) < lengths[:, None]
        arrays = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
        if encoded.types is not None:
            types = _divided(encoded.types, rows, lengths)
            arrays["token_type_ids"] = self._pad(types, self.padding_type)
        if encoded.parts is not None:
            counts = np.array([len(encoded.parts[r]) for r in rows])
            there = np.arange(encoded.most_sequences) < counts[:, None]
            arrays[CANDIDATES] = np.where(there, there.cumsum().reshape(there.shape) - 1, -1)
        inputs = {name: self.move(array) for name, array in arrays.items()}
        if self.states is not None:
            states = torch.split(torch.cat([self.states[r] for r in rows]), lengths.tolist())
            inputs[STATES] = self._padded_states(states, ids.shape[1])
        return inputs

    def unpadded(self, rows: NDArray[np.int64], batch: Tensor) -> Iterator[Tensor]:
        """Of [sequences, length, size] what stands at each row's own pieces, [pieces, size]."""
        sequences = iter(batch)
        for row in rows:
            yield torch.cat([next(sequences)[:n] for n in self.encoded.sequences(row)])

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
            width = self._width(int(lengths[order[start]])) * self.encoded.most_sequences
            size = max(1, budget // width)
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


def _divided(
    values: Sequence[NDArray[Any]], rows: NDArray[np.int64], lengths: NDArray[np.int64]
) -> list[NDArray[Any]]:
    """The values of these rows, divided into sequences of so many."""
    return np.split(np.concatenate([values[r] for r in rows]), np.cumsum(lengths)[:-1])
