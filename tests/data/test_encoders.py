"""An encoder is what it computes with: neither its name nor its place, but each of its numbers."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save_file

from transfer_study.data.encoders import (
    SPECIAL_TOKENS,
    check_layers,
    check_length,
    encoder_folder,
    fingerprint_encoder,
    prefetch_encoder,
    tiny_vocabulary,
)
from transfer_study.data.fingerprints import load_tasks, take_fingerprints
from transfer_study.errors import EncoderError
from transfer_study.spec.encoder import Encoder, TinyConfig
from transfer_study.spec.recipe import Recipe
from transfer_study.spec.study import Study

Tensors = dict[str, NDArray[Any]]

TENSORS: Tensors = {
    "embeddings.weight": np.arange(12, dtype=np.float32).reshape(4, 3),
    "layer.bias": np.array([0.5, -1.0], dtype=np.float16),
    "position_ids": np.arange(4)[None],
}
CONFIG = {"model_type": "bert", "hidden_size": 3, "architectures": ["BertForMaskedLM"]}
TOKENIZER = {"do_lower_case": True, "strip_accents": None, "name_or_path": "somewhere"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as `save_pretrained` writes it."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    write(folder, "config.json", CONFIG)
    write(folder, "tokenizer_config.json", TOKENIZER)
    (folder / "tokenizer.json").write_text('{"model": {}}')
    save_file(TENSORS, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def write(folder: Path, name: str, content: object) -> None:
    (folder / name).write_text(json.dumps(content))


def weigh(folder: Path, tensors: Tensors) -> None:
    save_file(tensors, folder / "model.safetensors")


def encoder(folder: Path, name: str = "small") -> Encoder:
    return Encoder(name=name, source=str(folder))


def fingerprint(folder: Path) -> str:
    return fingerprint_encoder(encoder(folder))


def changed(name: str, **fields: Any) -> Tensors:
    """The tensors with one replaced by another, under the same name or a new one."""
    return {
        fields.get("rename", n): fields.get("value", t) if n == name else t
        for n, t in TENSORS.items()
    }


def one_ulp() -> NDArray[Any]:
    tensor = TENSORS["embeddings.weight"].copy()
    tensor[3, 2] = np.nextafter(tensor[3, 2], np.float32(0))
    return tensor


def test_name_and_place_mean_nothing(folder: Path, tmp_path: Path) -> None:
    elsewhere = shutil.copytree(folder, tmp_path / "a" / "copy")
    (elsewhere / "README.md").write_text("a model")
    there = fingerprint_encoder(encoder(elsewhere, "another"))
    assert there == fingerprint(folder) == fingerprint(folder)


SAME: dict[str, Callable[[Path], None]] = {
    "volatile configuration": lambda f: write(
        f,
        "config.json",
        {
            **CONFIG,
            "architectures": ["BertModel"],
            "transformers_version": "9.9",
            "_name_or_path": "/home/x",
            "torch_dtype": "float32",
            "dtype": "float32",
        },
    ),
    "order of keys": lambda f: write(f, "config.json", dict(reversed(CONFIG.items()))),
    "order and metadata of tensors": lambda f: save_file(
        dict(reversed(TENSORS.items())), f / "model.safetensors", metadata={"by": "us"}
    ),
    "volatile tokenizer settings": lambda f: write(
        f, "tokenizer_config.json", {**TOKENIZER, "name_or_path": "/x", "model_max_length": 512}
    ),
    "no tokenizer settings": lambda f: (f / "tokenizer_config.json").unlink(),
}

OTHER: dict[str, Callable[[Path], None]] = {
    "a configuration value": lambda f: write(f, "config.json", {**CONFIG, "hidden_act": "relu"}),
    "the tokenizer": lambda f: (f / "tokenizer.json").write_text('{"model": {"a": 1}}') and None,
    "a further vocabulary": lambda f: (f / "vocab.txt").write_text("a\n") and None,
    "case": lambda f: write(f, "tokenizer_config.json", {**TOKENIZER, "do_lower_case": False}),
    "accents": lambda f: write(f, "tokenizer_config.json", {**TOKENIZER, "strip_accents": False}),
    "the smallest change of a number": lambda f: weigh(
        f, changed("embeddings.weight", value=one_ulp())
    ),
    "a tensor's name": lambda f: weigh(f, changed("layer.bias", rename="layer.weight")),
    "a tensor's shape": lambda f: weigh(
        f,
        changed("embeddings.weight", value=TENSORS["embeddings.weight"].reshape(3, 4)),
    ),
    "a tensor's type": lambda f: weigh(
        f, changed("layer.bias", value=TENSORS["layer.bias"].view(np.int16))
    ),
    "a tensor less": lambda f: weigh(f, {"layer.bias": TENSORS["layer.bias"]}),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_what_computes_nothing_changes_nothing(
    folder: Path, change: Callable[[Path], None]
) -> None:
    before = fingerprint(folder)
    change(folder)
    assert fingerprint(folder) == before


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_what_computes_changes_the_fingerprint(
    folder: Path, change: Callable[[Path], None]
) -> None:
    before = fingerprint(folder)
    change(folder)
    assert fingerprint(folder) != before


def test_shards_are_one_model(folder: Path) -> None:
    whole = fingerprint(folder)
    (folder / "model.safetensors").unlink()
    for n, name in enumerate(sorted(TENSORS, reverse=True), start=1):
        save_file({name: TENSORS[name]}, folder / f"model-{n:05}-of-00003.safetensors")
    write(folder, "model.safetensors.index.json", {"weight_map": {}})
    assert fingerprint(folder) == whole


def test_weights_are_hashed_by_name_type_shape_and_bytes(folder: Path) -> None:
    """The form that the ids of committed stages rest on."""
    weights = hashlib.sha256()
    for name, tensor in sorted(TENSORS.items()):
        weights.update(f"{name} {tensor.dtype} {tensor.shape}\n".encode() + tensor.tobytes())
    content = {
        "config": {"hidden_size": 3, "model_type": "bert"},
        "tokenizer": {"tokenizer.json": hashlib.sha256(b'{"model": {}}').hexdigest()},
        "weights": weights.hexdigest(),
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert fingerprint(folder) == hashlib.sha256(text.encode()).hexdigest()


def test_types_that_numpy_does_not_know_are_hashed_too(folder: Path) -> None:
    def bfloat16(data: bytes) -> str:
        header = json.dumps({"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
        content = len(header).to_bytes(8, "little") + header + data
        (folder / "model.safetensors").write_bytes(content)
        return fingerprint(folder)

    assert bfloat16(b"abcd") == bfloat16(b"abcd") != bfloat16(b"abce")


def test_pickled_weights_are_hashed_as_a_file(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"weights")
    before = fingerprint(folder)
    (folder / "pytorch_model.bin").write_bytes(b"Weights")
    assert fingerprint(folder) != before


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no configuration": (lambda f: (f / "config.json").unlink(), "holds no config.json"),
    "broken configuration": (lambda f: (f / "config.json").write_text("{"), "not valid JSON"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "holds no tokenizer"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "holds no weights"),
    "weights cut short": (
        lambda f: (f / "model.safetensors").write_bytes(
            (f / "model.safetensors").read_bytes()[:-1]
        ),
        "cut short",
    ),
    "a Git LFS pointer": (
        lambda f: (f / "model.safetensors").write_text(
            "version https://git-lfs.github.com/spec/v1"
        ),
        "Git LFS",
    ),
    "empty weights": (lambda f: (f / "model.safetensors").write_bytes(b""), "not a complete"),
}


@pytest.mark.parametrize(("damage", "message"), FAULTS.values(), ids=FAULTS)
def test_a_damaged_folder_is_told_clearly(
    folder: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(folder)
    with pytest.raises(EncoderError, match=message) as raised:
        fingerprint(folder)
    assert "encoder small" in str(raised.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("package:no_such_package/model", "pip install no-such-package"),
        ("package:numpy/model", "no model in 'model'"),
        ("package:", "not installed"),
        ("no-such-owner/no-such-model", "neither a local folder nor a model in the local hub"),
        ("not a/valid/name", "neither a local folder nor"),
    ],
)
def test_an_encoder_that_is_not_here_is_told_with_what_to_do(source: str, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        encoder_folder(Encoder(name="absent", source=source))


@pytest.mark.parametrize(
    ("config", "positions"),
    [
        ({"model_type": "bert", "max_position_embeddings": 40}, 40),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 42, "pad_token_id": 1}, 40),
        ({"model_type": "mpnet", "max_position_embeddings": 42, "pad_token_id": None}, 40),
        ({"model_type": "deberta-v2", "max_position_embeddings": 40}, 40),
    ],
)
def test_texts_must_fit_the_positions(
    folder: Path, config: dict[str, object], positions: int
) -> None:
    write(folder, "config.json", config)
    check_length(encoder(folder), positions)
    with pytest.raises(EncoderError, match=f"it has only {positions} positions; lower"):
        check_length(encoder(folder), positions + 1)
    write(folder, "config.json", {**config, "position_biased_input": False})
    check_length(encoder(folder), positions + 1)


@pytest.mark.parametrize("count", ["num_hidden_layers", "n_layers", "num_layers"])
def test_recipes_name_no_more_layers_than_the_encoder_has(folder: Path, count: str) -> None:
    write(folder, "config.json", {**CONFIG, count: 6})
    for recipe in ({"freeze_layers": 6}, {"reinit_layers": 6}, {"layer_decay": 0.5}):
        check_layers(encoder(folder), Recipe(**recipe))
    check_layers(encoder(folder), Recipe(freeze_layers=4, reinit_layers=2))
    for name in ("freeze_layers", "reinit_layers"):
        with pytest.raises(EncoderError, match=f"{name} is 7, but it has only 6 layers; lower"):
            check_layers(encoder(folder), Recipe(**{name: 7}))
    with pytest.raises(EncoderError, match="freeze_layers 4 and reinit_layers 3 overlap"):
        check_layers(encoder(folder), Recipe(freeze_layers=4, reinit_layers=3))


def test_layers_that_share_their_weights_cannot_be_told_apart(folder: Path) -> None:
    write(folder, "config.json", {**CONFIG, "num_hidden_layers": 6, "num_hidden_groups": 1})
    check_layers(encoder(folder), Recipe())
    for recipe in ({"freeze_embeddings": True}, {"freeze_layers": 1}, {"layer_decay": 0.5}):
        with pytest.raises(EncoderError, match="counts no layers with weights of their own"):
            check_layers(encoder(folder), Recipe(**recipe))


def test_only_recipes_that_are_used_must_fit(folder: Path) -> None:
    write(folder, "config.json", {"model_type": "bert", "max_position_embeddings": 32})
    source = {"format": "synthetic", "task": "relation", "train": 9, "dev": 3, "test": 3}
    task = {"kind": "classification", "labels": ["herb", "beast", "mixed"], "source": source}
    written = {
        "name": "s",
        "encoder": {"name": "small", "source": str(folder)},
        "tasks": [{"name": "relation", **task}],
        "arms": ["single"],
        "refine": {"max_length": 32},
    }
    study = Study.model_validate(written)
    assert take_fingerprints(study, load_tasks(study)).encoders.keys() == {"small"}
    study = Study.model_validate({**written, "readings": ["finetune"]})
    with pytest.raises(EncoderError, match="max_length is 128, but it has only 32 positions"):
        take_fingerprints(study, load_tasks(study))


def test_a_local_encoder_needs_no_fetching(folder: Path) -> None:
    assert prefetch_encoder(encoder(folder)) == folder


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
