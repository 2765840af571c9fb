"""The encoder that a stage starts from: of its files, of a parent's, or built in place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, BertConfig, BertModel

from transfer_study.data.encoders.find import encoder_folder, reads_forward
from transfer_study.data.streams import stream
from transfer_study.data.tokens.vocabulary import tiny_vocabulary
from transfer_study.errors import EncoderError
from transfer_study.study.encoder import Encoder, ScratchConfig, TinyConfig


def load_body(encoder: Encoder, parent: Path | None) -> Any:
    """The encoder with a parent's weights, or with its own; raises EncoderError.

    What a checkpoint lacks (a pooler, say) is initialised alike for every seed of a study.
    """
    torch.manual_seed(torch_seed("encoder"))
    if parent is None and encoder.tiny is not None:
        torch.manual_seed(torch_seed(encoder.tiny.seed, "tiny"))
        return _build_bert(encoder.tiny, len(tiny_vocabulary(encoder.tiny)))
    if parent is None and encoder.scratch is not None:
        torch.manual_seed(torch_seed(encoder.scratch.seed, "scratch"))
        # As many rows as the vocabulary may have: fewer pieces change no other weight.
        return _build_bert(encoder.scratch, encoder.scratch.vocabulary_size)
    folder = parent if parent is not None else encoder_folder(encoder)
    try:
        # What a parent hands on is cut already.
        cut = {"num_hidden_layers": encoder.layers} if encoder.layers else {}
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, **cut)
        body = AutoModel.from_pretrained(
            folder, config=config, dtype=torch.float32, trust_remote_code=False
        )
    except Exception as error:  # files of all kinds, read by code of many authors
        raise EncoderError(f"encoder {encoder.name}: {folder} cannot be loaded ({error})") from None
    if not hasattr(body.config, "hidden_size") or getattr(body.config, "is_encoder_decoder", False):
        raise EncoderError(
            f"encoder {encoder.name}: {type(body).__name__} is not an encoder such as BERT, "
            "RoBERTa, ELECTRA, DeBERTa, ModernBERT, GPT-2, Llama or Qwen"
        )
    if reads_forward(encoder):
        body.config.use_cache = False  # it continues no text
    return body


def _build_bert(config: TinyConfig | ScratchConfig, vocabulary_size: int) -> BertModel:
    return BertModel(
        BertConfig(
            vocab_size=vocabulary_size,
            hidden_size=config.hidden_size,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            intermediate_size=4 * config.hidden_size,
            max_position_embeddings=config.max_length,
        )
    )


def torch_seed(*key: object) -> int:
    """The seed of torch for a purpose, named as in `data.streams`."""
    return int(stream(*key).integers(2**62))
