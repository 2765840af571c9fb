"""What an encoder of a family learned goes into transformers' own class, or has a loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertConfig,
    BertTokenizer,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    RobertaConfig,
)
from transformers.utils import logging

from transfer_study.learn.models.load_model import HEADS_FILE, TASKS_FILE, load
from transfer_study.learn.models.model import MultiTaskModel, build_model, save_whole
from transfer_study.study.encoder import Encoder
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks.task import Task
from transfer_study.take_home.write import write_loader_folder, write_pipeline_folder

logging.set_verbosity_error()
logging.disable_progress_bar()

SIZES: dict[str, Any] = {
    "vocab_size": 90,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
}
ENDS = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
RELATIVE = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0}
FAMILIES: dict[str, Any] = {
    "bert": BertConfig(**SIZES),
    "roberta": RobertaConfig(**SIZES, **ENDS),
    "electra": ElectraConfig(**SIZES, embedding_size=16),
    "electra-small": ElectraConfig(**SIZES, embedding_size=8),
    "deberta-v2": DebertaV2Config(**SIZES, **RELATIVE),
    "modernbert": ModernBertConfig(**SIZES, **ENDS, cls_token_id=0, sep_token_id=2),
    "distilbert": DistilBertConfig(
        vocab_size=90, dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=40
    ),
}
FIT_SENTENCES = {"bert", "roberta", "electra", "deberta-v2"}
FIT_TAGGING = FAMILIES.keys() - {"modernbert"}


def task(name: str, kind: str, *labels: str) -> Task:
    source = {"format": "synthetic", "task": "none", "train": 1, "dev": 1, "test": 1}
    return Task.model_validate({"name": name, "kind": kind, "labels": labels, "source": source})


SENTENCE = task("nli", "classification", "a", "b", "c")
TAGS = task("ner", "tagging", "Gene")


@pytest.fixture(params=FAMILIES)
def learned(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, MultiTaskModel, Path]:
    """A family's name, a model of it that has learned something, and its snapshot."""
    torch.manual_seed(7)
    encoder, snapshot = tmp_path / "encoder", tmp_path / "snapshot"
    AutoModel.from_config(FAMILIES[request.param]).save_pretrained(encoder)
    heads = [(SENTENCE, "nli"), (TAGS, "ner")]
    model = build_model(Encoder(name="e", source=str(encoder)), None, heads, 0, Recipe())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape))
    save_whole(model, snapshot)
    tasks = {
        str(n): {"kind": str(t.kind), "outputs": t.outputs, "pooling": "pooler"}
        for n, t in enumerate((SENTENCE, TAGS))
    }
    (snapshot / TASKS_FILE).write_text(json.dumps(tasks))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
    BertTokenizer(vocab={piece: n for n, piece in enumerate(pieces)}).save_pretrained(snapshot)
    return request.param, model.eval(), snapshot


def inputs() -> dict[str, torch.Tensor]:
    ids = torch.randint(5, 90, (3, 11), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    return {"input_ids": ids, "attention_mask": mask}


def same(found: torch.Tensor, expected: torch.Tensor, t: Task) -> None:
    if t is TAGS:  # what stands on padding means nothing
        found, expected = (x[inputs()["attention_mask"].bool()] for x in (found, expected))
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("t", [SENTENCE, TAGS], ids=["sentence", "tagging"])
def test_a_folder_for_transformers_computes_the_same_or_is_not_written(
    learned: tuple[str, MultiTaskModel, Path], t: Task, tmp_path: Path
) -> None:
    name, model, snapshot = learned
    out = tmp_path / "out"
    if name not in (FIT_TAGGING if t is TAGS else FIT_SENTENCES):
        assert not write_pipeline_folder(snapshot, int(t is TAGS), t, out)
        assert not out.exists()
        return
    assert write_pipeline_folder(snapshot, int(t is TAGS), t, out)
    kinds = AutoModelForTokenClassification if t is TAGS else AutoModelForSequenceClassification
    plain = kinds.from_pretrained(out).eval()
    with torch.no_grad():
        same(plain(**inputs()).logits, model(t, inputs()), t)
    assert tuple(plain.config.id2label.values()) == t.outputs


def test_the_loader_fits_every_family(
    learned: tuple[str, MultiTaskModel, Path], tmp_path: Path
) -> None:
    _, model, snapshot = learned
    write_loader_folder(snapshot, {0: SENTENCE, 1: TAGS}, tmp_path / "out")
    _, _, logits = load(tmp_path / "out")
    for t in (SENTENCE, TAGS):
        with torch.no_grad():
            same(logits(t.name, **inputs()), model(t, inputs()), t)


def test_the_loader_of_one_task_has_no_other_head(
    learned: tuple[str, MultiTaskModel, Path], tmp_path: Path
) -> None:
    _, model, snapshot = learned
    write_loader_folder(snapshot, {0: SENTENCE}, tmp_path / "out")
    tasks, _, logits = load(tmp_path / "out")
    assert list(tasks) == [SENTENCE.name]
    assert not any("ner" in name for name in load_file(tmp_path / "out" / HEADS_FILE))
    with torch.no_grad():
        same(logits(SENTENCE.name, **inputs()), model(SENTENCE, inputs()), SENTENCE)


def test_the_loader_pools_as_the_recipe_said(tmp_path: Path) -> None:
    AutoModel.from_config(FAMILIES["bert"]).save_pretrained(tmp_path / "encoder")
    encoder = Encoder(name="e", source=str(tmp_path / "encoder"))
    model = build_model(encoder, None, [(SENTENCE, "nli")], 0, Recipe(pooling="mean")).eval()
    snapshot = tmp_path / "snapshot"
    save_whole(model, snapshot)
    named = {"kind": str(SENTENCE.kind), "outputs": SENTENCE.outputs, "pooling": "mean"}
    (snapshot / TASKS_FILE).write_text(json.dumps({"0": named}))
    BertTokenizer(vocab={"[PAD]": 0, "[UNK]": 1}).save_pretrained(snapshot)
    _, _, logits = load(snapshot)
    with torch.no_grad():
        same(logits("0", **inputs()), model(SENTENCE, inputs()), SENTENCE)
    # transformers' own class reads the pooler, and must not be taken for this model.
    assert not write_pipeline_folder(snapshot, 0, SENTENCE, tmp_path / "out")
