"""TensorFlow checkpoints: the same hidden states, or a sentence and nothing written.

`tf_bert` was written by TensorFlow and computed by the original code (make_tf_checkpoint.py). Wrong
checkpoints are written here, with right checksums, as TensorFlow would write them.
"""

from __future__ import annotations

import json
import resource
import shutil
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from transfer_study.cli import main
from transfer_study.data.encoders.convert_tf import convert_tf
from transfer_study.data.encoders.crc32c import crc32c, masked
from transfer_study.data.encoders.hash import fingerprint_encoder
from transfer_study.data.encoders.tensor_bundle import TensorBundle
from transfer_study.data.tokens.tokenizer import load_tokenizer
from transfer_study.errors import EncoderError
from transfer_study.learn.models.model import build_model
from transfer_study.study.encoder import Encoder
from transfer_study.study.recipes.recipe import Recipe

ORIGINAL = Path(__file__).parent / "tf_bert"
WEIGHTS = "model.safetensors"
WORDS = "bert/embeddings/word_embeddings"
QUERY = "bert/encoder/layer_1/attention/self/query/kernel"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A copy of the original checkpoint, to be spoiled."""
    return shutil.copytree(ORIGINAL, tmp_path / "bert", ignore=shutil.ignore_patterns("two_*"))


@dataclass(frozen=True)
class Saved:
    """A variable as a checkpoint holds it."""

    content: bytes
    shape: tuple[int, ...]
    dtype: int = 1
    more: bytes = b""  # fields after those


Tensors = dict[str, Saved]


def read(folder: Path) -> Tensors:
    bundle = TensorBundle(folder / "bert_model.ckpt")
    return {
        name: Saved(bundle.read(name).tobytes(), entry.shape)
        for name, entry in bundle.entries.items()
        if entry.dtype == "float32"
    }


def write(folder: Path, tensors: Tensors, header: bytes = b"\x08\x01\x1a\x02\x08\x01") -> None:
    """Write a checkpoint of these variables, in one block without shared prefixes."""
    values, data = {b"": header}, b""
    for name, saved in sorted(tensors.items()):
        shape = b"".join(field(2, field(1, size)) for size in saved.shape)
        checksum = b"\x35" + struct.pack("<I", masked(crc32c(saved.content)))
        place = field(1, saved.dtype) + field(2, shape) + field(4, len(data))
        values[name.encode()] = place + field(5, len(saved.content)) + checksum + saved.more
        data += saved.content
    (folder / "bert_model.ckpt.data-00000-of-00001").write_bytes(data)
    (folder / "bert_model.ckpt.index").write_bytes(table(values))


def table(values: dict[bytes, bytes]) -> bytes:
    content = block(values)
    directory = block({max(values): number(0) + number(len(content) - 5)})
    footer = number(0) + number(0) + number(len(content)) + number(len(directory) - 5)
    return content + directory + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def block(values: dict[bytes, bytes]) -> bytes:
    entries = [number(0) + number(len(k)) + number(len(v)) + k + v for k, v in values.items()]
    content = b"".join(entries) + struct.pack("<II", 0, 1) + b"\0"
    return content + struct.pack("<I", masked(crc32c(content)))


def field(at: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return number(at << 3 | 2) + number(len(value)) + value
    return number(at << 3) + number(value)


def number(value: int) -> bytes:
    low = [value >> shift & 127 for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([byte | 128 for byte in low[:-1]] + low[-1:])


def call(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["transfer-study", "convert-tf", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def encoder_of(folder: Path) -> Encoder:
    return Encoder(name="converted", source=str(folder))


def given() -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    with np.load(ORIGINAL / "expected.npz") as file:
        expected = dict(file)
    names = {"input_ids": "ids", "attention_mask": "mask", "token_type_ids": "types"}
    return {k: torch.tensor(expected[v], dtype=torch.long) for k, v in names.items()}, expected


@pytest.mark.parametrize(("act", "gelu"), [("gelu", "erf"), ("gelu_pytorch_tanh", "tanh")])
def test_hidden_states_are_those_of_the_original_code(
    checkpoint: Path, tmp_path: Path, act: str, gelu: str
) -> None:
    from transformers import AutoModel

    config = checkpoint / "bert_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "hidden_act": act}))
    convert_tf(checkpoint, tmp_path / "out")
    loaded, report = AutoModel.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    inputs, expected = given()
    with torch.inference_mode():
        outputs = loaded.eval()(**inputs, output_hidden_states=True)
    hidden = torch.stack(outputs.hidden_states).numpy()
    assert hidden.shape == (3, 3, 24, 32)
    np.testing.assert_allclose(hidden, expected[f"hidden_{gelu}"], rtol=0, atol=1e-5)
    pooled = outputs.pooler_output.numpy()
    np.testing.assert_allclose(pooled, expected[f"pooled_{gelu}"], rtol=0, atol=1e-5)
    # The bound tells the two apart, as it would any wrong tensor.
    assert np.abs(expected["hidden_erf"] - expected["hidden_tanh"]).max() > 1e-4


def test_the_folder_is_an_encoder_of_studies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, ORIGINAL, tmp_path / "out") == 0
    printed = capsys.readouterr()
    assert "39 tensors used" in printed.out
    assert "left out: 1 global_step, 56 optimiser slots, 7 pretraining heads" in printed.out
    assert "uncased: vocab.txt has no capitals" in printed.out
    line = printed.out.splitlines()[-1].removeprefix("In a study file: ")
    encoder = Encoder.model_validate(yaml.safe_load(line)["encoder"])
    convert_tf(ORIGINAL, tmp_path / "again")
    assert fingerprint_encoder(encoder) == fingerprint_encoder(encoder_of(tmp_path / "again"))
    model = build_model(encoder, None, (), seed=0, recipe=Recipe()).eval()
    assert model.pooler is None  # its own is used
    inputs, expected = given()
    with torch.inference_mode():
        outputs = model.encoder(**inputs)
    np.testing.assert_allclose(
        outputs.last_hidden_state, expected["hidden_erf"][-1], rtol=0, atol=1e-5
    )
    np.testing.assert_allclose(outputs.pooler_output, expected["pooled_erf"], rtol=0, atol=1e-5)


def test_a_checkpoint_of_two_files_gives_the_same_weights(checkpoint: Path, tmp_path: Path) -> None:
    convert_tf(checkpoint, tmp_path / "one")
    for file in (ORIGINAL / "two_shards").iterdir():
        shutil.copy(file, checkpoint)
    with pytest.raises(EncoderError, match=r"2 checkpoints \(bert_model.ckpt, model.ckpt-20\)"):
        convert_tf(checkpoint, tmp_path / "two")
    done = convert_tf(checkpoint / "model.ckpt-20", tmp_path / "two")
    assert done.left_out == {}
    assert (tmp_path / "two" / WEIGHTS).read_bytes() == (tmp_path / "one" / WEIGHTS).read_bytes()
    (checkpoint / "model.ckpt-20.data-00001-of-00002").unlink()
    with pytest.raises(EncoderError, match=r"data-00001-of-00002 is missing; .* 2 data files"):
        convert_tf(checkpoint / "model.ckpt-20.index", tmp_path / "three")


@pytest.mark.parametrize("cased", [None, True, False])
@pytest.mark.parametrize("capitals", [False, True])
def test_case_is_told_or_found_from_the_vocabulary(
    checkpoint: Path, tmp_path: Path, capitals: bool, cased: bool | None
) -> None:
    vocabulary = checkpoint / "vocab.txt"
    text = vocabulary.read_text()
    vocabulary.write_text(text.replace("\nfever\n", "\nAsp\n") if capitals else text)
    done = convert_tf(checkpoint, tmp_path / "out", cased)
    assert done.cased == (capitals if cased is None else cased)
    tokenizer = load_tokenizer(encoder_of(tmp_path / "out"))
    assert tokenizer.model_max_length == 24
    pieces = text.split()
    ids = tokenizer("Aspirin reduced pain.")["input_ids"]
    first = pieces.index("[UNK]" if done.cased else "aspirin")
    assert ids == [
        *map(pieces.index, ["[CLS]"]), first, *map(pieces.index, ["reduced", "pain", ".", "[SEP]"])
    ]  # fmt: skip


def test_a_name_that_contradicts_the_vocabulary_asks(checkpoint: Path, tmp_path: Path) -> None:
    named = checkpoint.rename(tmp_path / "Cased_L-2_H-32")
    with pytest.raises(EncoderError, match=r"says Cased, but vocab.txt has no capitals; give --c"):
        convert_tf(named, tmp_path / "out")
    assert convert_tf(named, tmp_path / "out", cased=False).case_known_by == "as told"
    named = named.rename(tmp_path / "pubmed_uncased_L-2")
    assert not convert_tf(named, tmp_path / "other").cased


@dataclass(frozen=True)
class Case:
    """A wrong checkpoint, and what must be said of it."""

    name: str
    said: str
    spoil: Callable[[Path], object]


def text(file: str, before: str, after: str) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        old = (folder / file).read_text()
        assert before in old
        (folder / file).write_text(old.replace(before, after))

    return spoil


def content(file: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_bytes(change((folder / file).read_bytes()))


def saved(change: Callable[[Tensors], Tensors], **options: Any) -> Callable[[Path], object]:
    return lambda folder: write(folder, change(read(folder)), **options)


def without(*names: str) -> Callable[[Path], object]:
    return saved(lambda old: {name: old[name] for name in old if name not in names})


def altered(name: str, **fields: Any) -> Callable[[Path], object]:
    return saved(lambda old: old | {name: replace(old[name], **fields)})


def flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda old: old[:at] + bytes([old[at] ^ 4]) + old[at + 1 :]


INDEX, DATA = "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"
CONFIG, PIECES = "bert_config.json", "vocab.txt"
WRONG = [
    Case("no index", "holds no TensorFlow checkpoint", lambda f: (f / INDEX).unlink()),
    Case("no data", f"{DATA} is missing; the checkpoint has 1", lambda f: (f / DATA).unlink()),
    Case("no config", f"{CONFIG} is missing", lambda f: (f / CONFIG).unlink()),
    Case("no vocabulary", f"{PIECES} is missing", lambda f: (f / PIECES).unlink()),
    Case("empty index", f"{INDEX} cannot be read", content(INDEX, lambda _: b"")),
    Case("another file", f"{INDEX} cannot be read", content(INDEX, lambda _: bytes(2000))),
    Case("cut index", f"{INDEX} cannot be read", content(INDEX, lambda old: old[:-9])),
    Case("flipped index", "does not have its checksum", content(INDEX, flipped(700))),
    Case("cut data", f"{DATA} is cut short", content(DATA, lambda old: old[:-9000])),
    Case("flipped data", "do not have their checksum", content(DATA, flipped(8))),
    Case("big-endian", "big-endian", saved(dict, header=b"\x08\x01\x10\x01")),
    Case("a newer format", "reader of version 2", saved(dict, header=b"\x08\x01\x1a\x02\x10\x02")),
    Case("one missing", f"lacks {QUERY}; give a whole", without(QUERY)),
    Case("two missing", f"lacks {WORDS}, {QUERY};", without(QUERY, WORDS)),
    Case(
        "one too many",
        "found bert/embeddings/extra, which a BERT does not have",
        saved(lambda old: old | {"bert/embeddings/extra": old[WORDS]}),
    ),
    Case(
        "a layer too many",
        "found 3 layers, up to layer_2, but num_hidden_layers in bert_config.json is 2",
        saved(lambda old: old | {QUERY.replace("r_1", "r_2"): old[QUERY]}),
    ),
    Case("too many asked", "is 2000000", text(CONFIG, "layers\": 2", "layers\": 2000000")),
    Case("more layers asked", "is 3; give the", text(CONFIG, "layers\": 2", "layers\": 3")),
    Case(
        "another model",
        "layer_0, but variables under cls, electra; give",
        saved(lambda old: {name.replace("bert/", "electra/"): old[name] for name in old}),
    ),
    Case(
        "another shape",
        f"found {WORDS} of shape [32, 60], but bert_config.json makes it [60, 32]",
        altered(WORDS, shape=(32, 60)),
    ),
    Case("another width", "it [32, 64] (and 5 more", text(CONFIG, "size\": 48", "size\": 64")),
    Case("bfloat16", f"{QUERY} is bfloat16; only float32", altered(QUERY, dtype=14)),
    Case("float16", f"{QUERY} is float16; only float32", altered(QUERY, dtype=19)),
    Case("a new type", "is of TensorFlow's type 77; only", altered(QUERY, dtype=77)),
    Case("too few bytes", "is cut short", altered(QUERY, content=bytes(400))),
    Case("slices", "is a partitioned variable", altered(QUERY, more=field(7, b""))),
    Case("no JSON", f"{CONFIG} is not valid JSON", text(CONFIG, "{", "[")),
    Case("a list", f"{CONFIG}: found a list", content(CONFIG, lambda _: b"[]")),
    Case("a key less", "`hidden_size` is missing; give", text(CONFIG, "hidden_size", "x")),
    Case("a text", "`hidden_size`: found '32'; allowed", text(CONFIG, " 32,", " \"32\",")),
    Case("unknown act", "`hidden_act`: found 'swish'; allowed: 'g", text(CONFIG, "gelu", "swish")),
    Case("heads", "not a multiple of num_attention_heads 5", text(CONFIG, "ads\": 4", "ads\": 5")),
    Case("a piece less", "59 pieces, but vocab_size in bert", text(PIECES, "\nfever", "")),
    Case("no mask", "lacks [MASK]", text(PIECES, "[MASK]", "mask")),
    Case("not UTF-8", f"{PIECES} cannot be read", content(PIECES, lambda old: b"\xff" + old)),
]  # fmt: skip


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.name)
def test_a_wrong_checkpoint_is_one_sentence_and_nothing_written(
    case: Case,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    case.spoil(checkpoint)
    assert call(monkeypatch, checkpoint, tmp_path / "out") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ") and printed.err.count("\n") == 1
    assert case.said in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["bert"]


def test_spoiling_changes_nothing_else(checkpoint: Path, tmp_path: Path) -> None:
    """What these tests write is a checkpoint where nothing is wrong with it."""
    convert_tf(checkpoint, tmp_path / "one")
    write(checkpoint, read(checkpoint))
    convert_tf(checkpoint, tmp_path / "two")
    assert (tmp_path / "two" / WEIGHTS).read_bytes() == (tmp_path / "one" / WEIGHTS).read_bytes()


def test_what_is_beside_a_bert_is_named(checkpoint: Path, tmp_path: Path) -> None:
    more = {name: Saved(bytes(4), (1,)) for name in ("output_bias", "loss_scale")}
    write(checkpoint, read(checkpoint) | more)
    left_out = convert_tf(checkpoint, tmp_path / "out").left_out
    assert left_out["a fine-tuned head"] == ("output_bias",)
    assert left_out["others"] == ("loss_scale",)


def test_what_is_there_already_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("mine")
    for source, out, said in (
        (ORIGINAL, "kept", "is not empty; give a new folder"),
        (ORIGINAL, "kept/file", "is a file; give a new folder"),
        (ORIGINAL, "kept/file/out", "cannot be written"),
        (tmp_path / "none", "out", "none is not a folder; give the unpacked folder"),
    ):
        assert call(monkeypatch, source, tmp_path / out) == 2
        assert said in capsys.readouterr().err
    assert (tmp_path / "kept" / "file").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    (tmp_path / "empty").mkdir()
    assert call(monkeypatch, ORIGINAL, tmp_path / "empty") == 0


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(EncoderError, match="out cannot be written"):
            convert_tf(ORIGINAL, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def outcome(folder: Path, out: Path) -> bytes | None:
    """The weights that a checkpoint gives, None where it is refused."""
    try:
        convert_tf(folder, out)
    except EncoderError:
        assert not out.exists()
        return None
    weights = (out / WEIGHTS).read_bytes()
    shutil.rmtree(out)
    return weights


def test_damage_is_refused_or_harmless(checkpoint: Path, tmp_path: Path) -> None:
    right = outcome(checkpoint, tmp_path / "out")
    random = np.random.default_rng(0)
    refused = 0
    for file in (INDEX, DATA) * 60:
        whole = (checkpoint / file).read_bytes()
        at = int(random.integers(len(whole)))
        damaged = whole[:at]
        if random.random() < 0.8:
            damaged += bytes([whole[at] ^ 1 << int(random.integers(8))]) + whole[at + 1 :]
        (checkpoint / file).write_bytes(damaged)
        weights = outcome(checkpoint, tmp_path / "out")
        assert weights in (None, right), (file, at)
        refused += weights is None
        (checkpoint / file).write_bytes(whole)
    assert refused > 60  # the rest hit what is left out


def test_nonsense_with_right_checksums_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    """No index makes the reader fail other than by its own error."""
    random = np.random.default_rng(0)
    values = {b"": b"\x08\x01\x1a\x02\x08\x01"}
    for _ in range(200):
        for _ in range(int(random.integers(1, 4))):
            values[random.bytes(int(random.integers(9)))] = random.bytes(int(random.integers(30)))
        (checkpoint / INDEX).write_bytes(table(dict(sorted(values.items()))))
        assert outcome(checkpoint, tmp_path / "out") is None
        values = {b"": b"\x08\x01\x1a\x02\x08\x01"}


@pytest.mark.parametrize(
    ("data", "checksum"),  # RFC 3720, B.4
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_crc32c_is_that_of_the_standard(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum


def test_crc32c_of_long_data_goes_on_from_chunk_to_chunk() -> None:
    data = np.random.default_rng(0).bytes((1 << 20) + 4099)  # a chunk, many words and three bytes
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)  # noqa: PLW2901
        table.append(byte)
    state = 0xFFFFFFFF
    for byte in data:
        state = state >> 8 ^ table[(state ^ byte) & 255]
    assert crc32c(data) == state ^ 0xFFFFFFFF
