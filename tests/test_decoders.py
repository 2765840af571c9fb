"""Encoders that read from left to right walk the whole way, pooled at their last token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import pre_tokenizers
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    GPT2Config,
    GPT2Tokenizer,
    LlamaConfig,
    Qwen2Config,
)
from transformers.utils import logging

from transfer_study.data.encoders.limits import check_pooling
from transfer_study.data.encoders.size import adapter_bytes, weight_bytes
from transfer_study.data.splits import load
from transfer_study.data.tokens.encode import encode
from transfer_study.data.tokens.tokenizer import load_tokenizer
from transfer_study.errors import EncoderError
from transfer_study.execute.executor import Todo
from transfer_study.execute.in_process import InProcess
from transfer_study.execute.progress import Silent
from transfer_study.learn.batch import Collator
from transfer_study.learn.models import load_model
from transfer_study.learn.models.model import build_model
from transfer_study.learn.predict import row_logits
from transfer_study.session.places import Places
from transfer_study.session.plans import make_plan
from transfer_study.session.report import write_report
from transfer_study.store.store import Store
from transfer_study.study.encoder import Encoder
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.study.recipes.recipe import Precision, Recipe
from transfer_study.take_home.export import Wanted, export_model

logging.set_verbosity_error()
logging.disable_progress_bar()

STUDY = """\
name: forward
encoder: {{name: made, source: {folder}}}
tasks:
  - name: relation
    kind: classification
    labels: [herb, beast]
    source: {{format: synthetic, task: relation, train: 16, dev: 6, test: 8}}
  - name: entities
    kind: tagging
    labels: [herb, beast]
    source: {{format: synthetic, task: entities, train: 16, dev: 6, test: 8}}
arms: [single, full]
seeds: 1
refine: {{epochs: 1, max_length: 40, pooling: {pooling}, precision: float32, freeze_layers: 1}}
"""
SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 48,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": 0,
}
GPT2 = {"n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": 48, "initializer_range": 0.2}
ENDS = {"bos_token_id": 0, "eos_token_id": 0}
SHAPES: dict[str, Callable[[int], Any]] = {
    "gpt2": lambda n: GPT2Config(vocab_size=n, **GPT2, **ENDS),
    "llama": lambda n: LlamaConfig(vocab_size=n, **SIZES),
    "qwen2": lambda n: Qwen2Config(vocab_size=n, **SIZES, num_key_value_heads=1),
}


def made(folder: Path, shape: str) -> Encoder:
    """A tiny one in a folder, with a tokenizer that neither pads nor marks anything."""
    pieces = ["<|endoftext|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = GPT2Tokenizer(vocab={piece: n for n, piece in enumerate(pieces)}, merges=[])
    assert tokenizer.pad_token_id is None
    torch.manual_seed(0)
    AutoModel.from_config(SHAPES[shape](len(pieces))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Encoder(name="made", source=str(folder))


def planned(root: Path, shape: str, *settings: str, pooling: str = "last") -> Plan:
    made(root / "encoder", shape)
    text = STUDY.format(folder=root / "encoder", pooling=pooling)
    (root / "study.yaml").write_text(text, encoding="utf-8")
    return make_plan(read_study(root / "study.yaml", settings))


@pytest.mark.parametrize("shape", SHAPES)
def test_from_its_files_to_a_model_taken_home(tmp_path: Path, shape: str) -> None:
    adapter = {"gpt2": "refine.adapter.kind=lora", "llama": "refine.adapter.kind=bottleneck"}
    settings = [adapter[shape]] if shape in adapter else []
    plan = planned(tmp_path, shape, *settings)
    places = Places(tmp_path / "store", tmp_path / "results", tmp_path / "plots")
    InProcess().run(Todo(plan, plan.parents()), Store(places.store), Silent())
    write_report(plan, places)
    assert (tmp_path / "results" / "forward" / "deltas.csv").is_file()
    for task in ("relation", "entities"):
        wanted = Wanted(task=task, arm="full", reading="refine")
        exported = export_model(plan, Store(places.store), wanted, tmp_path / task)
        assert exported.card.checked == {task: 8}
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "relation")
    assert tokenizer.padding_side == "right" and tokenizer.pad_token_id == 0
    _, tokenizer, logits = load_model.load(tmp_path / "relation")
    long, short = "a much longer text than the other one", "short"
    together = logits("relation", **tokenizer([long, short], padding=True, return_tensors="pt"))
    alone = logits("relation", **tokenizer([short], return_tensors="pt"))
    torch.testing.assert_close(together[1:], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_answers_do_not_depend_on_how_rows_are_batched(tmp_path: Path, shape: str) -> None:
    plan = planned(tmp_path, shape)
    encoder = plan.study.encoders[0]
    tokenizer = load_tokenizer(encoder)
    for task in plan.study.tasks:
        examples = load(task).test
        recipe = Recipe(max_length=40, pooling="last")
        encoded = encode(task, examples, tokenizer, recipe)
        assert all(row[-1] == tokenizer.eos_token_id for row in encoded.ids)
        ids = (tokenizer.pad_token_id, tokenizer.pad_token_type_id)
        model = build_model(encoder, None, [(task, "key")], 0, recipe).eval()
        collator = Collator(encoded, *ids, 40, torch.device("cpu"))
        together = row_logits(model, task, collator, Precision.FLOAT32)
        for row, answered in enumerate(together):
            with torch.no_grad():
                alone = model(task, collator.inputs(np.array([row])))[0].numpy()
            width = min(len(alone), len(encoded.ids[row])) if task.kind.words else len(alone)
            np.testing.assert_allclose(answered[:width], alone[:width], rtol=1e-4, atol=1e-5)
    pair = tokenizer(["a", ""], ["b", "b"])["input_ids"]
    assert [row.count(0) for row in pair] == [2, 2]
    assert pair[1][0] == 0 and pair[0][-1] == pair[1][-1] == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_its_size_is_known_before_it_is_loaded(tmp_path: Path, shape: str) -> None:
    encoder = made(tmp_path, shape)
    recipe = Recipe.model_validate({"adapter": {"kind": "lora"}, "pooling": "last"})
    model = build_model(encoder, None, [], 0, Recipe())
    whole = sum(4 * p.numel() for part in model.body for p in part.parameters())
    assert weight_bytes(encoder) == pytest.approx(whole, rel=0.02)
    model = build_model(encoder, None, [], 0, recipe)
    learns = sum(4 * p.numel() for p in model.parameters() if p.requires_grad)
    assert recipe.adapter is not None
    assert adapter_bytes(encoder, recipe.adapter) == learns


def test_a_token_that_has_not_read_the_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="set `pooling: last` in the recipe"):
        planned(tmp_path, "gpt2", pooling="pooler")
    planned(tmp_path, "gpt2", pooling="mean")
    AutoModel.from_config(BertConfig(**{**SIZES, "vocab_size": 90})).save_pretrained(tmp_path / "b")
    for encoder in (Encoder(name="b", source=str(tmp_path / "b")), Encoder.model_validate("tiny")):
        with pytest.raises(EncoderError, match="set `pooling: pooler` in the recipe"):
            check_pooling(encoder, Recipe(pooling="last"))
