"""The weights of an encoder's folder: the files that transformers loads, and their hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transfer_study.data.encoders.find import read_settings
from transfer_study.errors import EncoderError
from transfer_study.study.encoder import Encoder
from transfer_study.study.frozen import content_hash, file_hash

_INDEX = ".index.json"
# As `_get_resolved_checkpoint_files` of transformers takes them: the first that is there.
_CHOICES = (
    "model.safetensors",
    "model.safetensors" + _INDEX,
    "pytorch_model.bin",
    "pytorch_model.bin" + _INDEX,
)
# Types of tensors as they are hashed; any other goes by its own name.
_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}


def weight_files(encoder: Encoder, folder: Path, config: dict[str, Any]) -> list[Path]:
    """The files of weights that transformers loads from a folder, and no other that lies there."""
    named = config.get("transformers_weights")
    choices = _CHOICES if named is None else (str(named),)
    chosen = next((folder / name for name in choices if (folder / name).is_file()), None)
    if chosen is None:
        raise EncoderError(
            f"encoder {encoder.name}: {folder} holds no weights ({' or '.join(choices)})"
        )
    if not chosen.name.endswith(_INDEX):
        return [chosen]
    places = read_settings(encoder, chosen).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise EncoderError(
            f"encoder {encoder.name}: {chosen} names no files of weights (`weight_map`); "
            "download it again"
        )
    shards = [folder / name for name in sorted({str(name) for name in places.values()})]
    if missing := [shard.name for shard in shards if not shard.is_file()]:
        raise EncoderError(
            f"encoder {encoder.name}: {folder} lacks {', '.join(missing)}, which {chosen.name} "
            "names; download it again"
        )
    return shards


def hash_weights(encoder: Encoder, folder: Path, config: dict[str, Any]) -> str:
    """The sha256 of the weights that transformers loads: of safetensors their tensors alone."""
    files = weight_files(encoder, folder, config)
    if any(file.suffix != ".safetensors" for file in files):
        return content_hash([file_hash(file) for file in files])
    # Where two shards hold a name, the later one counts, as for transformers.
    tensors = {name: where for file in files for name, where in _tensors(encoder, file)}
    digest = hashlib.sha256()
    for name, (shard, kind, shape, begin, end) in sorted(tensors.items()):
        digest.update(f"{name} {kind} {shape}\n".encode())
        with shard.open("rb") as opened:
            opened.seek(begin)
            digest.update(opened.read(end - begin))
    return digest.hexdigest()


def parameter_shapes(
    encoder: Encoder, folder: Path, config: dict[str, Any]
) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor of the weights, by name.

    Of files whose tensors cannot be listed it is how many numbers they may hold at most, by the
    file's name.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    half = str(config.get("dtype", config.get("torch_dtype"))) in ("float16", "bfloat16")
    for file in weight_files(encoder, folder, config):
        if file.suffix == ".safetensors":
            shapes |= {name: shape for name, (_, _, shape, *_) in _tensors(encoder, file)}
        else:
            shapes[file.name] = (file.stat().st_size // (2 if half else 4),)
    return shapes


_Tensor = tuple[Path, str, tuple[int, ...], int, int]


def _tensors(encoder: Encoder, file: Path) -> Iterator[tuple[str, _Tensor]]:
    """The tensors of a safetensors file: name, then file, type, shape, first byte and end.

    Read from the file's own header, for numpy knows no bfloat16.
    """
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if length > file.stat().st_size:
                raise ValueError("its header is longer than the file")
            header = json.loads(opened.read(length))
        for name, tensor in header.items():
            if name != "__metadata__":
                begin, end = (8 + length + offset for offset in tensor["data_offsets"])
                kind, shape = _DTYPES.get(tensor["dtype"], tensor["dtype"]), tuple(tensor["shape"])
                if end > file.stat().st_size:
                    raise ValueError("it is cut short")
                yield name, (file, kind, shape, begin, end)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EncoderError(
            f"encoder {encoder.name}: {file} is not a complete safetensors file ({error}); "
            "download it again (a Git LFS pointer must be pulled)"
        ) from None
