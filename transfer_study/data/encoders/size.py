"""How large the weights of an encoder are, without loading them."""

from __future__ import annotations

import re

from transfer_study.data.encoders.find import encoder_config, encoder_folder
from transfer_study.data.encoders.weights import parameter_counts
from transfer_study.data.tokens.vocabulary import tiny_vocabulary
from transfer_study.study.encoder import Encoder, ScratchConfig, TinyConfig

_BYTES = 4  # of a float32
_LAYER = re.compile(r"(?:^|\.)layers?\.(\d+)\.")


def weight_bytes(encoder: Encoder) -> int:
    """The bytes of an encoder's weights in float32, pooler included, as a stage would keep them.

    Of an encoder with files they follow from the tensors that these list. Raises EncoderError.
    """
    if encoder.tiny is not None:
        return _BYTES * _bert_parameters(encoder.tiny, len(tiny_vocabulary(encoder.tiny)))
    if encoder.scratch is not None:
        return _BYTES * _bert_parameters(encoder.scratch, encoder.scratch.vocabulary_size)
    config = encoder_config(encoder)
    counts = parameter_counts(encoder, encoder_folder(encoder), config)
    # As transformers does it: where the encoder's tensors have a prefix, others are heads.
    embedded = next((name for name in counts if "embeddings." in name), "")
    prefix = embedded.partition("embeddings.")[0]
    kept = {
        name: n for name, n in counts.items() if name.startswith(prefix) and _is_kept(encoder, name)
    }
    hidden = config.get("hidden_size", config.get("dim", 0))
    pooler = 0 if any("pooler" in name for name in kept) else hidden * (hidden + 1)
    return _BYTES * (sum(kept.values()) + pooler)


def _is_kept(encoder: Encoder, name: str) -> bool:
    layer = _LAYER.search(name)
    return encoder.layers is None or layer is None or int(layer[1]) < encoder.layers


def _bert_parameters(config: TinyConfig | ScratchConfig, vocabulary_size: int) -> int:
    """The parameters of a BERT with this shape, as `learn.model` builds it."""
    size = config.hidden_size
    embeddings = size * (vocabulary_size + config.max_length + 2) + 2 * size
    attention = 4 * size * (size + 1) + 2 * size
    feed_forward = 4 * size * (size + 1) + size * (4 * size + 1) + 2 * size
    return embeddings + config.layers * (attention + feed_forward) + size * (size + 1)
