"""The vocabulary of a tiny encoder is its words, whatever their order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_study.data.encoders.hash import fingerprint_encoder
from transfer_study.data.tokens.vocabulary import SPECIAL_TOKENS, tiny_vocabulary
from transfer_study.errors import EncoderError
from transfer_study.study.encoder import Encoder, TinyConfig


def tiny(*texts: Path, **config: Any) -> TinyConfig:
    return TinyConfig(texts=texts, **config)


@given(st.permutations(["a cat sat", "the cat", "mat 7", "Ünlü cat"]))
def test_a_tiny_vocabulary_does_not_depend_on_the_order_of_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("texts")
    (folder / "one.txt").write_text("\n".join(lines[:2]), encoding="utf-8")
    (folder / "two.txt").write_text("\n".join(lines[2:]), encoding="utf-8")
    vocabulary = tiny_vocabulary(tiny(folder / "one.txt", folder / "two.txt"))
    assert vocabulary == tiny_vocabulary(tiny(folder / "two.txt", folder / "one.txt"))
    assert vocabulary[: len(SPECIAL_TOKENS)] == SPECIAL_TOKENS
    assert len(set(vocabulary)) == len(vocabulary)
    # The frequent word first, then the others by the alphabet; every character has two pieces.
    assert vocabulary[-5:] == ("cat", "mat", "sat", "the", "ünlü")
    assert {"ü", "##ü", "7", "##7", "%"} <= set(vocabulary)


def test_the_tiny_vocabulary_keeps_to_its_size(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(" ".join(f"w{n}" for n in range(900)) + " w7 w7")
    vocabulary = tiny_vocabulary(tiny(text, vocabulary_size=400))
    assert len(vocabulary) == 400
    assert "w7" in vocabulary


def test_a_tiny_encoder_is_its_words_and_sizes(tmp_path: Path) -> None:
    def hashed(words: str, **config: Any) -> str:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.txt"
        path.write_text(words)
        return fingerprint_encoder(Encoder(name="t", source="tiny", tiny=tiny(path, **config)))

    plain = hashed("red blue")
    assert plain == hashed("blue red")
    assert len({plain, hashed("red green"), hashed("red blue", seed=1)}) == 3
    assert plain != hashed("red blue", hidden_size=32)


def test_texts_of_a_tiny_encoder_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("naïve".encode("latin-1"))
    for path in (tmp_path / "latin.txt", tmp_path / "missing.txt"):
        with pytest.raises(EncoderError, match=f"cannot read the text file {path}"):
            tiny_vocabulary(tiny(path))
    with pytest.raises(EncoderError, match="found texts: 'prose'; allowed: 'synthetic'"):
        tiny_vocabulary(TinyConfig(texts="prose"))
