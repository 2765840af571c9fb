"""Adapters learn in an encoder that stays as it is, in every family, and are kept alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import (
    AlbertConfig,
    AutoModel,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    RobertaConfig,
)
from transformers.utils import logging

from transfer_study.data.encoders.limits import check_layers
from transfer_study.data.encoders.size import adapter_bytes
from transfer_study.errors import EncoderError, StoreError
from transfer_study.learn.models import load_model
from transfer_study.learn.models.keep_prefix import keep_prefixes
from transfer_study.learn.models.model import (
    MultiTaskModel,
    build_model,
    changing,
    load_heads,
    restore,
    save_body,
    save_heads,
    save_whole,
)
from transfer_study.learn.models.stabilise import stabilise
from transfer_study.learn.optimise.optim import build_course
from transfer_study.learn.train import train
from transfer_study.store.store import Store
from transfer_study.study.encoder import Encoder
from transfer_study.study.recipes.recipe import Precision, Recipe
from transfer_study.study.tasks import kinds
from transfer_study.study.tasks.task import Task

logging.set_verbosity_error()
logging.disable_progress_bar()

LAYERS = 3
SIZES: dict[str, Any] = {
    "vocab_size": 400,
    "hidden_size": 16,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
    "initializer_range": 0.2,
}
ENDS = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
FAMILIES: dict[str, Callable[[], Any]] = {
    "bert": lambda: BertConfig(**SIZES),
    "roberta": lambda: RobertaConfig(**SIZES, **ENDS),
    "electra": lambda: ElectraConfig(**SIZES, embedding_size=8),
    "deberta-v2": lambda: DebertaV2Config(
        **SIZES, relative_attention=True, pos_att_type=["p2c", "c2p"], type_vocab_size=0
    ),
    "modernbert": lambda: ModernBertConfig(**SIZES, **ENDS, cls_token_id=0, sep_token_id=2),
    "distilbert": lambda: DistilBertConfig(
        vocab_size=400, dim=16, n_layers=LAYERS, n_heads=2, hidden_dim=24, initializer_range=0.2
    ),
}
LORA = {"kind": "lora", "rank": 2, "alpha": 4}
BOTTLENECK = {"kind": "bottleneck", "size": 3}
BOTH = pytest.mark.parametrize("adapter", [LORA, BOTTLENECK], ids=["lora", "bottleneck"])
SOURCE = {"format": "tsv", "folder": "none"}
PAIR, TAGS = (
    Task.model_validate({"name": name, "kind": kind, "labels": ["a", "b"], "source": SOURCE})
    for name, kind in (("nli", "classification"), ("ner", "tagging"))
)
HEADS = [(PAIR, "pair"), (TAGS, "tags")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("encoders")
    for name, config in FAMILIES.items():
        torch.manual_seed(7)
        AutoModel.from_config(config()).save_pretrained(root / name)
    return root


def start(
    folder: Path, name: str, parent: Path | None = None, seed: int = 0, **recipe: Any
) -> MultiTaskModel:
    encoder = Encoder(name=name, source=str(folder / name))
    return build_model(encoder, parent, HEADS, seed, Recipe.model_validate(recipe))


def inputs() -> dict[str, Tensor]:
    ids = torch.randint(5, 80, (3, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    return {"input_ids": ids, "attention_mask": mask}


def answers(model: MultiTaskModel) -> list[Tensor]:
    model.eval()
    with torch.no_grad():
        return [model(task, inputs()) for task in (PAIR, TAGS)]


def learn(model: MultiTaskModel, updates: int = 3) -> MultiTaskModel:
    """Move all that learns, far."""
    recipe = Recipe(learning_rate=0.05, warmup=0, weight_decay=0.1)
    course = build_course(model, recipe, updates)
    model.train()
    torch.manual_seed(0)
    for _ in range(updates):
        sum((model(task, inputs()) - 1).square().mean() for task in (PAIR, TAGS)).backward()
        course.optimizer.step()
        course.advance()
        course.optimizer.zero_grad()
    return model


def state(model: MultiTaskModel) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def kept(model: MultiTaskModel, folder: Path) -> Path:
    folder.mkdir()
    save_body(model, folder)
    save_heads(model, folder)
    return folder


def rebuilt(folder: Path, name: str, kept: Path, **recipe: Any) -> MultiTaskModel:
    model = start(folder, name, kept, seed=5, **recipe)
    load_heads(model, kept)
    return model


@BOTH
@pytest.mark.parametrize("name", FAMILIES)
def test_an_adapter_and_what_stands_on_the_encoder_learn_and_nothing_else(
    folder: Path, name: str, adapter: dict[str, Any]
) -> None:
    model = start(folder, name, adapter=adapter)
    for now, bare in zip(answers(model), answers(start(folder, name)), strict=True):
        assert torch.equal(now, bare)  # at first it adds nothing
    before = state(model)
    after = state(learn(model))
    changed = {n for n in before if not torch.equal(before[n], after[n])}
    part = "lora_" if adapter is LORA else "bottleneck"
    assert {n for n in changed if part not in n} == {
        n for n in before if n.startswith(("heads.", "pooler.", "encoder.pooler."))
    }
    assert {n for n in before if part in n} <= changed
    layers = {n.split("layer")[1].split(".")[1] for n in changed if part in n}
    assert layers == {str(n) for n in range(LAYERS)}
    assert changing(model).keys() == changed


@BOTH
@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_kept_is_small_and_answers_to_the_bit(
    folder: Path, tmp_path: Path, name: str, adapter: dict[str, Any]
) -> None:
    model = learn(start(folder, name, adapter=adapter))
    place = kept(model, tmp_path / "kept")
    assert sorted(path.name for path in place.iterdir()) == [
        "adapter.json",
        "adapter.safetensors",
        "heads.safetensors",
    ]
    tensors = load_file(place / "adapter.safetensors")
    own = model.encoder.state_dict().keys() - {n.removeprefix("encoder.") for n in tensors}
    assert own and not any("lora_" in n or "bottleneck" in n for n in own)
    recipe = Recipe.model_validate({"adapter": adapter})
    assert recipe.adapter is not None
    encoder = Encoder(name=name, source=str(folder / name))
    assert adapter_bytes(encoder, recipe.adapter) == sum(t.nbytes for t in tensors.values())
    again = rebuilt(folder, name, place, adapter=adapter)
    for one, other in zip(answers(model), answers(again), strict=True):
        assert torch.equal(one, other)
    # A child goes on with it, and so does a child's child.
    second = kept(learn(again), tmp_path / "second")
    for one, other in zip(
        answers(again), answers(rebuilt(folder, name, second, adapter=adapter)), strict=True
    ):
        assert torch.equal(one, other)


@BOTH
def test_on_a_parent_of_other_weights_these_are_kept_too(
    folder: Path, tmp_path: Path, adapter: dict[str, Any]
) -> None:
    whole = kept(learn(start(folder, "bert")), tmp_path / "whole")
    model = learn(rebuilt(folder, "bert", whole, adapter=adapter))
    first = kept(model, tmp_path / "first")
    before, after = (load_file(f / "model.safetensors") for f in (whole, first))
    assert before.keys() == after.keys()
    for name in before:  # the pooler goes on to learn, beside the adapter
        assert torch.equal(before[name], after[name]) is not name.startswith("pooler.")
    again = rebuilt(folder, "bert", first, adapter=adapter)
    for one, other in zip(answers(model), answers(again), strict=True):
        assert torch.equal(one, other)
    second = kept(learn(again), tmp_path / "second")
    there = answers(rebuilt(folder, "bert", second, adapter=adapter))
    for one, other in zip(answers(again), there, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_child_without_an_adapter_learns_the_merged_weights(
    folder: Path, tmp_path: Path, name: str
) -> None:
    model = learn(start(folder, name, adapter=LORA))
    child = rebuilt(folder, name, kept(model, tmp_path / "kept"))
    assert child.state_dict().keys() == start(folder, name).state_dict().keys()
    assert all(p.requires_grad for p in child.parameters())
    far = False
    for one, other, bare in zip(
        answers(model), answers(child), answers(start(folder, name)), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
        far |= not torch.allclose(one, bare, rtol=1e-2, atol=1e-2)
    assert far
    whole = kept(learn(child), tmp_path / "whole")
    assert (whole / "model.safetensors").is_file() and not (whole / "adapter.json").exists()
    for one, other in zip(answers(child), answers(rebuilt(folder, name, whole)), strict=True):
        assert torch.equal(one, other)


def test_a_bottleneck_learns_on_with_all_weights_of_a_child_without_one(
    folder: Path, tmp_path: Path
) -> None:
    first = kept(learn(start(folder, "electra", adapter=BOTTLENECK)), tmp_path / "kept")
    child = rebuilt(folder, "electra", first)
    before = state(child)
    after = state(learn(child))
    assert not [n for n in before if torch.equal(before[n], after[n]) and "word_emb" not in n]
    assert changing(child).keys() == after.keys()
    whole = kept(child, tmp_path / "whole")
    assert {"model.safetensors", "adapter.safetensors"} <= {p.name for p in whole.iterdir()}
    for one, other in zip(answers(child), answers(rebuilt(folder, "electra", whole)), strict=True):
        assert torch.equal(one, other)


def test_another_adapter_than_the_parents_is_refused(folder: Path, tmp_path: Path) -> None:
    place = kept(start(folder, "bert", adapter=LORA), tmp_path / "kept")
    with pytest.raises(StoreError, match="found the adapter"):
        start(folder, "bert", place, adapter={**LORA, "rank": 3})


@BOTH
def test_it_is_drawn_by_seed_and_alike_for_all_tasks(folder: Path, adapter: dict[str, Any]) -> None:
    encoder = Encoder(name="bert", source=str(folder / "bert"))
    recipe = Recipe.model_validate({"adapter": adapter})
    alone, joint = (build_model(encoder, None, some, 0, recipe) for some in (HEADS[:1], HEADS))
    other = build_model(encoder, None, HEADS, 1, recipe)
    drawn = [n for n in state(alone) if n.endswith(("lora_A.default.weight", "down.weight"))]
    assert len(drawn) == (6 if adapter is LORA else 1) * LAYERS
    for name in drawn:
        assert torch.equal(state(alone)[name], state(joint)[name])
        assert not torch.equal(state(alone)[name], state(other)[name])


@BOTH
def test_dropout_stays_around_an_adapter_and_leaves_frozen_layers(
    folder: Path, adapter: dict[str, Any]
) -> None:
    def dropping(model: MultiTaskModel) -> set[str]:
        parts = model.train().named_modules()
        return {n for n, m in parts if isinstance(m, nn.Dropout) and m.training}

    everything = dropping(start(folder, "bert"))
    model = start(folder, "bert", adapter=adapter)
    assert {n for n in dropping(model) if "lora_dropout" not in n} == everything
    recipe = Recipe.model_validate({"adapter": adapter, "freeze_layers": 1})
    stabilise(model, recipe, 0)
    frozen = ("encoder.embeddings.", "encoder.encoder.layer.0.")
    assert dropping(model) == {n for n in everything if not n.startswith(frozen)}
    before = state(model)
    after = state(learn(model))
    same = {n for n in before if torch.equal(before[n], after[n])}
    assert {n for n in before if n.startswith(frozen)} <= same
    adapters = {n for n in before if "lora_" in n or "bottleneck" in n}
    assert adapters & same == {n for n in adapters if n.startswith(frozen)}


@BOTH
@pytest.mark.parametrize("name", ["bert", "modernbert", "distilbert"])
def test_frozen_layers_below_adapters_are_left_out_of_updates(
    school: Any, folder: Path, tmp_path: Path, name: str, adapter: dict[str, Any]
) -> None:
    """And those of a parent, which have learned, with their adapters."""
    recipe = Recipe.model_validate(
        {**school.recipe.model_dump(), "epochs": 1, "adapter": adapter, "head_dropout": 0}
    )
    place = kept(learn(start(folder, name, adapter=adapter)), tmp_path / "kept")
    below = recipe.model_copy(update={"freeze_layers": 2})
    data = school.data(kinds.CLASSIFICATION)
    encoder = Encoder(name=name, source=str(folder / name))
    found = []
    for with_prefix in (True, False):
        materials = school.materials(data)
        model = build_model(encoder, place, [(data.task, data.key)], 0, below)
        stabilise(model, below, 0)
        for part in model.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
        if with_prefix:
            cache = Store(tmp_path / "store").prefixes
            materials = keep_prefixes(model, materials, Precision.FLOAT32, cache)
            assert model.prefix is not None and len(model.prefix.frozen) == 2
        torch.manual_seed(0)
        learned = train(model, materials, below, 0, lambda _: None)
        found.append(learned.predictions[data.task.name, "test"].scores)
    torch.testing.assert_close(*map(torch.tensor, found), rtol=0, atol=2e-5)


@BOTH
@pytest.mark.parametrize("name", FAMILIES)
def test_taken_home_it_is_one_model(
    folder: Path,
    tmp_path: Path,
    name: str,
    adapter: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = learn(start(folder, name, adapter=adapter))
    before = answers(model)
    save_whole(model, tmp_path)
    for one, other in zip(before, answers(model), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    tensors = load_file(tmp_path / "model.safetensors")
    assert tensors.keys() == load_file(folder / name / "model.safetensors").keys()
    assert (tmp_path / "bottlenecks.safetensors").exists() is (adapter is BOTTLENECK)
    said = '{"0": {"kind": "classification", "pooling": "pooler"}, "1": {"kind": "tagging"}}'
    (tmp_path / "tasks.json").write_text(said)
    monkeypatch.setattr(load_model.AutoTokenizer, "from_pretrained", lambda *_, **__: None)
    _, _, logits = load_model.load(tmp_path)
    for n, one in enumerate(before):
        torch.testing.assert_close(logits(str(n), **inputs()), one, rtol=1e-4, atol=1e-4)


@BOTH
def test_what_learning_keeps_of_an_epoch_is_no_weight_of_the_encoder(
    school: Any, folder: Path, adapter: dict[str, Any]
) -> None:
    recipe = Recipe.model_validate({**school.recipe.model_dump(), "epochs": 3, "adapter": adapter})
    data = school.data(kinds.CLASSIFICATION), school.data(kinds.TAGGING)
    encoder = Encoder(name="bert", source=str(folder / "bert"))
    model = build_model(encoder, None, [(d.task, d.key) for d in data], 0, recipe)
    learned = train(model, school.materials(*data), recipe, 0, lambda _: None)
    for weights in learned.weights.values():
        assert weights.keys() == changing(model).keys()
    later = build_model(encoder, None, [(d.task, d.key) for d in data], 1, recipe)
    restore(later, learned.weights[learned.handed_on])
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, later.state_dict()[name])
    with pytest.raises(RuntimeError, match="Missing key"):
        restore(later, dict(list(learned.weights[learned.handed_on].items())[1:]))


@BOTH
def test_a_task_of_every_kind_is_learned_by_an_adapter(
    school: Any, adapter: dict[str, Any]
) -> None:
    wider = {"kind": "lora"} if adapter is LORA else {"kind": "bottleneck", "size": 16}
    recipe = {**school.recipe.model_dump(), "epochs": 8, "learning_rate": 1e-2}
    with_ = Recipe.model_validate({**recipe, "adapter": wider, "pooling": "mean"})
    for kind in kinds.KINDS.values():
        data = school.data(kind, train=96)
        model = build_model(school.encoder, None, [(data.task, data.key)], 0, with_)
        torch.manual_seed(0)
        history = train(model, school.materials(data), with_, 0, lambda _: None).history
        name = data.task.name
        assert history[-1]["loss"][name] < 0.8 * history[0]["loss"][name], kind


def test_layers_that_share_weights_or_are_all_frozen_take_no_adapter(tmp_path: Path) -> None:
    albert = AlbertConfig(**SIZES, embedding_size=8)
    AutoModel.from_config(albert).save_pretrained(tmp_path)
    with pytest.raises(EncoderError, match="no list of 3 transformer layers"):
        build_model(Encoder(name="a", source=str(tmp_path)), None, HEADS, 0, Recipe(adapter=LORA))
    tiny = Encoder.model_validate({"name": "tiny"})
    with pytest.raises(EncoderError, match="no adapter could learn"):
        check_layers(tiny, Recipe(adapter=LORA, freeze_layers=2))
    check_layers(tiny, Recipe(adapter=LORA, freeze_layers=1))
