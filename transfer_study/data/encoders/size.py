"""How large the weights of an encoder are, without loading them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod

from transfer_study.data.encoders.find import encoder_config, encoder_folder
from transfer_study.data.encoders.limits import layer_count
from transfer_study.data.encoders.weights import parameter_shapes
from transfer_study.data.tokens.vocabulary import tiny_vocabulary
from transfer_study.study.encoder import Encoder, ScratchConfig, TinyConfig
from transfer_study.study.recipes.adapter import Adapter, LoraAdapter

_BYTES = 4  # of a float32
_LAYER = re.compile(r"(?:^|\.)(?:layers?|h)\.(\d+)\.")  # `h` are those of GPT-2


def weight_bytes(encoder: Encoder) -> int:
    """The bytes of an encoder's weights in float32, pooler included, as a stage would keep them.

    Of an encoder with files they follow from the tensors that these list. Raises EncoderError.
    """
    if encoder.tiny is not None:
        return _BYTES * _bert_parameters(encoder.tiny, len(tiny_vocabulary(encoder.tiny)))
    if encoder.scratch is not None:
        return _BYTES * _bert_parameters(encoder.scratch, encoder.scratch.vocabulary_size)
    config = encoder_config(encoder)
    shapes = parameter_shapes(encoder, encoder_folder(encoder), config)
    counts = {name: prod(shape) for name, shape in shapes.items()}
    # As transformers does it: where the encoder's tensors have a prefix, others are heads.
    embedded = next((name for name in counts if "embeddings." in name), "")
    prefix = embedded.partition("embeddings.")[0]
    kept = {
        name: n for name, n in counts.items() if name.startswith(prefix) and _is_kept(encoder, name)
    }
    hidden = _hidden_size(encoder)
    pooler = 0 if any("pooler" in name for name in kept) else hidden * (hidden + 1)
    return _BYTES * (sum(kept.values()) + pooler)


def adapter_bytes(encoder: Encoder, adapter: Adapter) -> int:
    """The bytes of an adapter to an encoder in float32, with the pooler that is kept beside it."""
    hidden = _hidden_size(encoder)
    if isinstance(adapter, LoraAdapter):
        parameters = adapter.rank * sum(map(sum, _matrices(encoder)))
    else:
        narrow = 2 * hidden * adapter.size + adapter.size + hidden
        parameters = layer_count(encoder) * narrow
    return _BYTES * (parameters + hidden * (hidden + 1))


def _matrices(encoder: Encoder) -> Iterator[tuple[int, ...]]:
    """The shapes of the matrices of the transformer layers: BERT's where they cannot be listed."""
    built = encoder.tiny or encoder.scratch
    if not built:
        config = encoder_config(encoder)
        shapes = parameter_shapes(encoder, encoder_folder(encoder), config)
        matrices = [
            shape
            for name, shape in shapes.items()
            if len(shape) == 2 and _LAYER.search(name) and _is_kept(encoder, name)
        ]
        if matrices:
            yield from matrices
            return
    hidden = _hidden_size(encoder)
    inner = 4 * hidden if built else config.get("intermediate_size", 4 * hidden)
    for _ in range(layer_count(encoder)):
        yield from [(hidden, hidden)] * 4
        yield from [(hidden, inner)] * 2


def _hidden_size(encoder: Encoder) -> int:
    if built := encoder.tiny or encoder.scratch:
        return built.hidden_size
    config = encoder_config(encoder)
    return int(next((config[k] for k in ("hidden_size", "dim", "n_embd") if k in config), 0))


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
