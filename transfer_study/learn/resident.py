"""A split that lies on the device as a whole, where a batch is gathered by the places of its rows.

What a `Collator` pads on the host and sends over at every update is sent once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from transfer_study.data.tokens.encode import IGNORED
from transfer_study.learn.batch import STATES, Collator

# Every width is recorded once: few of them, and little padding all the same.
_WIDTHS = 8


@dataclass(frozen=True)
class Resident:
    """The rows of a split and their targets, one sequence a row.

    Values of single pieces lie one row after the other: `arguments` are the encoder's, with what
    stands where a row has no piece; `states` what its frozen layers answer; `piece_targets` the
    targets of tagging. `row_targets` are those of all other tasks.
    """

    starts: Tensor
    lengths: Tensor
    longest: NDArray[np.int64]
    step: int
    arguments: dict[str, tuple[Tensor, int]]
    states: Tensor | None
    piece_targets: Tensor | None
    row_targets: Tensor | None

    @classmethod
    def of(cls, collator: Collator, targets: Sequence[NDArray[Any]]) -> Self:
        """All rows of a collator, and the targets of each; rows of several sequences it takes not.

        Raises ValueError of these.
        """
        encoded = collator.encoded
        if encoded.parts is not None:
            raise ValueError("a row of several sequences is no sequence")
        lengths = encoded.lengths
        arguments = {"input_ids": (_joined(encoded.ids), collator.padding)}
        if encoded.types is not None:
            arguments["token_type_ids"] = (_joined(encoded.types), collator.padding_type)
        states = None if collator.states is None else torch.cat(collator.states)
        tagging = encoded.words is not None
        wanted = _joined(targets) if tagging else torch.from_numpy(np.stack(targets))
        on = collator.device
        return cls(
            starts=torch.from_numpy(np.cumsum(lengths) - lengths).to(on),
            lengths=torch.from_numpy(lengths).to(on),
            longest=lengths,
            step=-(-int(lengths.max(initial=1)) // _WIDTHS),
            arguments={name: (v.to(on), padding) for name, (v, padding) in arguments.items()},
            states=None if states is None else states.to(on),
            piece_targets=wanted.to(on) if tagging else None,
            row_targets=None if tagging else wanted.to(on),
        )

    def width(self, rows: NDArray[np.int64]) -> int:
        """The width of a batch of these rows: that of the longest, rounded up to one of few.

        At most that of the longest row of all, beyond which an encoder may have no positions.
        """
        rounded = -(-int(self.longest[rows].max()) // self.step) * self.step
        return min(rounded, int(self.longest.max()))

    def batch(self, rows: Tensor, width: int) -> tuple[dict[str, Tensor], Tensor]:
        """What `Collator.inputs` and `targets` give for rows, [batch], padded to this width.

        Nothing is read on the host.
        """
        places = torch.arange(width, device=rows.device)
        there = places < self.lengths[rows][:, None]
        at = torch.where(there, self.starts[rows][:, None] + places, 0)
        inputs = {
            name: torch.where(there, values[at], padding)
            for name, (values, padding) in self.arguments.items()
        }
        inputs["attention_mask"] = there.long()
        if self.states is not None:
            inputs[STATES] = torch.where(there[..., None], self.states[at], 0).float()
        if self.piece_targets is not None:
            return inputs, torch.where(there, self.piece_targets[at], IGNORED)
        assert self.row_targets is not None
        return inputs, self.row_targets[rows]


def _joined(rows: Sequence[NDArray[Any]]) -> Tensor:
    return torch.from_numpy(np.concatenate(rows).astype(np.int64))
