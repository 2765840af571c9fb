"""Dynamic masking: which pieces are to be predicted, and what is shown in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transfer_study.data.tokens.encode import IGNORED

# Of the pieces to be predicted these shares are shown as the mask and as a random piece.
_SHOWN_MASKED, _SHOWN_RANDOM = 0.8, 0.1

# Widths are rounded up to this: every new shape costs the CPU library a kernel (learn/batch.py).
_WIDTH = 8

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Pieces:
    """Texts as rows of piece ids; `words[r]` counts the words of row r, -1 at special pieces."""

    ids: list[Ids]
    words: list[Ids]
    max_length: int
    padding: int

    @property
    def lengths(self) -> Ids:
        """The number of pieces of each row."""
        return np.array([len(row) for row in self.ids], dtype=np.int64)

    def padded(self, rows: Sequence[int] | Ids) -> tuple[Ids, Ids]:
        """The ids and words of these rows, each [rows, length]; padding is special."""
        longest = max(len(self.ids[r]) for r in rows)
        length = max(longest, min(-(-longest // _WIDTH) * _WIDTH, self.max_length))
        ids = np.full((len(rows), length), self.padding, dtype=np.int64)
        words = np.full((len(rows), length), -1, dtype=np.int64)
        for n, r in enumerate(rows):
            ids[n, : len(self.ids[r])] = self.ids[r]
            words[n, : len(self.words[r])] = self.words[r]
        return ids, words


def pieces_of(texts: Sequence[str], tokenizer: Any, max_length: int) -> Pieces:
    """Tokenise texts; one longer than `max_length` pieces takes several rows."""
    batch = tokenizer(
        list(texts), truncation=True, max_length=max_length, return_overflowing_tokens=True
    )
    ids = [np.array(row, dtype=np.int64) for row in batch["input_ids"]]
    words = [
        np.array([-1 if w is None else w for w in batch.word_ids(row)], dtype=np.int64)
        for row in range(len(ids))
    ]
    return Pieces(ids, words, max_length, tokenizer.pad_token_id)


@dataclass(frozen=True)
class Masker:
    """Draws what is to be predicted: a share of the pieces, or of the words with all their pieces.

    80% of the drawn pieces are shown as `mask`, 10% as one of `ordinary` (all ids but special
    ones), 10% as they are.
    """

    share: float
    whole_word: bool
    mask: int
    ordinary: Ids

    def __call__(self, ids: Ids, words: Ids, random: np.random.Generator) -> tuple[Ids, Ids]:
        """What is shown, and the targets (IGNORED where nothing is predicted); [rows, length]."""
        units = words if self.whole_word else np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
        drawn = random.random((len(ids), int(units.max()) + 1)) < self.share
        predicted = np.take_along_axis(drawn, np.maximum(units, 0), axis=1) & (words >= 0)
        fate = random.random(ids.shape)
        others = random.choice(self.ordinary, ids.shape)
        shown = np.where(predicted & (fate < _SHOWN_MASKED), self.mask, ids)
        replaced = predicted & (fate >= _SHOWN_MASKED) & (fate < _SHOWN_MASKED + _SHOWN_RANDOM)
        return np.where(replaced, others, shown), np.where(predicted, ids, IGNORED)
