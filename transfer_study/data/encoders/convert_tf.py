"""An original BERT or BlueBERT checkpoint of TensorFlow as a folder that transformers loads."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from transfer_study.data.encoders.original_bert import (
    BertShape,
    read_shape,
    read_vocabulary,
    transformers_name,
    variables,
)
from transfer_study.data.encoders.tensor_bundle import TensorBundle
from transfer_study.errors import EncoderError

# What a checkpoint holds beside the encoder, first match first.
_BESIDE = {
    "optimiser slots": re.compile(r".*/(adam_m|adam_v)"),
    "pretraining heads": re.compile(r"cls/(predictions|seq_relationship)/.*"),
    "a fine-tuned head": re.compile(r"output_(weights|bias)|cls/squad/.*"),
    "global_step": re.compile(r"global_step"),
}
_LAYER = re.compile(r"bert/encoder/layer_(\d{1,6})/")
_NAMED = 3  # of many, the first


@dataclass(frozen=True)
class Conversion:
    """What was read, what was left out, and what was written."""

    prefix: Path  # of the checkpoint's files
    folder: Path
    shape: BertShape
    used: int
    left_out: dict[str, tuple[str, ...]]  # names of variables by what they are
    cased: bool
    case_known_by: str


def convert_tf(checkpoint: Path, out: Path, cased: bool | None = None) -> Conversion:
    """Write the encoder of a checkpoint, its configuration and tokenizer into a new folder.

    `checkpoint` is the checkpoint's folder, or the prefix of its files; `out` must be new or empty
    and is written whole or not at all. Whether capitals count is found from the vocabulary where it
    is not given. Raises EncoderError.
    """
    prefix, out = _prefix(checkpoint), out.resolve()
    _check_free(out)
    shape = read_shape(prefix.with_name("bert_config.json"))
    pieces = read_vocabulary(prefix.with_name("vocab.txt"), shape.vocab_size)
    cased, case_known_by = _case(pieces, prefix.parent.resolve().name, cased)
    bundle = TensorBundle(prefix)
    left_out = _check_variables(bundle, shape)
    tensors = {transformers_name(name): _tensor(bundle, name) for name in variables(shape)}
    _write(out, shape, pieces, cased, tensors)
    return Conversion(prefix, out, shape, len(tensors), left_out, cased, case_known_by)


def _prefix(checkpoint: Path) -> Path:
    if not checkpoint.is_dir():
        prefix = checkpoint.with_name(checkpoint.name.removesuffix(".index"))
        if prefix.with_name(f"{prefix.name}.index").is_file():
            return prefix
        raise EncoderError(
            f"{checkpoint} is not a folder; give the unpacked folder of the checkpoint, with "
            "bert_model.ckpt.index, bert_config.json and vocab.txt"
        )
    found = sorted(path.name.removesuffix(".index") for path in checkpoint.glob("*.index"))
    if not found:
        raise EncoderError(
            f"{checkpoint} holds no TensorFlow checkpoint: no file ends in .index; give the "
            "folder with bert_model.ckpt.index, bert_config.json and vocab.txt"
        )
    if len(found) > 1:
        raise EncoderError(
            f"{checkpoint} holds {len(found)} checkpoints ({', '.join(found)}); "
            f"say which, as {checkpoint / found[-1]}"
        )
    return checkpoint / found[0]


def _check_free(out: Path) -> None:
    if out.is_dir() and any(out.iterdir()):
        raise EncoderError(f"{out} is not empty; give a new folder")
    if out.exists() and not out.is_dir():
        raise EncoderError(f"{out} is a file; give a new folder")


def _case(pieces: Iterable[str], folder: str, told: bool | None) -> tuple[bool, str]:
    """Whether capitals count, and how that is known."""
    words = (piece for piece in pieces if piece.removeprefix("##").isalpha())  # no [CLS], no <NUM>
    capitals = next((word for word in words if word != word.lower()), None)
    if told is not None:
        return told, "as told"
    named = re.search("(un)?cased", folder, flags=re.IGNORECASE)
    if named and (named[1] is None) != (capitals is not None):
        raise EncoderError(
            f"the folder's name, {folder}, says {named[0]}, but vocab.txt has "
            f"{f'capitals ({capitals})' if capitals else 'no capitals'}; "
            "give --cased or --uncased"
        )
    if capitals is None:
        return False, "vocab.txt has no capitals"
    return True, f"vocab.txt has capitals, such as {capitals}"


def _check_variables(bundle: TensorBundle, shape: BertShape) -> dict[str, tuple[str, ...]]:
    """What is beside the encoder; raises EncoderError where the encoder is not as configured."""
    _check_layers(bundle, shape)
    where, expected = f"{bundle.index}:", variables(shape)
    left_out: dict[str, list[str]] = {}
    extra = []
    for name in bundle.entries.keys() - expected.keys():
        kind = next((kind for kind, names in _BESIDE.items() if names.fullmatch(name)), "others")
        left_out.setdefault(kind, []).append(name)
        if kind == "others" and name.startswith("bert/"):
            extra.append(name)
    sizes = {name: bundle.entries[name].shape for name in expected if name in bundle.entries}
    problems = []
    if missing := [name for name in expected if name not in sizes]:
        problems.append(f"{where} lacks {_list(missing)}; give a whole checkpoint")
    if extra:
        problems.append(
            f"{where} found {_list(sorted(extra))}, which a BERT does not have; "
            "only the original architecture is converted"
        )
    if other := [name for name, size in sizes.items() if size != expected[name]]:
        more = f" (and {len(other) - 1} more differ)" if len(other) > 1 else ""
        problems.append(
            f"{where} found {other[0]} of shape {list(sizes[other[0]])}, but bert_config.json "
            f"makes it {list(expected[other[0]])}{more}; "
            "give the configuration that the model was trained with"
        )
    if problems:
        raise EncoderError(*problems)
    return {kind: tuple(sorted(names)) for kind, names in sorted(left_out.items())}


def _check_layers(bundle: TensorBundle, shape: BertShape) -> None:
    """Raise EncoderError where this is no BERT, or one of another number of layers."""
    found = {int(m[1]) for name in bundle.entries if (m := _LAYER.match(name))}
    if not found:
        scopes = sorted({name.partition("/")[0] for name in bundle.entries})
        raise EncoderError(
            f"{bundle.index}: found no bert/encoder/layer_0, but variables under {_list(scopes)}; "
            "give an original BERT checkpoint"
        )
    if shape.num_hidden_layers != max(found) + 1 or len(found) != max(found) + 1:
        raise EncoderError(
            f"{bundle.index}: found {len(found)} layers, up to layer_{max(found)}, but "
            f"num_hidden_layers in bert_config.json is {shape.num_hidden_layers}; "
            "give the configuration that the model was trained with"
        )


def _list(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _tensor(bundle: TensorBundle, name: str) -> NDArray[np.float32]:
    """A variable as transformers lays it out: a layer's kernel has its outputs first."""
    values = bundle.read(name)
    return np.ascontiguousarray(values.T) if name.endswith("/kernel") else values


def _write(
    out: Path,
    shape: BertShape,
    pieces: tuple[str, ...],
    cased: bool,
    tensors: dict[str, NDArray[np.float32]],
) -> None:
    from safetensors.numpy import save
    from transformers import BertConfig, BertTokenizer

    config = BertConfig(
        **shape.model_dump(),
        layer_norm_eps=1e-12,
        pad_token_id=pieces.index("[PAD]"),
        architectures=["BertModel"],
    )
    tokenizer = BertTokenizer(
        vocab={piece: n for n, piece in enumerate(pieces)},
        do_lower_case=not cased,
        model_max_length=shape.max_position_embeddings,
    )
    aside = out.with_name(f".{out.name}@{uuid4().hex[:8]}")
    try:
        aside.mkdir(parents=True)
        weights = save(tensors, metadata={"format": "pt"})
        (aside / "model.safetensors").write_bytes(weights)
        config.save_pretrained(aside)
        tokenizer.save_pretrained(aside)
        aside.rename(out)
    except OSError as error:
        raise EncoderError(f"{out} cannot be written ({error}); give another folder") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
