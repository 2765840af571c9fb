"""Whatever changes the ids of a text changes the encoder's hash: each file, each key."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch  # so that tokenizers are described in this process  # noqa: F401
from safetensors.numpy import save_file

from transfer_study.data.encoders.hash import fingerprint_encoder
from transfer_study.data.tokens import tokenizer as tokenizers
from transfer_study.errors import EncoderError
from transfer_study.study.encoder import Encoder

Change = Callable[[Path], object]

TEXTS = [
    "the cat sat on a mat, A Cat! [CLS] [SEP] [UNK] [NEW] <s> </s> <mask> ###",
    "Rächen 東京 herb",
    "cat herb",
    "",
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = [*SPECIAL, *"abcehimnorst", *(f"##{c}" for c in "abcehimnorst"), "the", "cat", "[NEW]"]


def encoder(folder: Path) -> Encoder:
    return Encoder(name="small", source=str(folder))


def ids(folder: Path) -> dict[str, Any]:
    """All that a stage makes of a tokenizer."""
    tokenizer = tokenizers.load_tokenizer(encoder(folder))
    words = [text.split() for text in TEXTS]
    return {
        "texts": dict(tokenizer(TEXTS)),
        "pairs": dict(tokenizer(TEXTS, TEXTS[::-1], truncation=True, max_length=12)),
        "words": dict(tokenizer(words, is_split_into_words=True)),
        "padding": (tokenizer.pad_token_id, tokenizer.pad_token_type_id),
        "mask": tokenizer.mask_token_id,
        "longest": tokenizer.model_max_length,
    }


def put(name: str, content: object) -> Change:
    text = content if isinstance(content, str) else json.dumps(content)
    return lambda folder: (folder / name).write_text(text, encoding="utf-8")


def add(name: str, **keys: Any) -> Change:
    """Give keys of a JSON file, which need not be there, other values."""

    def change(folder: Path) -> None:
        file = folder / name
        before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        file.write_text(json.dumps({**before, **keys}), encoding="utf-8")

    return change


def inside(file: str, *path: str | int, value: object) -> Change:
    """Replace one value deep in a JSON file."""

    def change(folder: Path) -> None:
        content = json.loads((folder / file).read_text(encoding="utf-8"))
        place = content
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        (folder / file).write_text(json.dumps(content), encoding="utf-8")

    return change


def old_bert(folder: Path) -> None:
    """A BERT as it was saved before there was tokenizer.json."""
    put("config.json", {"model_type": "bert"})(folder)
    put("vocab.txt", "\n".join(PIECES) + "\n")(folder)
    put("tokenizer_config.json", {"do_lower_case": True, "model_max_length": 64})(folder)


def new_bert(folder: Path) -> None:
    from transformers import BertTokenizer

    BertTokenizer(vocab={piece: n for n, piece in enumerate(PIECES)}).save_pretrained(folder)
    put("config.json", {"model_type": "bert"})(folder)


def plain(folder: Path) -> None:
    """tokenizer.json as it is, for a model whose own class transformers does not use."""
    new_bert(folder)
    add("tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")(folder)


def roberta(folder: Path) -> None:
    """Byte pairs: "the" and "cat" are pieces, by two merges each."""
    from transformers import RobertaTokenizer

    pairs = [("t", "h"), ("th", "e"), ("c", "a"), ("ca", "t")]
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"abcehimnorst", *map("".join, pairs)]
    vocabulary = {piece: n for n, piece in enumerate(pieces)}
    RobertaTokenizer(vocab=vocabulary, merges=pairs).save_pretrained(folder)
    put("config.json", {"model_type": "roberta"})(folder)


def old_roberta(folder: Path) -> None:
    roberta(folder)
    held = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    (folder / "tokenizer.json").unlink()
    put("vocab.json", held["vocab"])(folder)
    put("merges.txt", "#version: 0.2\nt h\nth e\nc a\nca t\n")(folder)


def deberta(folder: Path) -> None:
    from transformers import DebertaV2Tokenizer

    pieces = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", *"abcehimnorst▁", "▁the", "▁cat"]
    vocabulary = [(piece, -float(n)) for n, piece in enumerate(pieces)]
    DebertaV2Tokenizer(vocab=vocabulary, unk_id=3).save_pretrained(folder)
    put("config.json", {"model_type": "deberta-v2"})(folder)


REVERSED = {piece: n for n, piece in enumerate([*SPECIAL, *PIECES[:4:-1]])}
HERB = {"content": "herb", "lstrip": False, "rstrip": False, "normalized": False}
HERB |= {"single_word": False, "special": False}
SETTINGS = "tokenizer_config.json"

# Of each layout: changes after which the ids of some text are others.
CHANGES: dict[Callable[[Path], None], dict[str, Change]] = {
    old_bert: {
        "vocab.txt": put("vocab.txt", "\n".join(REVERSED) + "\n"),
        "do_lower_case": add(SETTINGS, do_lower_case=False),
        "strip_accents": add(SETTINGS, strip_accents=False),
        "tokenize_chinese_chars": add(SETTINGS, tokenize_chinese_chars=False),
        "cls_token": add(SETTINGS, cls_token="[NEW]"),
        "sep_token": add(SETTINGS, sep_token="[NEW]"),
        "unk_token": add(SETTINGS, unk_token="[NEW]"),
        "pad_token": add(SETTINGS, pad_token="[NEW]"),
        "mask_token": add(SETTINGS, mask_token="[NEW]"),
        "a token of its own": add(SETTINGS, herb_token="herb"),
        "extra_special_tokens": add(SETTINGS, extra_special_tokens=["herb"]),
        "additional_special_tokens": add(SETTINGS, additional_special_tokens=["herb"]),
        "tokenizer_class": add(SETTINGS, tokenizer_class="MPNetTokenizer"),
        "tokenizer_class of config.json": add("config.json", tokenizer_class="MPNetTokenizer"),
        "model_type": add("config.json", model_type="mpnet"),
        "added_tokens_decoder": add(SETTINGS, added_tokens_decoder={len(PIECES): HERB}),
        "added_tokens.json": put("added_tokens.json", {"herb": len(PIECES)}),
        "special_tokens_map.json": put("special_tokens_map.json", {"cls_token": "[NEW]"}),
        "model_input_names": add(SETTINGS, model_input_names=["input_ids"]),
        "truncation_side": add(SETTINGS, truncation_side="left"),
        "split_special_tokens": add(SETTINGS, split_special_tokens=True),
        "model_max_length": add(SETTINGS, model_max_length=32),
        "no settings": lambda f: (f / SETTINGS).unlink(),
        "tokenizer.json beside": lambda f: (
            new_bert(f),
            inside("tokenizer.json", "model", "vocab", value=REVERSED)(f),
        ),
    },
    new_bert: {
        "vocabulary": inside("tokenizer.json", "model", "vocab", value=REVERSED),
        "truncation": inside(
            "tokenizer.json",
            "truncation",
            value={"direction": "Left", "max_length": 8, "strategy": "LongestFirst", "stride": 0},
        ),
        "cls_token": add(SETTINGS, cls_token="[NEW]"),
        "unk_token": add(SETTINGS, unk_token="[NEW]"),
        "do_lower_case": add(SETTINGS, do_lower_case=False),
        "tokenizer_class": add(SETTINGS, tokenizer_class="RobertaTokenizer"),
        "special_tokens_map.json": put("special_tokens_map.json", {"cls_token": "[NEW]"}),
        "added_tokens.json": put("added_tokens.json", {"herb": len(PIECES)}),
        "added_tokens_decoder": add(SETTINGS, added_tokens_decoder={len(PIECES): HERB}),
    },
    plain: {
        "template": inside(
            "tokenizer.json", "post_processor", "special_tokens", "[CLS]", "ids", value=[9]
        ),
        "normalizer": inside("tokenizer.json", "normalizer", "lowercase", value=False),
        "added_tokens": inside("tokenizer.json", "added_tokens", value=[{**HERB, "id": 40}]),
        "another version's file": lambda f: (
            shutil.copy(f / "tokenizer.json", f / "tokenizer.4.0.0.json"),
            inside("tokenizer.4.0.0.json", "normalizer", "lowercase", value=False)(f),
            add(SETTINGS, fast_tokenizer_files=["tokenizer.4.0.0.json"])(f),
        ),
        "tokenizer_class": add(SETTINGS, tokenizer_class="MPNetTokenizer"),
    },
    roberta: {
        "vocabulary": inside("tokenizer.json", "model", "merges", value=[["t", "h"]]),
        "cls_token": add(SETTINGS, cls_token="<mask>"),
    },
    old_roberta: {
        "merges.txt": put("merges.txt", "#version: 0.2\nt h\n"),
        "vocab.json": inside("vocab.json", "the", value=99),
        "sep_token": add(SETTINGS, sep_token="<mask>"),
    },
    deberta: {
        "do_lower_case": add(SETTINGS, do_lower_case=True),
        "split_by_punct": add(SETTINGS, split_by_punct=True),
        "scores": inside("tokenizer.json", "model", "vocab", 18, 1, value=-99.0),
        "unk_token": add(SETTINGS, unk_token="[NEW]"),
    },
}


@pytest.mark.parametrize(
    ("layout", "change"),
    [
        pytest.param(layout, change, id=f"{layout.__name__}: {name}")
        for layout, changes in CHANGES.items()
        for name, change in changes.items()
    ],
)
def test_what_changes_ids_changes_the_hash(
    tmp_path: Path, layout: Callable[[Path], None], change: Change
) -> None:
    layout(tmp_path)
    save_file({"x": np.zeros(1)}, tmp_path / "model.safetensors")
    before = ids(tmp_path), fingerprint_encoder(encoder(tmp_path))
    change(tmp_path)
    after = ids(tmp_path), fingerprint_encoder(encoder(tmp_path))
    assert after[0] != before[0], "this change must be one that counts"
    assert after[1] != before[1]


def test_a_process_without_torch_describes_a_tokenizer_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_bert(tmp_path)
    (tmp_path / "json.py").write_text("raise SystemExit('the working directory is no library')")
    monkeypatch.chdir(tmp_path)
    here = tokenizers.describe_tokenizer(encoder(tmp_path))
    monkeypatch.setitem(sys.modules, "torch", None)
    assert tokenizers.describe_tokenizer(encoder(tmp_path)) == here
    put("vocab.txt", "")(tmp_path)
    with pytest.raises(EncoderError, match=r"encoder small: .* holds no vocabulary for its tok"):
        tokenizers.describe_tokenizer(encoder(tmp_path))


def test_an_interpreter_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_bert(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(EncoderError, match=r"cannot be examined .ModuleNotFoundError: "):
        tokenizers.describe_tokenizer(encoder(tmp_path))


@pytest.mark.parametrize("layout", [old_bert, deberta])
def test_the_texts_that_are_hashed_show_another_library(
    tmp_path: Path, layout: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files stay and the ids do not, as after another version of transformers."""
    layout(tmp_path)
    save_file({"x": np.zeros(1)}, tmp_path / "model.safetensors")
    before = fingerprint_encoder(encoder(tmp_path))
    load = tokenizers.load_tokenizer

    def otherwise(known: Encoder) -> Any:
        tokenizer = load(known)
        tokenizer.backend_tokenizer.normalizer = None
        tokenizer.backend_tokenizer.pre_tokenizer = None
        return tokenizer

    monkeypatch.setattr(tokenizers, "load_tokenizer", otherwise)
    assert fingerprint_encoder(encoder(tmp_path)) != before
