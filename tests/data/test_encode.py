"""Nothing of a sentence is lost or shifted between its words, its pieces and its windows."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from transfer_study.data.tokens import encode as encode_module
from transfer_study.data.tokens.encode import (
    IGNORED,
    Encoded,
    encode,
    encode_once,
    targets,
    windows_after_outside,
    word_windows,
)
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks import kinds
from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.task import Task

# Of these a WordPiece tokenizer leaves nothing: private use, control, zero-width, soft hyphen; of
# the last, a line separator, a unigram tokenizer too.
VANISHING = ("\ue232", "\x07", "\u200b", "\xad", "\u2028")
WORDS = ("aspirin", "fever", "the", "IL-2/α,", "naïve", "10", "mice", "∆9-THC", "(", *VANISHING)
ROOM = 16
IN_ROOM, IN_24 = Recipe(max_length=ROOM), Recipe(max_length=24)

sentences = st.lists(st.sampled_from((*WORDS, "clonidine" * 9)), min_size=1, max_size=60)
with_tokenizer = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def task(kind: kinds.TaskKind, *labels: str) -> Task:
    source = {"format": "synthetic", "task": "none", "train": 1, "dev": 1, "test": 1}
    return Task.model_validate({"name": "t", "kind": kind, "labels": labels, "source": source})


TAGGING = task(kinds.TAGGING, "Chemical", "Disease")
CLASSES = task(kinds.CLASSIFICATION, "no", "yes")


def example(*text: str, label: Label = "no", n: int = 0) -> Example:
    return Example(f"e{n}", f"e{n}", text, label)


def tagged(words: list[str], n: int = 0) -> Example:
    """A sentence whose every tag tells its place, as far as the tags reach."""
    tags = TAGGING.outputs
    return example(*words, label=tuple(tags[(i + n) % len(tags)] for i in range(len(words))), n=n)


def same(a: Encoded, b: Encoded) -> bool:
    def lists(e: Encoded) -> list[Any]:
        rows = [e.ids, e.types, e.words]
        return [e.example.tolist(), *([r.tolist() for r in x] if x else None for x in rows)]

    return lists(a) == lists(b)


def alone(tokenizer: Any, word: str) -> list[int]:
    """The pieces of a word by itself; the unknown one where there is none."""
    pieces: list[int] = tokenizer([word], is_split_into_words=True, add_special_tokens=False)[
        "input_ids"
    ]
    return pieces or [tokenizer.unk_token_id]


# Windows


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(1, 30))
def test_windows_cover_all_words_once_in_order_each_within_its_room(
    counts: list[int], room: int
) -> None:
    pieces = np.array(counts)
    windows = word_windows(pieces, room)
    assert windows[0][0] == 0
    assert windows[-1][1] == len(counts)
    assert all(end == first for (_, end), (first, _) in pairwise(windows))
    for first, end in windows:
        inside = pieces[first:end]
        assert first < end
        assert inside.sum() <= room or np.count_nonzero(inside) == 1
    if sum(counts) <= room:
        assert len(windows) == 1


@given(st.integers(1, 60), st.integers(2, 40))
def test_two_windows_are_halves(words: int, room: int) -> None:
    pieces = np.ones(min(words + room, 2 * room), dtype=np.int64)
    (_, middle), (_, end) = word_windows(pieces, room)
    assert abs(middle - (end - middle)) <= 1


def test_many_windows_are_as_even_as_two() -> None:
    sizes = [end - first for first, end in word_windows(np.ones(10, dtype=np.int64), 4)]
    assert sorted(sizes) == [3, 3, 4]


# Tagging


@with_tokenizer
@given(data=st.data())
def test_words_and_pieces_stay_aligned(tokenizer: Any, data: st.DataObject) -> None:
    texts = data.draw(st.lists(sentences, min_size=1, max_size=3))
    examples = [tagged(words, n) for n, words in enumerate(texts)]
    encoded = encode(TAGGING, examples, tokenizer, IN_ROOM)
    answers = targets(TAGGING, examples, encoded, Recipe())
    assert encoded.words is not None
    assert encoded.lengths.max() <= ROOM
    assert sorted(encoded.example.tolist()) == encoded.example.tolist()
    found: list[tuple[int, int]] = []
    for n, ids, words, answer in zip(
        encoded.example, encoded.ids, encoded.words, answers, strict=True
    ):
        assert ((words < 0) == (answer == IGNORED)).all()
        begins = np.flatnonzero(words >= 0).tolist()
        for begin, end in pairwise([*begins, len(ids) - 1]):
            word = int(words[begin])
            found.append((int(n), word))
            # The pieces up to the next word are the word's own, cut only where they fill the row.
            own, pieces = alone(tokenizer, texts[n][word]), ids[begin:end].tolist()
            assert pieces == own or (pieces == own[: len(pieces)] and len(ids) == ROOM)
            label = examples[n].label
            assert isinstance(label, tuple)
            assert TAGGING.outputs[answer[begin]] == label[word]
    assert found == [(n, w) for n, words in enumerate(texts) for w in range(len(words))]


@with_tokenizer
@given(vanishing=st.lists(st.sampled_from(VANISHING), min_size=1, max_size=40))
def test_words_that_vanish_are_unknown_pieces_first_last_and_alone(
    tokenizer: Any, vanishing: list[str]
) -> None:
    for words in (vanishing, [*vanishing, "the", *vanishing]):
        encoded = encode(TAGGING, [tagged(words)], tokenizer, IN_ROOM)
        assert encoded.words is not None
        answered = [int(w) for row in encoded.words for w in row if w >= 0]
        assert answered == list(range(len(words)))
        answers = targets(TAGGING, [tagged(words)], encoded, Recipe())
        tags = [TAGGING.outputs[tag] for row in answers for tag in row if tag != IGNORED]
        assert tuple(tags) == tagged(words).label


def test_words_that_vanish_are_one_piece(tokenizers: dict[str, Any]) -> None:
    pieces = tokenizers["wordpiece"]
    encoded = encode(TAGGING, [tagged(["the", *VANISHING, "fever"])], pieces, IN_ROOM)
    assert encoded.words is not None
    assert encoded.words[0].tolist() == [-1, *range(len(VANISHING) + 2), -1]
    assert encoded.ids[0].tolist()[2:-2] == [pieces.unk_token_id] * len(VANISHING)


def test_under_the_original_protocol_words_that_vanish_have_no_piece(
    tokenizers: dict[str, Any],
) -> None:
    """As in the original's own preparation, whose token ids are met to the letter."""
    examples = [tagged(["the", *VANISHING[:2], "fever", *VANISHING])]
    recipe = Recipe(max_length=ROOM, windows="after_gold_outside")
    encoded = encode(TAGGING, examples, tokenizers["wordpiece"], recipe)
    assert encoded.words is not None
    assert encoded.words[0].tolist() == [-1, 0, 3, -1]
    (answer,) = targets(TAGGING, examples, encoded, recipe)
    assert answer.tolist() == [IGNORED, 0, 3, IGNORED]


def test_windows_never_look_at_labels(tokenizer: Any) -> None:
    words = ["aspirin", "fever", "IL-2/α,"] * 15
    plain = replace(tagged(words), label=("O",) * len(words))
    assert len(encode(TAGGING, [plain], tokenizer, IN_ROOM)) > 3
    assert same(
        encode(TAGGING, [plain], tokenizer, IN_ROOM),
        encode(TAGGING, [tagged(words)], tokenizer, IN_ROOM),
    )


def test_a_word_longer_than_a_window_keeps_its_beginning(tokenizer: Any) -> None:
    words = ["the", "clonidine" * 11, "fever"]
    encoded = encode(TAGGING, [tagged(words)], tokenizer, IN_ROOM)
    assert encoded.words is not None
    assert [w[w >= 0].tolist() for w in encoded.words] == [[0], [1], [2]]
    assert encoded.lengths.tolist()[1] == ROOM


# Sentences and pairs


def test_sentences_and_pairs_are_cut_to_length_the_longer_text_first(tokenizer: Any) -> None:
    short, long = "the fever", "the aspirin of the patients " * 20
    sentence = encode(CLASSES, [example(long), example(short, n=1)], tokenizer, IN_24)
    assert sentence.lengths.tolist()[0] == 24 > sentence.lengths.tolist()[1]
    assert sentence.example.tolist() == [0, 1]
    assert sentence.words is None
    whole = tokenizer(short, add_special_tokens=False)["input_ids"]
    for pair in ((short, long), (long, short)):
        encoded = encode(CLASSES, [example(*pair)], tokenizer, IN_24)
        assert encoded.lengths.tolist() == [24]
        text = encoded.ids[0].tolist()
        assert any(text[n : n + len(whole)] == whole for n in (1, 24 - 1 - len(whole)))


def test_the_texts_of_a_pair_are_told_apart(tokenizers: dict[str, Any]) -> None:
    encoded = encode(CLASSES, [example("the", "fever")], tokenizers["wordpiece"], IN_24)
    assert encoded.types is not None
    assert encoded.types[0].tolist() == [0, 0, 0, 1, 1]
    assert encode(CLASSES, [example("a", "b")], tokenizers["byte-level"], IN_24).types is None
    forth, back = (
        encode(CLASSES, [example(*pair)], tokenizers["byte-level"], IN_24).ids[0].tolist()
        for pair in (("the", "fever"), ("fever", "the"))
    )
    assert forth != back


def test_words_of_a_byte_level_tokenizer_have_their_space(tokenizers: dict[str, Any]) -> None:
    """A word inside a sentence and the same word given alone are the same pieces."""
    byte_level = tokenizers["byte-level"]
    split = byte_level(["the", "fever"], is_split_into_words=True)["input_ids"]
    assert split == byte_level("the fever")["input_ids"]


def test_targets_of_every_kind(tokenizers: dict[str, Any]) -> None:
    def of(kind: kinds.TaskKind, *labels: str, label: Label) -> NDArray[Any]:
        examples = [example("fever", label=label)]
        encoded = encode(task(kind, *labels), examples, tokenizers["wordpiece"], IN_ROOM)
        (row,) = targets(task(kind, *labels), examples, encoded, Recipe())
        return row

    classified = of(kinds.CLASSIFICATION, "a", "b", "c", label="c")
    assert (classified.tolist(), classified.dtype) == (2, np.int64)
    several = of(kinds.MULTILABEL, "a", "b", "c", label=("a", "c"))
    assert (several.tolist(), several.dtype) == ([1, 0, 1], np.float32)
    assert of(kinds.MULTILABEL, "a", "b", label=()).tolist() == [0, 0]
    value = of(kinds.REGRESSION, label=3.25)
    assert (value.tolist(), value.dtype) == (3.25, np.float32)


# What a process remembers


def test_a_process_encodes_the_same_examples_once(
    tokenizers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode_module, "_encoded", {})
    tokenizer = tokenizers["wordpiece"]
    examples = [tagged(["the", "fever", "\u200b"] * 12), tagged(["the"])]

    def once(known: Any, key: str = "data", recipe: Recipe = IN_ROOM) -> Encoded:
        return encode_once(TAGGING, examples, known, recipe, key=key)

    first = once(tokenizer)
    assert same(first, encode(TAGGING, examples, tokenizer, IN_ROOM))
    assert once(None) is first  # were it encoded again, it would need a tokenizer
    assert not same(first, once(tokenizer, recipe=Recipe(max_length=10)))
    assert once(tokenizer, key="other data") is not first


def test_a_process_forgets_what_is_oldest(
    tokenizers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode_module, "_encoded", {})
    monkeypatch.setattr(encode_module, "_REMEMBERED", 2)
    for key in "abc":
        encode_once(TAGGING, [tagged([key])], tokenizers["wordpiece"], IN_ROOM, key=key)
    encode_once(TAGGING, [], None, IN_ROOM, key="c")
    assert len(encode_module._encoded) == 2
    with pytest.raises(TypeError):
        encode_once(TAGGING, [], None, IN_ROOM, key="a")


# Choices of the original study


def test_windows_after_the_last_gold_outside() -> None:
    tags = ["O"] * 25 + ["B-x"] + ["I-x"] * 9 + ["O"] * 10
    assert windows_after_outside(tuple(tags)) == [(0, 25), (25, 45)]
    assert windows_after_outside(("B-x", *["I-x"] * 64)) == [(0, 30), (30, 60), (60, 65)]
    assert windows_after_outside(("O",) * 30) == [(0, 30)]


def test_every_piece_has_a_tag_where_asked(tokenizers: dict[str, Any]) -> None:
    words, recipe = ["the", "xylophone", "fever"], Recipe(max_length=64, tagged_pieces="all")
    examples = [tagged(words)]
    encoded = encode(TAGGING, examples, tokenizers["wordpiece"], recipe)
    (row,) = targets(TAGGING, examples, encoded, recipe)
    names = [recipe.outputs(TAGGING)[tag] for tag in row]
    assert names[0] == "CLS" and names[-1] == "SEP"
    assert encoded.words is not None
    begins = encoded.words[0][1:-1] >= 0
    inner = np.array(names[1:-1])
    assert set(inner[~begins]) == {"X"}
    assert tuple(inner[begins]) == examples[0].label


def test_the_second_text_of_a_pair_may_come_first(tokenizers: dict[str, Any]) -> None:
    swapped = Recipe(max_length=24, pair_order="second_first")
    pieces = tokenizers["wordpiece"]
    one = encode(CLASSES, [example("the", "fever")], pieces, swapped)
    other = encode(CLASSES, [example("fever", "the")], pieces, IN_24)
    assert same(one, other)


@with_tokenizer
@given(data=st.data())
def test_the_odd_piece_goes_where_the_recipe_says(tokenizer: Any, data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.tuples(*[st.integers(1, 30)] * 2), min_size=1, max_size=6))
    order = data.draw(st.sampled_from(["first_second", "second_first"]))
    max_length = data.draw(st.integers(9, 40))
    words = ["fever", "aspirin", "in", "naloxone", "rats"]
    pairs = [tuple(" ".join(words[i % 5] for i in range(n)) for n in pair) for pair in counts]
    original = Recipe(max_length=max_length, pair_order=order, odd_piece="first_text")
    encoded = encode(CLASSES, [example(*pair) for pair in pairs], tokenizer, original)
    clean = encode(
        CLASSES,
        [example(*pair) for pair in pairs],
        tokenizer,
        Recipe(max_length=max_length, pair_order=order),
    )
    room = max_length - tokenizer.num_special_tokens_to_add(pair=True)
    for pair, ids, usual in zip(pairs, encoded.ids, clean.ids, strict=True):
        first, second = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in pair)
        both_cut = min(len(first), len(second)) > room // 2
        while len(first) + len(second) > room:  # MT-BERT's own loop
            (first if len(first) > len(second) else second).pop()
        texts = (first, second) if order == "first_second" else (second, first)
        special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
        assert [i for i in ids.tolist() if i not in special] == [*texts[0], *texts[1]]
        assert len(ids) == len(usual)
        assert (both_cut and room % 2) or ids.tolist() == usual.tolist()
