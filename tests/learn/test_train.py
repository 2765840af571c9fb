"""What is learned, from which split, to which weights; the same twice, to the byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from transfer_study.data.splits import TaskData
from transfer_study.learn import train as module
from transfer_study.learn.losses import LearningError
from transfer_study.learn.models.model import MultiTaskModel
from transfer_study.learn.optimise.optim import build_course
from transfer_study.learn.predict import predict
from transfer_study.learn.train import Learned
from transfer_study.metrics import score
from transfer_study.study.recipes.recipe import Precision, Recipe
from transfer_study.study.tasks import kinds
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.task import Task

State = dict[str, Tensor]
KINDS = list(kinds.KINDS.values())


def state(model: MultiTaskModel) -> State:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def equal(a: State, b: State) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def without_times(learned: Learned) -> list[dict[str, Any]]:
    times = ("train_seconds", "dev_seconds")
    return [{k: v for k, v in epoch.items() if k not in times} for epoch in learned.history]


def scored(learned: Learned, task: Task, split: str = "test") -> float:
    answers = learned.predictions[task.name, split]
    return score(task.metric, task, answers.gold, answers.labels, answers.documents)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Dev scores by epoch as they are written, whatever is predicted."""

    def script(**scores: list[float]) -> None:
        left: dict[str, Iterator[float]] = {name: iter(values) for name, values in scores.items()}
        monkeypatch.setattr(module, "score", lambda _, task, *__: next(left[task.name]))

    return script


# Learning


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_learned(school: Any, kind: kinds.TaskKind) -> None:
    data = school.data(kind, train=200)
    before = school.model(data)
    _, learned = school.learn(data, epochs=6)
    losses = [epoch["loss"][data.task.name] for epoch in learned.history]
    assert losses[-1] < 0.6 * losses[0]
    fresh = predict(
        before,
        data.task,
        data.test,
        school.materials(data)[data.task.name].collators["test"],
        Precision.FLOAT32,
    )
    chance = score(data.task.metric, data.task, fresh.gold, fresh.labels, fresh.documents)
    assert scored(learned, data.task) > 0.7 > chance


def test_all_kinds_are_learned_at_once(school: Any) -> None:
    together = [school.data(kind, train=120) for kind in KINDS]
    _, learned = school.learn(*together, epochs=10)
    assert all(scored(learned, data.task) > 0.7 for data in together)
    assert {name for name, _ in learned.predictions} == {data.task.name for data in together}
    assert {split for _, split in learned.predictions} == {"dev", "test"}


def test_two_runs_are_identical_to_the_last_bit(school: Any) -> None:
    pair = [school.data(kind) for kind in (kinds.TAGGING, kinds.REGRESSION)]
    (first, one), (second, two) = (school.learn(*pair) for _ in range(2))
    assert equal(state(first), state(second))
    assert without_times(one) == without_times(two)
    assert {k: (p.labels, p.scores) for k, p in one.predictions.items()} == {
        k: (p.labels, p.scores) for k, p in two.predictions.items()
    }
    other, _ = school.learn(*pair, seed=1)
    assert not equal(state(first), state(other))


def test_epochs_are_told_as_they_come_and_can_be_written_as_json(school: Any) -> None:
    told: list[dict[str, Any]] = []
    data = school.data(kinds.MULTILABEL)
    _, learned = school.learn(data, on_epoch=lambda _, epoch: told.append(epoch))
    assert told == learned.history == json.loads(json.dumps(told, allow_nan=False))
    assert [epoch["epoch"] for epoch in told] == [1, 2, 3, 4]
    assert [epoch["updates"] for epoch in told] == [8] * 4
    assert all(0 <= epoch["dev"]["pets"] <= 1 for epoch in told)


# Selection


def test_the_best_epoch_is_restored(school: Any) -> None:
    """Its weights give again the dev score on record, and the predictions kept for it."""
    data = school.data(kinds.CLASSIFICATION, train=24)
    model, learned = school.learn(data, epochs=12, learning_rate=0.02, schedule="constant")
    scores = [epoch["dev"]["colour"] for epoch in learned.history]
    best = int(np.argmax(scores)) + 1
    assert scores[best - 1] > scores[-1]  # or there is nothing to restore
    assert learned.selected == {"colour": best}
    assert learned.handed_on == best
    for split in ("dev", "test"):
        collator = school.materials(data)["colour"].collators[split]
        again = predict(model, data.task, data.split(split), collator, Precision.FLOAT32)
        kept = learned.predictions["colour", split]
        assert (again.labels, again.scores) == (kept.labels, kept.scores)
    assert scored(learned, data.task, "dev") == scores[best - 1]


def test_each_task_has_its_own_epoch_and_a_child_the_best_mean(school: Any, scripted: Any) -> None:
    scripted(colour=[0.5, 0.9, 0.3, 0.2], pets=[0.9, 0.1, 0.8, 0.9])
    pair = [school.data(kind) for kind in (kinds.CLASSIFICATION, kinds.MULTILABEL)]
    states: list[State] = []
    model, learned = school.learn(*pair, on_epoch=lambda model, _: states.append(state(model)))
    assert learned.selected == {"colour": 2, "pets": 1}
    assert learned.handed_on == 1
    assert equal(state(model), states[0])
    for data, epoch in zip(pair, (2, 1), strict=True):
        name = data.task.name
        model.load_state_dict(states[epoch - 1])
        for split in ("dev", "test"):
            collator = school.materials(data)[name].collators[split]
            again = predict(model, data.task, data.split(split), collator, Precision.FLOAT32)
            assert again.scores == learned.predictions[name, split].scores


@pytest.mark.parametrize(
    ("scores", "selection", "chosen"),
    [
        ([0.2, 0.7, 0.7, 0.1], "best", 2),
        ([0.0, 0.0, 0.0, 0.0], "best", 1),
        ([-0.5, -0.2, -0.3, -0.2], "best", 2),
        ([0.9, 0.7, 0.7, 0.1], "last", 4),
    ],
)
def test_the_earliest_of_equals_or_the_last(
    school: Any, scripted: Any, scores: list[float], selection: str, chosen: int
) -> None:
    scripted(cats=scores)
    states: list[State] = []
    model, learned = school.learn(
        school.data(kinds.REGRESSION, train=8),
        selection=selection,
        on_epoch=lambda model, _: states.append(state(model)),
    )
    assert learned.selected == {"cats": chosen}
    assert learned.handed_on == chosen
    assert equal(state(model), states[chosen - 1])


@pytest.mark.parametrize(
    ("colour", "pets", "epochs"),
    [
        ([0.5, 0.5, 0.4], [0.3, 0.2, 0.3], 3),  # neither, nor the mean, in two epochs
        ([0.5, 0.5, 0.4, 0.4, 0.4], [0.3, 0.2, 0.4, 0.4, 0.4], 5),  # one task goes on alone
        # Of no task the best, but of the mean, from which a child starts.
        ([0.9, 0.1, 0.8, 0.1, 0.1], [0.1, 0.9, 0.8, 0.1, 0.1], 5),
    ],
)
def test_patience_ends_a_stage_once_no_task_and_no_child_gains(
    school: Any, scripted: Any, colour: list[float], pets: list[float], epochs: int
) -> None:
    scripted(colour=colour, pets=pets)  # and no score for a further epoch
    pair = [school.data(kind, train=8) for kind in (kinds.CLASSIFICATION, kinds.MULTILABEL)]
    _, learned = school.learn(*pair, epochs=9, patience=2)
    assert [epoch["epoch"] for epoch in learned.history] == [*range(1, epochs + 1)]
    assert max(*learned.selected.values(), learned.handed_on) == epochs - 2


def test_the_epochs_before_an_early_end_are_those_of_all_epochs(school: Any) -> None:
    """Learning rates follow `epochs`, and what never ends early is the same to the byte."""
    data = school.data(kinds.CLASSIFICATION)
    (_, whole), (_, patient) = (
        school.learn(data, epochs=6, patience=patience) for patience in (None, 100)
    )
    assert without_times(patient) == without_times(whole)
    assert (
        patient.predictions["colour", "test"].scores == whole.predictions["colour", "test"].scores
    )
    _, ended = school.learn(data, epochs=6, patience=1)
    n = len(ended.history)
    assert n < 6
    assert without_times(ended) == without_times(whole)[:n]


@pytest.mark.parametrize(
    ("selection", "dev", "test"), [("best", 4, 1), ("last", 1, 1), ("best_test", 4, 4)]
)
def test_nothing_is_predicted_that_chooses_or_answers_nothing(
    school: Any, monkeypatch: pytest.MonkeyPatch, selection: str, dev: int, test: int
) -> None:
    pair = [school.data(kind) for kind in (kinds.CLASSIFICATION, kinds.TAGGING)]
    predicted: list[tuple[str, str]] = []

    def counted(model: Any, task: Task, examples: Any, *rest: Any) -> Any:
        data = next(d for d in pair if d.task == task)
        predicted.append((task.name, "dev" if examples is data.dev else "test"))
        return predict(model, task, examples, *rest)

    monkeypatch.setattr(module, "predict", counted)
    _, learned = school.learn(*pair, selection=selection)
    for data in pair:
        name = data.task.name
        counts = [predicted.count((name, split)) for split in ("dev", "test")]
        assert counts == [dev, test]
        assert learned.predictions.keys() >= {(name, "dev"), (name, "test")}
    scored = [epoch["epoch"] for epoch in learned.history if "dev" in epoch]
    assert scored == [1, 2, 3, 4][-dev:]


# An honest protocol


@pytest.mark.parametrize("selection", ["best", "last"])
def test_dev_and_test_never_enter_the_weights(school: Any, selection: str) -> None:
    data: TaskData = school.data(kinds.CLASSIFICATION)
    other = replace(data, dev=data.test[:7], test=data.dev)
    other = school.relabelled(other, "test", "red")
    paths: list[list[State]] = []
    for d in (data, other):
        path: list[State] = []
        school.learn(
            d, selection=selection, on_epoch=lambda model, _, path=path: path.append(state(model))
        )
        paths.append(path)
    assert all(map(equal, *paths))


def test_test_labels_change_no_choice(school: Any) -> None:
    data = school.data(kinds.CLASSIFICATION)
    (first, one), (second, two) = (
        school.learn(d, learning_rate=0.02) for d in (data, school.relabelled(data, "test", "red"))
    )
    assert equal(state(first), state(second))
    assert one.selected == two.selected
    assert without_times(one) == without_times(two)
    assert one.predictions["colour", "test"].scores == two.predictions["colour", "test"].scores


# Optimiser


def test_biases_and_normalisation_do_not_decay(school: Any) -> None:
    model = school.model(school.data(kinds.TAGGING))
    decayed, spared = build_course(model, Recipe(weight_decay=0.3), 1).optimizer.param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    kept = {names[id(parameter)] for parameter in spared["params"]}
    assert kept == {n for n in names.values() if n.endswith("bias") or "LayerNorm" in n}
    assert {names[id(parameter)] for parameter in decayed["params"]} == set(names.values()) - kept
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.3, 0.0)


def rates(updates: int, **recipe: Any) -> list[float]:
    """The learning rate of each update as a share of the recipe's."""
    changed = Recipe.model_validate({"learning_rate": 1.0, **recipe})
    weight = torch.nn.Linear(1, 1)
    course = build_course(weight, changed, updates)
    optimizer, advance = course.optimizer, course.advance
    used = []
    for _ in range(updates):
        used.append(optimizer.param_groups[0]["lr"])
        weight(torch.ones(1)).backward()
        optimizer.step()
        advance()
    assert optimizer.param_groups[0]["lr"] == (0 if changed.schedule == "linear" else 1)
    return used


def test_the_rate_warms_up_and_decays() -> None:
    assert rates(10, warmup=0.2) == pytest.approx(
        [0.5, 1, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]
    )
    assert rates(4, warmup=0) == pytest.approx([1, 0.75, 0.5, 0.25])
    assert rates(5, warmup=0.4, schedule="constant") == pytest.approx([0.5, 1, 1, 1, 1])
    assert rates(1, warmup=0.1) == [1]


def test_large_gradients_are_clipped(school: Any) -> None:
    """AdamW forgets the size of gradients, but not of those below its epsilon."""
    data = school.data(kinds.CLASSIFICATION)
    start = state(school.model(data))

    def distance(norm: float) -> float:
        options = {"epochs": 1, "weight_decay": 0, "selection": "last"}
        model, _ = school.learn(data, max_gradient_norm=norm, **options)
        return sum(float((t - start[n]).abs().sum()) for n, t in model.state_dict().items())

    assert distance(1e-10) < 0.02 * distance(1.0)
    assert distance(1e6) == pytest.approx(distance(1.0), rel=0.2)


def test_weights_decay_as_the_recipe_says(school: Any) -> None:
    data = school.data(kinds.CLASSIFICATION, train=8)
    norms = [
        sum(
            float(t.square().sum())
            for t in state(school.learn(data, weight_decay=decay)[0]).values()
        )
        for decay in (0.0, 10.0)
    ]
    assert norms[1] < norms[0]


# Faults


def test_a_loss_that_is_no_number_stops_the_stage(school: Any) -> None:
    data = school.relabelled(school.data(kinds.REGRESSION), "train", float("nan"))
    with pytest.raises(LearningError, match="lower `learning_rate") as raised:
        school.learn(data)
    said = str(raised.value)
    assert said.startswith("the loss of cats is nan in update 1 of 8 of epoch 1, of the examples ")
    named = said.partition("examples ")[2].partition(";")[0].split(", ")
    assert len(named) == 8 and set(named) < {example.id for example in data.train}


def test_a_rate_too_high_stops_the_stage(school: Any) -> None:
    with pytest.raises(LearningError, match="lower `learning_rate`"):
        school.learn(school.data(kinds.REGRESSION), learning_rate=1e30, epochs=2)


def test_a_batch_whose_words_all_vanish_teaches_nothing_and_breaks_nothing(school: Any) -> None:
    data = school.data(kinds.TAGGING, train=6)
    gone = Example("gone", "gone", ("\ue232", "\u200b"), ("O", "B-Person"))
    empty = replace(data, train=(gone, *data.train, gone), dev=(gone, *data.dev))
    _, learned = school.learn(empty, batch_size=1, epochs=2)
    assert all(epoch["loss"]["people"] > 0 for epoch in learned.history)
    assert learned.predictions["people", "dev"].labels[0] == ("O", "O")


def test_bfloat16_learns_on_a_cpu_and_keeps_its_weights_in_float32(school: Any) -> None:
    data = school.data(kinds.CLASSIFICATION, train=120)
    model, learned = school.learn(data, precision="bfloat16", epochs=6)
    assert scored(learned, data.task) > 0.9
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    _, exact = school.learn(data, epochs=6)
    assert learned.history[0]["loss"] != exact.history[0]["loss"]
    assert learned.history[0]["loss"]["colour"] == pytest.approx(
        exact.history[0]["loss"]["colour"], rel=0.1
    )
