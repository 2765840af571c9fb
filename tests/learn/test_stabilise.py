"""What steadies fine-tuning does exactly what its field says, on encoders of every family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AlbertConfig, AutoModel, BertConfig, ElectraConfig

from tests.learn.test_model import FAMILIES, PAIR, SIZES, TAGS, inputs
from transfer_study.errors import EncoderError
from transfer_study.learn.models.depth import parameters_by_depth, transformer_layers
from transfer_study.learn.models.model import MultiTaskModel, build_model
from transfer_study.learn.models.stabilise import stabilise
from transfer_study.learn.optimise.optim import build_course
from transfer_study.learn.optimise.uncorrected_adamw import UncorrectedAdamW
from transfer_study.study.encoder import Encoder
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks import kinds

LAYERS = 4
DEEP = {**SIZES, "num_hidden_layers": LAYERS, "initializer_range": 0.07}
CONFIGS = {
    **FAMILIES,
    "deep-bert": lambda: BertConfig(**DEEP),
    "deep-electra": lambda: ElectraConfig(**DEEP, embedding_size=8),
}
BOTH = pytest.mark.parametrize("name", ["deep-bert", "deep-electra"])
ALL = pytest.mark.parametrize("name", CONFIGS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("encoders")
    for name, config in CONFIGS.items():
        torch.manual_seed(7)
        AutoModel.from_config(config()).save_pretrained(root / name)
    return root


def start(folder: Path, name: str, seed: int = 0, **recipe: Any) -> MultiTaskModel:
    """The model as a stage trains it first."""
    encoder = Encoder(name=name, source=str(folder / name))
    model = build_model(encoder, None, [(PAIR, "pair"), (TAGS, "tags")], seed, Recipe())
    stabilise(model, Recipe(**recipe), seed)
    return model


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def depths(model: MultiTaskModel) -> dict[str, int]:
    return {name: depth for depth, name, _ in parameters_by_depth(model)}


def update(model: MultiTaskModel, recipe: Recipe, times: int = 3) -> Any:
    """Some updates on made-up targets; the optimiser."""
    torch.manual_seed(3)
    course = build_course(model, recipe, times)
    optimizer, advance = course.optimizer, course.advance
    model.train()
    for _ in range(times):
        for task in (PAIR, TAGS):
            model(task, inputs()).square().sum().backward()
        optimizer.step()
        advance()
        optimizer.zero_grad()
    return optimizer


# Depth


@ALL
def test_every_parameter_has_its_depth(folder: Path, name: str) -> None:
    model = start(folder, name)
    found = depths(model)
    assert found.keys() == dict(model.named_parameters()).keys()
    layers = transformer_layers(model.encoder)
    top = len(layers) + 1
    for n, layer in enumerate(layers):
        members = {id(parameter) for parameter in layer.parameters()}
        assert {id(p) for depth, _, p in parameters_by_depth(model) if depth == n + 1} == members
    for parameter, depth in found.items():
        if "embed" in parameter:
            assert depth == 0, parameter
        if "pooler" in parameter or parameter.startswith("heads"):
            assert depth == top, parameter
    rest = {n for n, depth in found.items() if depth == top and n.startswith("encoder.")}
    assert all("pooler" in n or n.startswith("encoder.final_norm") for n in rest)


def test_what_layers_share_is_below_them(folder: Path) -> None:
    found = depths(start(folder, "deberta-v2"))
    assert found["encoder.encoder.rel_embeddings.weight"] == 0


def test_layers_that_share_their_weights_are_refused(tmp_path: Path) -> None:
    AutoModel.from_config(AlbertConfig(**SIZES, embedding_size=8)).save_pretrained(tmp_path)
    with pytest.raises(EncoderError, match="no list of 2 transformer layers"):
        start(tmp_path.parent, tmp_path.name, freeze_layers=1)


# Freezing


@ALL
@pytest.mark.parametrize(
    ("recipe", "frozen_to"),
    [({"freeze_embeddings": True}, 0), ({"freeze_layers": 1}, 1), ({"freeze_layers": 2}, 2)],
)
def test_frozen_parts_keep_their_bytes_and_cost_no_state(
    folder: Path, name: str, recipe: dict[str, Any], frozen_to: int
) -> None:
    free = start(folder, name)
    before = state(free)
    update(free, Recipe(learning_rate=0.01, weight_decay=0.1))
    everything = changed(before, state(free))
    model = start(folder, name, **recipe)
    optimizer = update(model, Recipe(learning_rate=0.01, weight_decay=0.1, **recipe))
    frozen = {n for n, depth in depths(model).items() if depth <= frozen_to}
    moved = changed(before, state(model))
    assert not moved & frozen
    trained = {n for n, p in model.named_parameters() if p.grad is not None or p in optimizer.state}
    assert moved == everything - frozen
    assert not trained & frozen
    assert all(p.requires_grad for group in optimizer.param_groups for p in group["params"])


def test_learning_with_frozen_layers_leaves_them_to_a_child_as_they_were(school: Any) -> None:
    data = school.data(kinds.CLASSIFICATION)
    model = school.model(data)
    before = state(model)
    stabilise(model, Recipe(freeze_layers=1), 0)
    from transfer_study.learn.train import train

    train(model, school.materials(data), school.recipe, 0, lambda _: None)
    moved = changed(before, state(model))
    assert {n.split(".")[1] for n in moved if n.startswith("encoder.")} == {"pooler"}
    assert any(n.startswith("heads.") for n in moved)


def test_what_is_frozen_has_no_dropout_and_what_learns_has(folder: Path) -> None:
    model = start(folder, "deep-bert", freeze_layers=LAYERS - 1).train()
    torch.manual_seed(0)
    below, above = model.encoder.encoder.layer[-2:]
    seen: dict[nn.Module, list[Tensor]] = {below: [], above: []}
    for layer, outputs in seen.items():
        layer.register_forward_hook(lambda *call, outputs=outputs: outputs.append(call[2]))
    for _ in range(2):
        model.encoder(**inputs())
    assert torch.equal(*seen[below]) and not seen[below][0].requires_grad
    assert not torch.equal(*seen[above]) and seen[above][0].requires_grad
    assert not model.encoder.embeddings.training


def test_frozen_embeddings_alone_have_no_dropout(folder: Path) -> None:
    model = start(folder, "deep-bert", freeze_embeddings=True).train()
    ids = {"input_ids": inputs()["input_ids"]}
    assert torch.equal(model.encoder.embeddings(**ids), model.encoder.embeddings(**ids))
    assert all(layer.training for layer in model.encoder.encoder.layer)


# Layer-wise rates


@BOTH
def test_rates_fall_from_the_heads_to_the_embeddings(folder: Path, name: str) -> None:
    model = start(folder, name)
    recipe = Recipe(learning_rate=0.1, layer_decay=0.5, weight_decay=0.3)
    optimizer = build_course(model, recipe, 1).optimizer
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {
        names[id(p)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for p in group["params"]
    }
    assert found.keys() == dict(model.named_parameters()).keys()
    rate = {0: 1 / 32, 1: 1 / 16, 2: 1 / 8, 3: 1 / 4, 4: 1 / 2, 5: 1}
    for parameter, depth in depths(model).items():
        plain = parameter.endswith("bias") or "LayerNorm" in parameter
        expected = (pytest.approx(0.1 * rate[depth]), 0.0 if plain else 0.3)
        assert found[parameter] == expected, parameter
    # The schedule scales them all.
    optimizer = build_course(model, recipe.model_copy(update={"warmup": 0.5}), 4).optimizer
    assert min(group["lr"] for group in optimizer.param_groups) == pytest.approx(0.1 / 64)


# Fresh layers


@ALL
@pytest.mark.parametrize("count", [1, 2])
def test_only_the_top_layers_and_the_pooler_are_new(folder: Path, name: str, count: int) -> None:
    plain, fresh = start(folder, name), start(folder, name, reinit_layers=count)
    layers = len(transformer_layers(plain.encoder))
    moved = changed(state(plain), state(fresh))
    poolers = {n for n in state(plain) if "pooler" in n and n.endswith("weight")}
    assert poolers and poolers <= moved
    assert {depths(plain)[n] for n in moved - poolers} == set(range(layers - count + 1, layers + 1))
    spread = plain.encoder.config.initializer_range
    for n in moved:
        tensor = state(fresh)[n]
        assert tensor.std() == pytest.approx(spread, rel=0.25) and abs(tensor.mean()) < spread / 3
    for depth, n, parameter in parameters_by_depth(fresh):
        if layers - count < depth <= layers and parameter.ndim == 1:
            expected = float("norm" in n.lower() and n.endswith("weight"))
            assert (parameter == expected).all(), n


@BOTH
def test_fresh_layers_differ_by_seed_and_place_and_by_nothing_else(folder: Path, name: str) -> None:
    def drawn(seed: int, count: int) -> dict[str, Tensor]:
        torch.manual_seed(count)  # what came before means nothing
        return state(start(folder, name, seed, reinit_layers=count))

    plain = state(start(folder, name))
    one, two = drawn(0, 1), drawn(0, 2)
    new = {n for n in changed(plain, one) if not n.startswith("heads.")}
    assert not changed(one, drawn(0, 1))
    assert new <= changed(one, drawn(1, 1))  # another seed
    assert not new & changed(one, two)  # the top layer is the same, however many are new
    query = "encoder.encoder.layer.{}.attention.self.query.weight"
    assert not torch.equal(two[query.format(LAYERS - 1)], two[query.format(LAYERS - 2)])


def test_an_encoder_without_a_pooler_of_its_own_gets_one_by_seed(folder: Path) -> None:
    first, second = (start(folder, "electra", seed, reinit_layers=1).pooler for seed in (0, 1))
    assert first is not None and second is not None
    assert not torch.equal(first.dense.weight, second.dense.weight)
    assert not first.dense.bias.any()


# Bias correction


def reference(gradients: list[Tensor], start: Tensor, rate: float, decay: float) -> Tensor:
    """AdamW without bias correction by its formula, in double precision."""
    p, m, v = start.double(), 0.0, 0.0
    for g in (gradient.double() for gradient in gradients):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        p = p - rate * (m / (v**0.5 + 1e-8) + decay * p)
    return p


def test_adam_without_bias_correction_follows_its_formula() -> None:
    torch.manual_seed(0)
    begin, gradients = torch.randn(5, 3), [torch.randn(5, 3) for _ in range(20)]
    parameter = nn.Parameter(begin.clone())
    absent = nn.Parameter(begin.clone())
    groups = [{"params": [parameter, absent], "weight_decay": 0.3}]
    optimizer = UncorrectedAdamW(groups, lr=0.01)
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
    expected = reference(gradients, begin, 0.01, 0.3)
    torch.testing.assert_close(parameter.double(), expected, rtol=1e-5, atol=1e-6)
    assert (parameter - begin).abs().mean() > 0.1
    assert torch.equal(absent, begin)  # without a gradient nothing moves, decay included


@BOTH
def test_the_first_update_is_as_much_larger_as_the_correction(folder: Path, name: str) -> None:
    """(1 - b1) / sqrt(1 - b2) of the corrected one, which is the rate for any gradient."""
    steps = []
    for corrected in (True, False):
        recipe = Recipe(learning_rate=1e-3, weight_decay=0, warmup=0, bias_correction=corrected)
        model = start(folder, name).eval()
        before = state(model)
        optimizer = build_course(model, recipe, 1).optimizer
        assert isinstance(optimizer, UncorrectedAdamW) is not corrected
        model(PAIR, inputs()).square().sum().backward()
        optimizer.step()
        after = state(model)
        steps.append({n: (after[n] - before[n]).abs().max().item() for n in after})
    head = "heads.nli head.weight"
    assert steps[0][head] == pytest.approx(1e-3, rel=1e-3)
    assert steps[1][head] == pytest.approx(1e-3 * 0.1 / 0.001**0.5, rel=1e-3)


# Nothing at all


@BOTH
def test_at_neutral_values_nothing_changes(folder: Path, name: str) -> None:
    encoder = Encoder(name=name, source=str(folder / name))
    model = build_model(encoder, None, [(PAIR, "pair")], 0, Recipe())
    before = state(model)
    stabilise(model, Recipe(), 0)
    assert not changed(before, state(model))
    assert all(p.requires_grad for p in model.parameters())
    assert len(build_course(model, Recipe(), 1).optimizer.param_groups) == 2
