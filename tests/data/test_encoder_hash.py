"""An encoder is what it computes with: neither its name nor its place, but each of its numbers."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from transformers import AutoModel
from transformers.modeling_utils import _get_resolved_checkpoint_files

from transfer_study.data.encoders.hash import fingerprint_encoder
from transfer_study.data.encoders.weights import hash_weights, weight_files
from transfer_study.errors import EncoderError
from transfer_study.study.encoder import Encoder

Tensors = dict[str, NDArray[Any]]
Change = Callable[[Path], object]

WORDS = "embeddings.word_embeddings.weight"


@pytest.fixture
def folder(bert_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(bert_folder, tmp_path / "encoder")


def encoder(folder: Path, name: str = "small") -> Encoder:
    return Encoder(name=name, source=str(folder))


def fingerprint(folder: Path) -> str:
    return fingerprint_encoder(encoder(folder))


def settings(name: str, **changes: Any) -> Change:
    """Give keys of a JSON file other values."""

    def change(folder: Path) -> None:
        before = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**before, **changes}))

    return change


def tensors(changed: Callable[[Tensors], Tensors]) -> Change:
    """Write other tensors into the file of weights."""

    def change(folder: Path) -> None:
        file = folder / "model.safetensors"
        save_file(changed(load_file(file)), file, metadata={"format": "pt"})

    return change


def with_words(changed: Callable[[NDArray[Any]], NDArray[Any]]) -> Change:
    return tensors(lambda held: {**held, WORDS: changed(held[WORDS])})


def one_ulp(tensor: NDArray[Any]) -> NDArray[Any]:
    tensor[3, 2] = np.nextafter(tensor[3, 2], np.float32(0))
    return tensor


def test_name_and_place_mean_nothing(folder: Path, tmp_path: Path) -> None:
    elsewhere = shutil.copytree(folder, tmp_path / "a" / "roberta")
    (elsewhere / "README.md").write_text("a model")
    there = fingerprint_encoder(encoder(elsewhere, "another"))
    assert there == fingerprint(folder) == fingerprint(folder)


def test_a_hub_model_and_a_copy_of_it_are_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "hub" / "models--maker--small"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    (repository / "blobs").mkdir()
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    for n, file in enumerate(folder.iterdir()):
        shutil.copy(file, repository / "blobs" / str(n))
        (snapshot / file.name).symlink_to(repository / "blobs" / str(n))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    hub = Encoder(name="small", source="maker/small")
    assert fingerprint_encoder(hub) == fingerprint(folder)


SAME: dict[str, Change] = {
    "what config.json says of places and number types": settings(
        "config.json", _name_or_path="/home/x", torch_dtype="float16", dtype="float16"
    ),
    "order of keys": lambda f: (f / "config.json").write_text(
        json.dumps(dict(reversed(json.loads((f / "config.json").read_text()).items())))
    ),
    "order and metadata of tensors": lambda f: save_file(
        dict(reversed(load_file(f / "model.safetensors").items())),
        f / "model.safetensors",
        metadata={"format": "pt", "by": "us"},
    ),
    "what a tokenizer says of places, chats and decoding": settings(
        "tokenizer_config.json",
        name_or_path="/x",
        chat_template="{{ messages }}",
        clean_up_tokenization_spaces=True,
    ),
    "weights that are not loaded": lambda f: shutil.copy(
        f / "model.safetensors", f / "model_old.safetensors"
    ),
    "a folder by the name of a file": lambda f: (f / "tokenizer.model.d").mkdir(),
    "data of its training": lambda f: (f / "train_script.json").write_text("{}"),
}
OTHER: dict[str, Change] = {
    "a configuration value": settings("config.json", hidden_act="relu"),
    "an architecture": settings("config.json", architectures=["BertForMaskedLM"]),
    "the smallest change of a number": with_words(one_ulp),
    "a tensor's name": tensors(
        lambda held: {name.replace("pooler", "pool"): tensor for name, tensor in held.items()}
    ),
    "a tensor's shape": with_words(lambda tensor: tensor.reshape(16, -1)),
    "a tensor's type": with_words(lambda tensor: tensor.view(np.int32)),
    "a tensor less": tensors(lambda held: {n: t for n, t in held.items() if n != WORDS}),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_what_computes_nothing_changes_nothing(folder: Path, change: Change) -> None:
    before = fingerprint(folder)
    change(folder)
    assert fingerprint(folder) == before


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_what_computes_changes_the_fingerprint(folder: Path, change: Change) -> None:
    before = fingerprint(folder)
    change(folder)
    assert fingerprint(folder) != before


def write_weights(folder: Path, kind: str, held: dict[str, torch.Tensor]) -> None:
    """One of the four forms of weights."""
    write = torch.save if ".bin" in kind else save_torch
    if "index" not in kind:
        write(held, folder / kind)
        return
    stem, suffix = kind.split(".")[:2]
    places = {key: f"{stem}-{n % 2 + 1}-of-2.{suffix}" for n, key in enumerate(held)}
    for name in {*places.values()}:
        write({key: held[key] for key in held if places[key] == name}, folder / name)
    (folder / kind).write_text(json.dumps({"metadata": {}, "weight_map": places}))


def save_torch(held: dict[str, torch.Tensor], file: Path) -> None:
    from safetensors.torch import save_file as save

    save({name: tensor.contiguous() for name, tensor in held.items()}, file, {"format": "pt"})


KINDS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


@pytest.mark.parametrize(
    "present",
    [kinds for count in range(1, 5) for kinds in itertools.combinations(KINDS, count)],
    ids="+".join,
)
def test_the_weights_that_are_hashed_are_those_that_are_loaded(
    bert_folder: Path, tmp_path: Path, present: tuple[str, ...]
) -> None:
    without = shutil.ignore_patterns("*.safetensors")
    folder = shutil.copytree(bert_folder, tmp_path / "folder", ignore=without)
    held = AutoModel.from_pretrained(bert_folder).state_dict()
    values = {kind: 1.0 + n for n, kind in enumerate(KINDS)}
    for kind in present:
        write_weights(folder, kind, {**held, WORDS: torch.full_like(held[WORDS], values[kind])})
    # What lies there too, and is loaded by nobody.
    for stray in ("model_old.safetensors", "weights.safetensors", "adapter_model.bin"):
        shutil.copy(bert_folder / "model.safetensors", folder / stray)
    found, _ = _get_resolved_checkpoint_files(
        str(folder), None, None, None, {}, is_remote_code=False
    )
    config = json.loads((folder / "config.json").read_text())
    known = encoder(folder)
    assert [str(file) for file in weight_files(known, folder, config)] == found
    body = AutoModel.from_pretrained(folder)
    loaded = body.embeddings.word_embeddings.weight[1, 0].item()
    assert loaded == values[next(kind for kind in KINDS if kind in present)]
    before = hash_weights(known, folder, config)
    for file in [*folder.glob("*.safetensors"), *folder.glob("*.bin")]:
        content = file.read_bytes()
        flipped = bytes([content[-1] ^ 1])
        file.write_bytes(content[:-1] + flipped)
        assert (hash_weights(known, folder, config) != before) == (str(file) in found), file.name
        file.write_bytes(content)


def test_shards_are_one_model(folder: Path, tmp_path: Path) -> None:
    sharded = shutil.copytree(folder, tmp_path / "sharded")
    AutoModel.from_pretrained(folder).save_pretrained(sharded, max_shard_size="10KB")
    (sharded / "model.safetensors").unlink()
    assert len(list(sharded.glob("*.safetensors"))) > 1
    assert fingerprint(sharded) == fingerprint(folder)


def test_weights_that_the_configuration_names_are_those_that_count(folder: Path) -> None:
    shutil.copy(folder / "model.safetensors", folder / "other.safetensors")
    settings("config.json", transformers_weights="other.safetensors")(folder)
    before = fingerprint(folder)
    with_words(one_ulp)(folder)
    assert fingerprint(folder) == before
    shutil.copy(folder / "model.safetensors", folder / "other.safetensors")
    assert fingerprint(folder) != before


def test_weights_are_hashed_by_name_type_shape_and_bytes(folder: Path) -> None:
    """The form that the ids of committed stages rest on."""
    weights = hashlib.sha256()
    for name, tensor in sorted(load_file(folder / "model.safetensors").items()):
        weights.update(f"{name} {tensor.dtype} {tensor.shape}\n".encode() + tensor.tobytes())
    assert hash_weights(encoder(folder), folder, {}) == weights.hexdigest()


def test_types_that_numpy_does_not_know_are_hashed_too(folder: Path) -> None:
    def bfloat16(data: bytes) -> str:
        header = json.dumps({"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
        content = len(header).to_bytes(8, "little") + header + data
        (folder / "model.safetensors").write_bytes(content)
        return fingerprint(folder)

    assert bfloat16(b"abcd") == bfloat16(b"abcd") != bfloat16(b"abce")


def cut_short(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])


def unreadable(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("/proc/self/mem")


def index(content: object) -> Change:
    def change(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors.index.json").write_text(json.dumps(content))

    return change


FAULTS: dict[str, tuple[Change, str]] = {
    "no configuration": (lambda f: (f / "config.json").unlink(), "holds no config.json"),
    "broken configuration": (lambda f: (f / "config.json").write_text("{"), "not valid JSON"),
    "a list as configuration": (lambda f: (f / "config.json").write_text("[]"), "holds a list"),
    "infinity": (settings("config.json", hidden_size=float("inf")), "Infinity is no number"),
    "nesting": (
        lambda f: (f / "tokenizer_config.json").write_text("[" * 100_000),
        "not valid JSON",
    ),
    "no type of model": (
        lambda f: (f / "config.json").write_text("{}"),
        "describes no model that transformers has",
    ),
    "an unknown type of model": (
        settings("config.json", model_type="brain"),
        "describes no model that transformers has",
    ),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "holds no vocabulary"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "holds no weights"),
    "weights cut short": (cut_short, "cut short"),
    "a Git LFS pointer": (
        lambda f: (f / "model.safetensors").write_text(
            "version https://git-lfs.github.com/spec/v1"
        ),
        "Git LFS",
    ),
    "empty weights": (lambda f: (f / "model.safetensors").write_bytes(b""), "not a complete"),
    "weights that cannot be read": (unreadable, "a file in .* cannot be read"),
    "an index of nothing": (index({"weight_map": {}}), "names no files of weights"),
    "a shard that is missing": (
        index({"weight_map": {"a": "model-1-of-2.safetensors"}}),
        "lacks model-1-of-2.safetensors",
    ),
}


@pytest.mark.parametrize(("damage", "message"), FAULTS.values(), ids=FAULTS)
def test_a_damaged_folder_is_told_clearly(folder: Path, damage: Change, message: str) -> None:
    damage(folder)
    with pytest.raises(EncoderError, match=message) as raised:
        fingerprint(folder)
    assert "encoder small" in str(raised.value)
