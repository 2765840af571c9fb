"""From examples to token ids: truncation, windows of long sentences, label alignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from transfer_study.study.frozen import content_hash
from transfer_study.study.recipes.recipe import PIECE_TAGS, Recipe
from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.task import Task

# A target that the loss leaves out: continuation pieces and special tokens of tagging.
IGNORED = -100
# The words of a window of MT-BERT's own split.
_GOLD_WINDOW = 30
# How many splits a process remembers.
_REMEMBERED = 64

Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Encoded:
    """Token sequences of a split, ready for batching.

    `ids[r]` are the piece ids of row r, `types[r]` its segment ids (None where the encoder has
    none), `example[r]` the example it comes from. A tagging example may take several rows; then
    `words[r]` gives for each piece the word it begins, -1 for all other pieces. A row of multiple
    choice has a sequence a candidate, one after the other; `parts[r]` are their lengths.
    """

    ids: list[Ints]
    types: list[Ints] | None
    example: Ints
    words: list[Ints] | None
    parts: list[Ints] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The number of pieces of each row, or of its longest sequence."""
        return np.array([max(self.sequences(row)) for row in range(len(self))], dtype=np.int64)

    @property
    def most_sequences(self) -> int:
        """The most sequences of a row."""
        return 1 if self.parts is None else max(map(len, self.parts))

    def sequences(self, row: int) -> list[int]:
        """The lengths of the sequences of a row."""
        return [len(self.ids[row])] if self.parts is None else self.parts[row].tolist()


_encoded: dict[str, Encoded] = {}


def encode(task: Task, examples: Sequence[Example], tokenizer: Any, recipe: Recipe) -> Encoded:
    """Tokenise the examples of a task as a recipe says.

    Sentences and pairs are cut to `max_length` pieces, the longer text of a pair first; where both
    are cut to an odd room, `odd_piece` says which keeps a piece more. Long
    tagging sentences are split at word boundaries into windows that fit; labels play no part
    unless the recipe says `windows: after_gold_outside`, where windows may be longer. A word of
    which the tokenizer makes nothing is its unknown piece, but under that recipe has none.
    """
    if task.kind.words:
        return _encode_words(examples, tokenizer, recipe)
    texts = list(map(task.kind.sequences, examples))
    rows = encode_texts([each for several in texts for each in several], tokenizer, recipe)
    with_types = "token_type_ids" in tokenizer.model_input_names
    ids = [np.array(row.ids, dtype=np.int32) for row in rows]
    types = [np.array(row.type_ids, dtype=np.int32) for row in rows] if with_types else None
    parts = None
    if task.kind.candidates:
        ends = np.cumsum(list(map(len, texts)))[:-1]
        parts = np.split(np.array(list(map(len, ids)), dtype=np.int32), ends)
        ids = _joined(ids, parts)
        types = None if types is None else _joined(types, parts)
    return Encoded(ids, types, np.arange(len(examples), dtype=np.int32), None, parts)


def _joined(sequences: Sequence[Ints], parts: Sequence[Ints]) -> list[Ints]:
    left = iter(sequences)
    return [np.concatenate([next(left) for _ in lengths]) for lengths in parts]


def encode_texts(
    examples: Sequence[tuple[str, ...]], tokenizer: Any, recipe: Recipe
) -> list[Encoding]:
    """The sentences or pairs of texts as the tokenizers library has them, cut and in order."""
    texts = [list(part) for part in zip(*examples, strict=True)]
    if recipe.pair_order == "second_first":
        texts.reverse()
    rows: list[Encoding] = tokenizer(
        *texts, truncation=True, max_length=recipe.max_length
    ).encodings
    if len(texts) == 2 and recipe.odd_piece == "first_text":
        _give_first_the_odd_piece(rows, texts, tokenizer, recipe)
    return rows


def _give_first_the_odd_piece(
    rows: list[Encoding], texts: Sequence[Sequence[str]], tokenizer: Any, recipe: Recipe
) -> None:
    """Cut pairs as MT-BERT does, whose loop takes the second text's piece where both are equal.

    Tokenizers differ from that where both texts are cut and the first is not the longer.
    """
    room = recipe.max_length - tokenizer.num_special_tokens_to_add(pair=True)
    half = room // 2
    if room == 2 * half:
        return
    cut = [n for n, row in enumerate(rows) if len(row.ids) == recipe.max_length]
    alone = [
        tokenizer([part[n] for n in cut], add_special_tokens=False, verbose=False).encodings
        for part in texts
        if cut
    ]
    for n, *pair in zip(cut, *alone, strict=True):
        first, second = pair if recipe.pair_order == "first_second" else pair[::-1]
        if half < len(first.ids) <= len(second.ids):
            first.truncate(half + 1)
            second.truncate(half)
            rows[n] = tokenizer.backend_tokenizer.post_process(*pair)


def pieces_of_words(
    sentences: Sequence[Sequence[str]], tokenizer: Any
) -> tuple[list[NDArray[np.int64]], int]:
    """How many pieces the tokenizer makes of each word, and of special ones for a sentence."""
    batch = tokenizer([list(s) for s in sentences], is_split_into_words=True, verbose=False)
    counts = [
        np.bincount([w for w in batch.word_ids(n) if w is not None], minlength=len(sentence))
        for n, sentence in enumerate(sentences)
    ]
    return counts, tokenizer.num_special_tokens_to_add()


def _encode_words(examples: Sequence[Example], tokenizer: Any, recipe: Recipe) -> Encoded:
    sentences = [list(example.text) for example in examples]
    if recipe.windows == "blind":
        counts, special = pieces_of_words(sentences, tokenizer)
        if tokenizer.unk_token is not None:
            # Without a piece a word could have no answer but a fixed one.
            for sentence, pieces in zip(sentences, counts, strict=True):
                for word in np.flatnonzero(pieces == 0):
                    sentence[word], pieces[word] = tokenizer.unk_token, 1
        windows = [
            (n, first, end)
            for n, pieces in enumerate(counts)
            for first, end in word_windows(pieces, recipe.max_length - special)
        ]
        longest = recipe.max_length  # cuts only a single word that is longer than a whole window
    else:
        windows = [
            (n, first, end)
            for n, example in enumerate(examples)
            for first, end in windows_after_outside(example.label)
        ]
        longest = tokenizer.model_max_length
    batch = tokenizer(
        [sentences[n][a:b] for n, a, b in windows],
        is_split_into_words=True,
        truncation=True,
        max_length=longest,
    )
    words = []
    for row, (_, first, _) in enumerate(windows):
        ids = batch.word_ids(row)
        begins = [w is not None and (k == 0 or ids[k - 1] != w) for k, w in enumerate(ids)]
        words.append(
            np.array([first + w if b else -1 for w, b in zip(ids, begins, strict=True)], np.int32)
        )
    return Encoded(
        [np.array(row, dtype=np.int32) for row in batch["input_ids"]],
        _types(batch),
        np.array([n for n, _, _ in windows], dtype=np.int32),
        words,
    )


def windows_after_outside(tags: Label) -> list[tuple[int, int]]:
    """Cut a sentence as MT-BERT does: windows of at most 30 words, each up to its last gold `O`.

    A window without an `O` is cut at 30 words. The split looks at the labels, on test too.
    """
    assert isinstance(tags, tuple)
    windows, first = [], 0
    while len(tags) - first > _GOLD_WINDOW:
        full = first + _GOLD_WINDOW
        end = next((n + 1 for n in range(full - 1, first - 1, -1) if tags[n] == "O"), full)
        windows.append((first, end))
        first = end
    return [*windows, (first, len(tags))]


def word_windows(pieces: NDArray[np.int64], room: int) -> list[tuple[int, int]]:
    """Cut words of so many pieces each into runs [first, end) of at most `room` pieces.

    The runs are as even as whole words allow, so that no word stands alone at the end.
    """
    left = int(pieces.sum())
    windows, first, held = [], 0, 0
    for word, count in enumerate(pieces):
        # An even share of what is left, so that what one window lacks does not add up.
        share = left / max(1, -(-left // room))
        if held and (held + count > room or held + count / 2 > share):
            windows.append((first, word))
            first, left, held = word, left - held, 0
        held += int(count)
    return [*windows, (first, len(pieces))]


def _types(batch: Any) -> list[Ints] | None:
    if "token_type_ids" not in batch:
        return None
    return [np.array(row, dtype=np.int32) for row in batch["token_type_ids"]]


def targets(
    task: Task, examples: Sequence[Example], encoded: Encoded, recipe: Recipe
) -> list[NDArray[Any]]:
    """What the head should answer, a row: the kind's target, or a tag id a piece."""
    places = {name: n for n, name in enumerate(recipe.outputs(task))}
    inside, first, last = (places.get(tag, IGNORED) for tag in PIECE_TAGS)
    rows: list[NDArray[Any]] = []
    for row, n in enumerate(encoded.example):
        target = task.kind.target(places, examples[n].label)
        if encoded.words is None:
            rows.append(np.array(target, dtype=task.kind.target_type))
        else:
            tags = np.array([*target, inside])
            pieces = tags[encoded.words[row]].astype(np.int64)  # word -1 is the last: no word
            for end, tag in ((0, first), (-1, last)):
                if encoded.words[row][end] < 0:
                    pieces[end] = tag
            rows.append(pieces)
    return rows


def encode_once(
    task: Task, examples: Sequence[Example], tokenizer: Any, recipe: Recipe, *, key: str
) -> Encoded:
    """`encode`, remembered in this process by the hash of `key` (the data's and encoder's content).

    Nothing is kept in a file: to encode takes seconds, and files can change unnoticed.
    """
    name = content_hash(
        [
            key,
            task.kind.word,
            recipe.max_length,
            recipe.pair_order,
            recipe.odd_piece,
            recipe.windows,
        ]
    )
    if name not in _encoded:
        while len(_encoded) >= _REMEMBERED:
            _encoded.pop(next(iter(_encoded)), None)
        _encoded[name] = encode(task, examples, tokenizer, recipe)
    return _encoded[name]
