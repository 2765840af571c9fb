"""What weights and aggregation make of the gradients of several tasks, to the number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from transfer_study.data.splits import TaskData
from transfer_study.data.tokens.encode import IGNORED, targets
from transfer_study.learn.models.heads import HEAD_KINDS
from transfer_study.learn.models.model import MultiTaskModel
from transfer_study.learn.optimise.aggregate import combine
from transfer_study.learn.optimise.optim import Course
from transfer_study.learn.optimise.weigh import (
    FixedWeights,
    LossWeights,
    UncertaintyWeights,
    uncertain_loss,
)
from transfer_study.learn.updates import Updates
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks import kinds

COLOUR, PEOPLE, CATS = kinds.CLASSIFICATION, kinds.TAGGING, kinds.REGRESSION
CPU = torch.device("cpu")
Gradients = dict[str, Tensor]
ROWS = np.arange(8)


class Bench:
    """Updates of a model without dropout, and the gradients that its optimiser was given."""

    def __init__(self, school: Any, *kinds: kinds.TaskKind) -> None:
        self.data: list[TaskData] = [school.data(kind) for kind in kinds]
        self.names = [data.task.name for data in self.data]
        self.materials = school.materials(*self.data)
        self.model: MultiTaskModel = school.model(*self.data, dropout=0.0)
        for module in self.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        self.recipe = Recipe(max_length=school.recipe.max_length, precision="float32")

    def losses(self, made: list[Any], weights: LossWeights | None = None, **changes: Any) -> Any:
        """What `Updates` gives, and the gradients at each step, of an optimiser that stays."""
        recipe = self.recipe.model_copy(update=changes)
        optimizer = torch.optim.SGD(self.model.parameters(), lr=0.0)
        seen: list[Gradients] = []
        optimizer.register_step_pre_hook(lambda *_: seen.append(self.gradients()))
        known = {
            name: targets(m.task, m.data.train, m.collators["train"].encoded, recipe)
            for name, m in self.materials.items()
        }
        courses = dict.fromkeys(self.names, Course(optimizer))
        updates = Updates(self.model, self.materials, known, recipe, courses, weights)
        return [told for losses in updates(made) for told in losses.items()], seen

    def gradients(self) -> Gradients:
        return {
            name: parameter.grad.clone()
            for name, parameter in self.model.named_parameters()
            if parameter.grad is not None
        }

    def alone(self, name: str) -> Gradients:
        """The gradient of one task's first batch, neither clipped nor weighed."""
        _, (seen,) = self.losses([[(name, ROWS)]], max_gradient_norm=0.0)
        return seen

    def shared(self, gradients: Gradients) -> Tensor:
        """All that is no head in one vector; what a task does not read is 0."""
        return torch.cat(
            [
                gradients.get(name, torch.zeros_like(parameter)).flatten()
                for name, parameter in self.model.named_parameters()
                if not name.startswith("heads.")
            ]
        )


def norm(gradients: Gradients) -> float:
    return float(torch.cat([g.flatten() for g in gradients.values()]).norm())


def every(*names: str) -> list[Any]:
    return [[(name, ROWS) for name in names]]


# Weights


def test_a_weight_scales_what_clipping_has_left(school: Any) -> None:
    """So that clipping, which most updates of fine-tuning meet, does not undo it."""
    bench = Bench(school, COLOUR, PEOPLE)
    weights = FixedWeights({"colour": 1.5, "people": 0.5}, CPU)
    updates = [[(name, ROWS)] for name in bench.names]
    bound = 0.01
    told, seen = bench.losses(updates, weights, max_gradient_norm=bound)
    for (name, loss), found, weight in zip(told, seen, (1.5, 0.5), strict=True):
        alone = bench.alone(name)
        assert norm(alone) > 10 * bound
        assert norm(found) == pytest.approx(weight * bound, rel=1e-3)
        for parameter, gradient in found.items():
            expected = alone[parameter] * weight * bound / norm(alone)
            assert torch.allclose(gradient, expected, rtol=1e-3, atol=1e-9)
        # Losses are told as they are: what weighs them may change.
        assert torch.equal(loss, bench.losses([[(name, ROWS)]])[0][0][1])


def test_by_size_gives_every_task_the_same_weight_in_an_epoch(school: Any) -> None:
    data = [school.data(COLOUR, train=64), school.data(PEOPLE, train=24)]
    _, learned = school.learn(*data, epochs=1, loss_weights="by_size")
    (epoch,) = learned.history
    weights = epoch["loss_weights"]
    assert sum(weights.values()) == pytest.approx(2)
    assert weights["colour"] * 8 == pytest.approx(weights["people"] * 3)
    _, learned = school.learn(*data, epochs=1, loss_weights="by_size", mixing="sqrt")
    weights = learned.history[0]["loss_weights"]
    assert weights["colour"] * 7 == pytest.approx(weights["people"] * 4)


def test_weights_by_name_are_normalised_and_change_what_is_learned(school: Any) -> None:
    data = [school.data(COLOUR), school.data(PEOPLE)]
    changed = {"epochs": 2, "loss_weights": {"people": 3}}
    model, learned = school.learn(*data, **changed)
    assert [epoch["loss_weights"] for epoch in learned.history] == [
        {"colour": 0.5, "people": 1.5}
    ] * 2
    plain, unweighed = school.learn(*data, epochs=2)
    assert "loss_weights" not in unweighed.history[0]
    assert not torch.equal(model.encoder.pooler.dense.weight, plain.encoder.pooler.dense.weight)
    # A factor of all weights is none.
    again, _ = school.learn(*data, **{**changed, "loss_weights": {"colour": 2, "people": 6}})
    for one, other in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("kind", kinds.KINDS.values())
def test_an_uncertain_loss_is_that_of_the_paper(kind: kinds.TaskKind) -> None:
    loss, s = torch.tensor(0.7), torch.tensor(0.4, requires_grad=True)
    sigma = np.exp(0.4 / 2)
    factor = 1 / (2 * sigma**2) if kind is CATS else 1 / sigma**2
    found = uncertain_loss(HEAD_KINDS[kind.word].variance_share, loss, s)
    assert found.item() == pytest.approx(factor * 0.7 + np.log(sigma))
    found.backward()
    assert s.grad is not None
    assert s.grad.item() == pytest.approx(0.5 - factor * 0.7)


def test_log_variances_come_to_rest_where_the_losses_say(school: Any) -> None:
    tasks = [school.data(kind).task for kind in (COLOUR, PEOPLE, CATS)]
    losses = {"colour": torch.tensor(0.6), "people": torch.tensor(0.1), "cats": torch.tensor(0.3)}
    weights = UncertaintyWeights(tasks, CPU)
    factors = (1.0, 1.0, 0.5)
    first = [float(weights.of(task.name)) for task in tasks]
    assert first == pytest.approx([factor / np.mean(factors) for factor in factors])
    weights.learn({"people": losses["people"]})
    assert [float(s.detach()) != 0 for s in weights.log_variances] == [False, True, False]
    for _ in range(2500):
        for name, loss in losses.items():
            weights.learn({name: loss})
    # exp(-s) L = 1/2, and for a regression exp(-s) L / 2 = 1/2.
    rest = [np.log(2 * 0.6), np.log(2 * 0.1), np.log(0.3)]
    assert [float(s.detach()) for s in weights.log_variances] == pytest.approx(rest, abs=0.02)
    given = [factor * np.exp(-s) for factor, s in zip(factors, rest, strict=True)]
    found = [float(weights.of(task.name)) for task in tasks]
    assert found == pytest.approx([g / np.mean(given) for g in given], rel=0.02)


def test_uncertainty_is_learned_beside_the_model_and_no_part_of_it(school: Any) -> None:
    data = [school.data(COLOUR, train=200), school.data(PEOPLE, train=200)]
    model, learned = school.learn(*data, epochs=6, loss_weights="uncertainty")
    weights = [epoch["loss_weights"] for epoch in learned.history]
    losses = learned.history[-1]["loss"]
    heavier = min(losses, key=lambda name: losses[name])
    assert weights[-1][heavier] > 1 > min(weights[-1].values())
    assert sum(weights[-1].values()) == pytest.approx(2)
    assert model.state_dict().keys() == school.model(*data).state_dict().keys()


@pytest.mark.parametrize("updates", ["one_task", "every_task"])
def test_uncertainty_changes_the_gradients_by_the_ratio_of_its_weights(
    school: Any, updates: str
) -> None:
    bench = Bench(school, COLOUR, CATS)
    weights = UncertaintyWeights([data.task for data in bench.data], CPU)
    batches = every("colour", "cats") if updates == "every_task" else [[("cats", ROWS)]]
    _, (found,) = bench.losses(batches, weights, updates=updates, max_gradient_norm=0.0)
    alone = {name: bench.alone(name) for name in bench.names}
    if updates == "one_task":
        expected = bench.shared(alone["cats"]) * 2 / 3
    else:
        expected = (bench.shared(alone["colour"]) * 4 / 3 + bench.shared(alone["cats"]) * 2 / 3) / 2
    assert torch.allclose(bench.shared(found), expected, atol=1e-7)


# Aggregation


def combined(aggregation: str, *rows: list[float]) -> list[float]:
    """What becomes of gradients on two parameters, the first of one number."""
    gradients = [[torch.tensor(row[:1]), torch.tensor([row[1:]])] for row in rows]
    one, other = combine(gradients, aggregation)
    assert (one.shape, other.shape) == ((1,), (1, len(rows[0]) - 1))
    return [*one.tolist(), *other[0].tolist()]


def test_conflicts_are_taken_away_as_by_hand() -> None:
    first, second = [-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]
    # Their product is -22, their squares 18 and 38.
    by_hand = [a + b + 22 / 38 * b + 22 / 18 * a for a, b in zip(first, second, strict=True)]
    assert combined("mean", first, second) == [2.0, 2.0, 2.0]
    assert combined("pcgrad", first, second) == pytest.approx(by_hand)
    # Of two tasks, each is projected to the one boundary that there is.
    assert combined("upgrad", first, second) == pytest.approx(by_hand)


@pytest.mark.parametrize("aggregation", ["mean", "pcgrad", "upgrad"])
def test_what_does_not_conflict_is_added(aggregation: str) -> None:
    assert combined(aggregation, [1.0, 0.0, 2.0], [3.0, 1.0, 0.0]) == pytest.approx([4, 1, 2])
    assert combined(aggregation, [1.0, 2.0]) == pytest.approx([1, 2])
    assert combined(aggregation, [0.0, 0.0], [0.0, 0.0]) == [0, 0]
    assert combine([[], []], aggregation) == []


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_upgrad_conflicts_with_no_task_of_many(scale: float) -> None:
    random = torch.Generator().manual_seed(3)
    for _ in range(20):
        rows = scale * torch.randn(4, 6, generator=random)
        (found,) = combine([[row] for row in rows], "upgrad")
        products = rows @ found / (rows.norm(dim=1) * found.norm())
        assert products.min() > -1e-4
    opposite = [[scale * torch.tensor([1.0, 0.0])], [scale * torch.tensor([-2.0, 0.0])]]
    assert combine(opposite, "upgrad")[0].norm() < 1e-3 * scale


def test_each_share_of_upgrad_is_the_nearest_that_conflicts_with_none() -> None:
    """By the conditions of Karush, Kuhn and Tucker, on three gradients of which pairs conflict."""
    rows = torch.tensor([[1.0, 0.0, 0.2], [-0.7, 1.0, 0.0], [-0.5, -0.9, 1.0]], dtype=torch.float64)
    (found,) = combine([[row] for row in rows], "upgrad")
    nearest = torch.stack([_projected(row, rows) for row in rows]).sum(0)
    assert torch.allclose(found, nearest, atol=1e-6)


def _projected(point: Tensor, rows: Tensor) -> Tensor:
    """The nearest point whose product with no row is negative, by Dykstra's projections."""
    found, owed = point.clone(), [torch.zeros_like(point) for _ in rows]
    for _ in range(5000):
        for n, row in enumerate(rows):
            moved = found + owed[n]
            product = torch.dot(moved, row)
            found = moved - row * min(float(product), 0.0) / row.dot(row)
            owed[n] = moved - found
    return found


def test_the_mean_of_every_task_is_the_gradient_of_the_mean_loss(school: Any) -> None:
    bench = Bench(school, COLOUR, PEOPLE, CATS)
    told, (found,) = bench.losses(every(*bench.names), updates="every_task", max_gradient_norm=0.0)
    assert [name for name, _ in told] == bench.names
    losses = []
    for name, material in bench.materials.items():
        collator = material.collators["train"]
        logits = bench.model(material.task, collator.inputs(ROWS))
        known = targets(material.task, material.data.train, collator.encoded, bench.recipe)
        target = collator.targets(ROWS, known)
        if name == "people":
            logits, target = logits.flatten(0, 1), target.flatten()
        losses.append(
            torch.nn.functional.mse_loss(logits[:, 0], target)
            if name == "cats"
            else torch.nn.functional.cross_entropy(logits, target, ignore_index=IGNORED)
        )
    torch.stack(losses).mean().backward()
    expected = bench.gradients()
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        assert torch.allclose(gradient, expected[name], atol=1e-7), name
    assert [float(loss) for _, loss in told] == pytest.approx(
        [float(loss.detach()) for loss in losses]
    )


@pytest.mark.parametrize("aggregation", ["pcgrad", "upgrad"])
def test_what_is_shared_is_freed_of_conflicts_and_heads_learn_their_own(
    school: Any, aggregation: str
) -> None:
    bench = Bench(school, COLOUR, PEOPLE)
    alone = {name: bench.alone(name) for name in bench.names}
    # A task against itself, turned round and a little lighter, conflicts for sure.
    a, b = (bench.shared(alone[name]) for name in bench.names)
    if torch.dot(a, b) >= 0:
        head = bench.model.heads["people head"]
        with torch.no_grad():
            head.weight.neg_()
        alone = {name: bench.alone(name) for name in bench.names}
        a, b = (bench.shared(alone[name]) for name in bench.names)
    assert torch.dot(a, b) < 0
    changed = {"updates": "every_task", "aggregation": aggregation, "max_gradient_norm": 0.0}
    _, (found,) = bench.losses(every(*bench.names), **changed)
    expected = (a - a.dot(b) / b.dot(b) * b + b - a.dot(b) / a.dot(a) * a) / 2
    assert torch.allclose(bench.shared(found), expected, rtol=1e-3, atol=1e-7)
    for name in bench.names:
        for part in ("weight", "bias"):
            own = f"heads.{name} head.{part}"
            assert torch.allclose(found[own], alone[name][own] / 2, atol=1e-7)


def test_what_every_task_makes_is_clipped_as_one(school: Any) -> None:
    bench = Bench(school, COLOUR, PEOPLE)
    batches = every(*bench.names)
    _, (whole,) = bench.losses(batches, updates="every_task", max_gradient_norm=0.0)
    _, (clipped,) = bench.losses(batches, updates="every_task", max_gradient_norm=0.01)
    assert norm(whole) > 0.1
    assert norm(clipped) == pytest.approx(0.01, rel=1e-3)
    for name, gradient in clipped.items():
        assert torch.allclose(gradient, whole[name] * 0.01 / norm(whole), rtol=1e-3, atol=1e-9)


# Whole stages


@pytest.mark.parametrize("aggregation", ["mean", "pcgrad", "upgrad"])
def test_every_kind_is_learned_from_updates_of_every_task(school: Any, aggregation: str) -> None:
    data = [school.data(kind, train=200) for kind in kinds.KINDS.values()]
    changed = {"updates": "every_task", "aggregation": aggregation, "epochs": 8}
    _, learned = school.learn(*data, **changed)
    assert [epoch["updates"] for epoch in learned.history] == [25] * 8
    for name in learned.selected:
        assert learned.history[-1]["loss"][name] < 0.6 * learned.history[0]["loss"][name]
    again = school.learn(*data, **changed)[1]
    assert again.predictions.keys() == learned.predictions.keys()
    for key, answers in learned.predictions.items():
        assert again.predictions[key].labels == answers.labels
        assert again.predictions[key].scores == answers.scores


@pytest.mark.parametrize("optimizer", ["bert_adam", "bert_adamax"])
def test_schedules_count_updates_of_every_task_once(
    school: Any, monkeypatch: pytest.MonkeyPatch, optimizer: str
) -> None:
    from transfer_study.learn.optimise import optim

    made = []

    class Kept(optim.BertAdam):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.factor = kwargs["factor"]
            made.append(self)

    monkeypatch.setattr(optim, "BertAdam", Kept)
    data = [school.data(COLOUR, train=40), school.data(PEOPLE, train=16)]
    school.learn(
        *data,
        updates="every_task",
        aggregation="pcgrad",
        optimizer=optimizer,
        schedule="warmup_linear",
        epochs=3,
    )
    (kept,) = made
    # 5 and 2 batches: 4 updates an epoch.
    assert {state["updates"] for state in kept.state.values()} == {12}
    assert kept.factor(12) == 0 < kept.factor(11)


def test_a_batch_that_teaches_nothing_leaves_its_task_out(school: Any) -> None:
    bench = Bench(school, COLOUR, PEOPLE)
    known = bench.materials["people"]
    encoded = known.collators["train"].encoded
    for words in encoded.words[:8]:
        words[:] = -1
    told, (found,) = bench.losses(every(*bench.names), updates="every_task", max_gradient_norm=0.0)
    assert [name for name, _ in told] == ["colour"]
    alone = bench.alone("colour")
    assert found.keys() == alone.keys()
    assert all(torch.allclose(found[name], alone[name], atol=1e-7) for name in found)


@pytest.mark.parametrize("aggregation", ["mean", "pcgrad", "upgrad"])
def test_an_encoder_that_does_not_learn_stays_as_it_is(school: Any, aggregation: str) -> None:
    data = [school.data(COLOUR), school.data(PEOPLE)]
    model = school.model(*data)
    model.freeze_body()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    bench = Bench(school, COLOUR, PEOPLE)
    bench.model = model
    _, (found,) = bench.losses(every(*bench.names), updates="every_task", aggregation=aggregation)
    assert found.keys() == {name for name in before if name.startswith("heads.")}
