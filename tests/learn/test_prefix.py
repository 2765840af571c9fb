"""Frozen layers that are left out change nothing: every family, kind of task and way to share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
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

from transfer_study.learn.models import keep_prefix
from transfer_study.learn.models.depth import transformer_layers
from transfer_study.learn.models.keep_prefix import keep_prefixes
from transfer_study.learn.models.model import MultiTaskModel, build_model
from transfer_study.learn.models.soft import SoftlyShared
from transfer_study.learn.models.stabilise import stabilise
from transfer_study.learn.predict import row_logits
from transfer_study.learn.train import Learned, train
from transfer_study.store.prefixes import Prefixes
from transfer_study.store.store import Store
from transfer_study.study.encoder import Encoder
from transfer_study.study.recipes.changes import Changes
from transfer_study.study.recipes.recipe import Precision, Recipe
from transfer_study.study.tasks import kinds

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
RELATIVE = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0}
LOCAL: dict[str, Any] = {"local_attention": 4, "global_attn_every_n_layers": 2, "pad_token_id": 0}
FAMILIES: dict[str, Callable[[], Any]] = {
    "bert": lambda: BertConfig(**SIZES),
    "roberta": lambda: RobertaConfig(**SIZES, pad_token_id=0),
    "electra": lambda: ElectraConfig(**SIZES, embedding_size=8),
    "deberta-v2": lambda: DebertaV2Config(**SIZES, **RELATIVE, position_buckets=8),
    "modernbert": lambda: ModernBertConfig(
        **SIZES, **LOCAL, cls_token_id=2, sep_token_id=3, attention_dropout=0.2, mlp_dropout=0.2
    ),
    "distilbert": lambda: DistilBertConfig(
        vocab_size=400, dim=16, n_layers=LAYERS, n_heads=2, hidden_dim=24, initializer_range=0.2
    ),
}
# After its first layer it mixes in the embeddings.
CONVOLUTION = {"conv_kernel_size": 3, "conv_act": "gelu"}
OTHERS: dict[str, Callable[[], Any]] = {
    "deberta-conv": lambda: DebertaV2Config(**SIZES, **RELATIVE, **CONVOLUTION),
    "albert": lambda: AlbertConfig(**SIZES, embedding_size=8),
}
CLASSES, TAGS = kinds.CLASSIFICATION, kinds.TAGGING


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("encoders")
    for name, config in (FAMILIES | OTHERS).items():
        torch.manual_seed(7)
        AutoModel.from_config(config()).save_pretrained(root / name)
    return root


@pytest.fixture
def cache(tmp_path: Path) -> Prefixes:
    return Store(tmp_path / "store").prefixes


def model_of(folder: Path, name: str, recipe: Recipe, *data: Any) -> MultiTaskModel:
    encoder = Encoder(name=name, source=str(folder / name))
    model = build_model(encoder, None, [(d.task, d.key) for d in data], 0, recipe)
    stabilise(model, recipe, 0)
    return model


def calls(layers: nn.ModuleList) -> list[int]:
    """How often each layer is run from now on."""
    counts = [0] * len(layers)

    def count(n: int) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            counts[n] += 1

        return hook

    for n, layer in enumerate(layers):
        # An attention is called where its layer's own code runs.
        next(m for m in layer.modules() if "Attention" in type(m).__name__).register_forward_hook(
            count(n)
        )
    return counts


def learned(model: Any, materials: Any, recipe: Recipe) -> Learned:
    torch.manual_seed(0)
    return train(model, materials, recipe, 0, lambda _: None)


def same(one: Learned, other: Learned, tolerance: float = 2e-5) -> None:
    for a, b in zip(one.history, other.history, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], abs=tolerance)
    assert one.predictions.keys() == other.predictions.keys()
    for key, answers in one.predictions.items():
        for mine, theirs in zip(answers.scores, other.predictions[key].scores, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=tolerance)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("frozen", [1, LAYERS - 1, LAYERS])
def test_every_family_learns_the_same_without_its_frozen_layers(
    school: Any, folder: Path, cache: Prefixes, name: str, frozen: int
) -> None:
    data = [school.data(kind, 24, 8, 8) for kind in (CLASSES, TAGS, kinds.REGRESSION)]
    recipe = Changes.to(epochs=2, freeze_layers=frozen).of(school.recipe)
    materials = school.materials(*data)
    run = learned(model_of(folder, name, recipe, *data), materials, recipe)
    model = model_of(folder, name, recipe, *data)
    kept = keep_prefixes(model, materials, Precision.FLOAT32, cache)
    counts = calls(transformer_layers(model.encoder))
    left_out = learned(model, kept, recipe)
    same(run, left_out)
    assert counts[:frozen] == [0] * frozen and all(counts[frozen:])
    # And the weights that are handed on are whole.
    assert model.state_dict().keys() == model_of(folder, name, recipe, *data).state_dict().keys()


@pytest.mark.parametrize("kind", list(kinds.KINDS.values()))
@pytest.mark.parametrize("pooling", ["pooler", "mean"])
def test_every_kind_of_task_does(
    school: Any, folder: Path, cache: Prefixes, kind: kinds.TaskKind, pooling: str
) -> None:
    data = school.data(kind, 24, 8, 8)
    changes = Changes.to(epochs=2, freeze_layers=2, pooling=pooling)
    recipe = changes.of(school.recipe)
    materials = school.materials(data)
    run = learned(model_of(folder, "bert", recipe, data), materials, recipe)
    model = model_of(folder, "bert", recipe, data)
    same(run, learned(model, keep_prefixes(model, materials, recipe.precision, cache), recipe))


def test_layers_that_share_their_weights_are_run(
    school: Any, folder: Path, cache: Prefixes
) -> None:
    data = school.data(CLASSES, 24, 8, 8)
    recipe = Changes.to(epochs=1).of(school.recipe)
    materials = school.materials(data)
    model = model_of(folder, "albert", recipe, data)
    model.freeze_body()
    assert keep_prefixes(model, materials, recipe.precision, cache) == materials
    learned(model, materials, recipe)


@pytest.mark.parametrize("frozen", [1, 2])
def test_what_an_encoder_does_between_layers_is_done(
    school: Any, folder: Path, cache: Prefixes, frozen: int
) -> None:
    data = school.data(CLASSES, 24, 8, 8)
    recipe = Changes.to(epochs=1, freeze_layers=frozen).of(school.recipe)
    materials = school.materials(data)
    run = learned(model_of(folder, "deberta-conv", recipe, data), materials, recipe)
    model = model_of(folder, "deberta-conv", recipe, data)
    kept = keep_prefixes(model, materials, recipe.precision, cache)
    assert model.prefix is not None
    same(run, learned(model, kept, recipe))


def test_an_encoder_that_answers_otherwise_without_its_layers_is_run(
    school: Any, folder: Path, cache: Prefixes
) -> None:
    """Each stands for a family that nobody has seen."""
    data = school.data(CLASSES, 24, 8, 8)
    recipe = Changes.to(epochs=1, freeze_layers=2).of(school.recipe)
    materials = school.materials(data)

    def strange(alter: Callable[[nn.ModuleList], Any]) -> MultiTaskModel:
        model = model_of(folder, "bert", recipe, data)
        alter(model.encoder.encoder.layer)
        return model

    def by_first_layer(layers: nn.ModuleList) -> None:
        """Layer 2 adds what layer 0 was given, as a residual connection across layers does."""
        first: list[Any] = []
        layers[0].attention.register_forward_pre_hook(lambda _, given: first.append(given[0]))
        layers[2].register_forward_pre_hook(lambda _, given: (given[0] + first.pop(), *given[1:]))

    def in_a_dictionary(layers: nn.ModuleList) -> None:
        layers[1].register_forward_hook(lambda _l, _i, output: {"states": output})
        layers[2].register_forward_pre_hook(lambda _, given: (given[0]["states"], *given[1:]))

    def by_all_places(layers: nn.ModuleList) -> None:
        """Padding's too."""
        layers[2].register_forward_pre_hook(
            lambda _, given: (given[0] + given[0].mean(1, keepdim=True), *given[1:])
        )

    for alter in (by_first_layer, in_a_dictionary, by_all_places):
        model = strange(alter)
        assert keep_prefixes(model, materials, recipe.precision, cache) == materials
        assert model.prefix is None
        learned(model, materials, recipe)


def test_nothing_is_kept_where_nothing_is_frozen(
    school: Any, folder: Path, cache: Prefixes, tmp_path: Path
) -> None:
    data = school.data(CLASSES, 24, 8, 8)
    for changes in (Changes.to(), Changes.to(freeze_embeddings=True)):
        recipe = changes.of(school.recipe)
        model, materials = model_of(folder, "bert", recipe, data), school.materials(data)
        assert keep_prefixes(model, materials, recipe.precision, cache) == materials
    assert not (tmp_path / "store" / "prefixes").exists()


def test_a_head_alone_reads_what_the_whole_encoder_left(
    school: Any, folder: Path, cache: Prefixes
) -> None:
    data = [school.data(kind, 24, 8, 8) for kind in (CLASSES, TAGS)]
    recipe = Changes.to(epochs=2).of(school.recipe)
    materials = school.materials(*data)
    models = [model_of(folder, "modernbert", recipe, *data) for _ in range(2)]
    for model in models:
        model.freeze_body()
    kept = keep_prefixes(models[1], materials, recipe.precision, cache)
    counts = calls(transformer_layers(models[1].encoder))
    same(learned(models[0], materials, recipe), learned(models[1], kept, recipe))
    assert counts == [0] * LAYERS


def test_softly_shared_encoders_share_their_frozen_layers(
    school: Any, folder: Path, cache: Prefixes, tmp_path: Path
) -> None:
    data = [school.data(kind, 24, 8, 8) for kind in (CLASSES, TAGS)]
    recipe = Changes.to(epochs=2, freeze_layers=2).of(school.recipe)
    materials = school.materials(*data)

    def pupils() -> SoftlyShared:
        return SoftlyShared({d.task.name: model_of(folder, "bert", recipe, d) for d in data})

    run = learned(pupils(), materials, recipe)
    model = pupils()
    same(run, learned(model, keep_prefixes(model, materials, recipe.precision, cache), recipe))
    files = sorted((tmp_path / "store" / "prefixes").iterdir())
    assert len(files) == 6  # a split of a task each
    # Any model that begins with the same layers finds them.
    before = [file.stat().st_ino for file in files]
    keep_prefixes(model_of(folder, "bert", recipe, *data), materials, recipe.precision, cache)
    assert sorted((tmp_path / "store" / "prefixes").iterdir()) == files
    assert [file.stat().st_ino for file in files] == before


def test_whatever_changes_the_states_has_a_key_of_its_own(
    school: Any, folder: Path, cache: Prefixes, tmp_path: Path
) -> None:
    data = school.data(CLASSES, 24, 8, 8)
    recipe = Changes.to(freeze_layers=2).of(school.recipe)
    materials = school.materials(data)

    def files(changed: Callable[[MultiTaskModel], Any] = lambda _: None, **asked: Any) -> int:
        model = model_of(folder, "bert", asked.pop("recipe", recipe), data)
        with torch.no_grad():
            changed(model)
        rows = asked.pop("materials", materials)
        keep_prefixes(model, rows, asked.pop("precision", Precision.FLOAT32), cache, ("train",))
        return len(list((tmp_path / "store" / "prefixes").iterdir()))

    assert files() == files() == 1
    # What is above, pooler and heads included, changes nothing.
    assert files(lambda m: m.encoder.encoder.layer[2].output.dense.weight.mul_(2)) == 1
    assert files(lambda m: m.encoder.encoder.layer[1].output.dense.weight.mul_(2)) == 2
    assert files(lambda m: m.encoder.embeddings.word_embeddings.weight[9].mul_(2)) == 3
    assert files(recipe=Changes.to(freeze_layers=1).of(recipe)) == 4
    assert files(precision=Precision.BFLOAT16) == 5
    other = replace(data, train=data.train[1:])
    assert files(materials=school.materials(other)) == 6
    # Labels are no part of a text.
    assert files(materials=school.materials(school.relabelled(data, "train", "red"))) == 6


def test_bfloat16_states_take_half_and_answer_alike(
    school: Any, folder: Path, cache: Prefixes
) -> None:
    data = school.data(TAGS, 24, 8, 8)
    recipe = Changes.to(freeze_layers=2, precision=Precision.BFLOAT16).of(school.recipe)
    materials = school.materials(data)
    model = model_of(folder, "bert", recipe, data)
    whole = row_logits(model, data.task, materials["people"].collators["test"], recipe.precision)
    kept = keep_prefixes(model, materials, recipe.precision, cache)["people"].collators["test"]
    assert kept.states is not None and kept.states[0].dtype is torch.bfloat16
    for mine, theirs, row in zip(
        row_logits(model, data.task, kept, recipe.precision), whole, kept.encoded.ids, strict=True
    ):
        np.testing.assert_allclose(mine[: len(row)], theirs[: len(row)], atol=0.05)


def test_where_all_is_too_much_train_goes_first(
    school: Any, folder: Path, cache: Prefixes, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = school.data(CLASSES, 24, 8, 8)
    recipe = Changes.to(epochs=2, freeze_layers=2).of(school.recipe)
    materials = school.materials(data)
    train_pieces = int(materials["colour"].collators["train"].encoded.lengths.sum())
    monkeypatch.setattr(keep_prefix, "_MOST_BYTES", train_pieces * 16 * 4)
    run = learned(model_of(folder, "bert", recipe, data), materials, recipe)
    model = model_of(folder, "bert", recipe, data)
    kept = keep_prefixes(model, materials, recipe.precision, cache)
    held = {split: c.states is not None for split, c in kept["colour"].collators.items()}
    assert held == {"train": True, "dev": False, "test": False}
    same(run, learned(model, kept, recipe))
