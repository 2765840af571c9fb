"""The size of an encoder's weights is that of the model that a stage would keep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    ElectraConfig,
    ElectraForPreTraining,
    ModernBertConfig,
    ModernBertModel,
)

from transfer_study.data.encoders.size import weight_bytes
from transfer_study.learn.models.model import build_model
from transfer_study.study.encoder import Encoder
from transfer_study.study.recipes.recipe import Recipe

SIZES = {"vocab_size": 90, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}


def made(encoder: Encoder) -> int:
    model = build_model(encoder, None, (), 0, Recipe())
    return 4 * sum(p.numel() for part in model.body for p in part.parameters())


@pytest.mark.parametrize(
    "shape",
    [
        {"tiny": {"hidden_size": 24, "layers": 3, "heads": 2, "max_length": 40}},
        {"scratch": {"hidden_size": 24, "layers": 1, "vocabulary_size": 700, "max_length": 32}},
    ],
)
def test_of_an_encoder_that_is_built_here(shape: dict[str, Any]) -> None:
    name = next(iter(shape))
    encoder = Encoder.model_validate({"name": name, **shape})
    assert weight_bytes(encoder) == made(encoder)


@pytest.mark.parametrize("layers", [None, 1])
@pytest.mark.parametrize(
    "build",
    [
        lambda: BertModel(BertConfig(**SIZES)),
        lambda: BertForMaskedLM(BertConfig(**SIZES)),  # heads beside the encoder, no pooler
        lambda: BertModel(BertConfig(**SIZES)).half(),
        lambda: DistilBertModel(DistilBertConfig(vocab_size=90, dim=16, n_layers=3, n_heads=2)),
        lambda: ElectraForPreTraining(ElectraConfig(**SIZES, embedding_size=8)),
        lambda: ModernBertModel(ModernBertConfig(**SIZES, pad_token_id=0, cls_token_id=1)),
    ],
    ids=["bert", "masked-lm", "half", "distilbert", "electra", "modernbert"],
)
def test_of_an_encoder_with_files(
    build: Callable[[], Any], layers: int | None, tmp_path: Path
) -> None:
    build().save_pretrained(tmp_path)
    encoder = Encoder(name="mine", source=str(tmp_path), layers=layers)
    # Buffers, such as the numbers of positions, are a few numbers more.
    assert weight_bytes(encoder) == pytest.approx(made(encoder), rel=0.02)


def test_of_files_whose_tensors_are_not_listed(tmp_path: Path) -> None:
    model = BertModel(BertConfig(**SIZES))
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    encoder = Encoder(name="mine", source=str(tmp_path))
    assert made(encoder) <= weight_bytes(encoder) <= 1.5 * made(encoder)
