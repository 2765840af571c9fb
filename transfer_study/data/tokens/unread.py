"""What a model reads of a text: its word pieces, and what is not among them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import Encoding

from transfer_study.data.leaks.same_text import MASK
from transfer_study.data.tokens.encode import encode_texts, pieces_of_words
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.task import Task

# What tells a model which entities a relation is about: @GENE$ in place of one, or <e1> and [E1]
# around it.
_MARKER = re.compile(rf"{MASK.pattern}|</?e\d+>|\[/?E\d+\]")


@dataclass(frozen=True)
class Read:
    """How an example reaches a model.

    `pieces` are the word pieces of the whole text, special ones included, with the longest
    candidate; `without_pieces` the
    words to be tagged of which the tokenizer makes nothing, with how often they stand there;
    `marker_cut` says whether an entity marker lies beyond the maximum length, wholly or in part.
    """

    pieces: int
    without_pieces: Mapping[str, int]
    marker_cut: bool


def reader(task: Task, tokenizer: Any, recipe: Recipe) -> Callable[[Example], Read]:
    """How examples of a task are read, by the tokenizer and the maximum length of a recipe."""

    def words(example: Example) -> Read:
        (pieces,), special = pieces_of_words([example.text], tokenizer)
        vanishing = Counter(example.text[n] for n in np.flatnonzero(pieces == 0))
        return Read(int(pieces.sum()) + special, vanishing, False)

    def sentences(example: Example) -> Read:
        read = list(map(sequence, task.kind.sequences(example)))
        return Read(max(one.pieces for one in read), {}, any(one.marker_cut for one in read))

    def sequence(given: tuple[str, ...]) -> Read:
        texts = given[::-1] if recipe.pair_order == "second_first" else given
        whole = tokenizer(*texts, verbose=False)
        pieces = len(whole["input_ids"])
        cut = pieces > recipe.max_length and any(map(_MARKER.search, texts))
        if not cut:
            return Read(pieces, {}, False)
        (kept,) = encode_texts([given], tokenizer, recipe)
        return Read(pieces, {}, _marker_cut(texts, whole, kept))

    return words if task.kind.words else sentences


def _marker_cut(texts: tuple[str, ...], whole: Any, kept: Encoding) -> bool:
    ends = (
        (place, n)
        for n, text in enumerate(texts)
        for marker in _MARKER.finditer(text)
        for place in (marker.start(), marker.end() - 1)
    )
    return any(
        whole.char_to_token(0, place, n) is not None and kept.char_to_token(place, n) is None
        for place, n in ends
    )
