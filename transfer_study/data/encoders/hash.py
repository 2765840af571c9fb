"""The hash of all that an encoder computes with; no torch, so that planning is quick."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transfer_study.data.encoders.find import encoder_folder, read_settings
from transfer_study.data.encoders.weights import hash_weights
from transfer_study.data.tokens.tokenizer import describe_tokenizer
from transfer_study.data.tokens.vocabulary import scratch_vocabulary, tiny_vocabulary
from transfer_study.errors import EncoderError
from transfer_study.study.encoder import Encoder
from transfer_study.study.frozen import content_hash, file_hash

# Raised when the tiny encoder is built differently from the same configuration.
TINY_VERSION = 1
# Likewise of one from scratch.
SCRATCH_VERSION = 1
# Keys of config.json that decide neither weights nor ids: its place, and the number type, for
# encoders are always loaded as float32. Any other key counts.
_DESCRIPTIVE = ("_name_or_path", "dtype", "torch_dtype")
# Keys of tokenizer_config.json that decide no ids: places, and what is for decoding and chats.
_DESCRIPTIVE_OF_TOKENIZER = (
    "chat_template",
    "clean_up_tokenization_spaces",
    "name_or_path",
    "processor_class",
    "response_schema",
    "response_template",
    "special_tokens_map_file",
)
# Files that transformers reads for tokenizers of every class, beside those of their own.
_FILES_OF_ALL = (
    "added_tokens.json",
    "special_tokens_map.json",
    "tekken.json",
    "tiktoken.model",
    "tokenizer.*json",  # tokenizer.json, and those of certain versions
    "tokenizer.model*",
)


def fingerprint_encoder(encoder: Encoder) -> str:
    """The sha256 of what an encoder computes with: tensors, configuration and tokenizer.

    Independent of the encoder's name and place, so that a hub model and a local copy are one.
    Raises EncoderError where anything of it is missing, damaged or of no use.
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
    config = read_settings(encoder, folder / "config.json")
    cut = {} if encoder.layers is None else {"layers": encoder.layers}
    try:
        return content_hash(
            {
                "config": {k: v for k, v in config.items() if k not in _DESCRIPTIVE},
                **cut,
                "tokenizer": _tokenizer(encoder, folder),
                "weights": hash_weights(encoder, folder, config),
            }
        )
    except OSError as error:
        raise EncoderError(
            f"encoder {encoder.name}: a file in {folder} cannot be read ({error}); "
            "see to its permissions, or copy the folder again"
        ) from None


def _tokenizer(encoder: Encoder, folder: Path) -> dict[str, Any]:
    """All that a tokenizer reads, and what comes of it with the libraries that are installed."""
    made = describe_tokenizer(encoder)
    names = {file.name for pattern in _FILES_OF_ALL for file in folder.glob(pattern)}
    names |= {*made.pop("files")}
    settings = read_settings(encoder, folder / "tokenizer_config.json")
    return {
        **made,
        "files": {
            name: file_hash(folder / name) for name in sorted(names) if (folder / name).is_file()
        },
        # In their order, which is that of the ids of added tokens.
        "settings": json.dumps(
            {k: v for k, v in settings.items() if k not in _DESCRIPTIVE_OF_TOKENIZER}
        ),
    }
