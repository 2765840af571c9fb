"""The learning loop: one stage from its starting weights to selected weights and predictions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from transfer_study.data.tokens.encode import targets
from transfer_study.data.tokens.mixing import mixed_batches
from transfer_study.learn.checkpoint import Hold, State, random_state, set_random_state
from transfer_study.learn.losses import Losses
from transfer_study.learn.material import Material
from transfer_study.learn.models.soft import Learner, SoftlyShared
from transfer_study.learn.optimise.weigh import build_weights
from transfer_study.learn.predict import Predictions, predict
from transfer_study.learn.replay import ReplayedUpdates, build_updates
from transfer_study.learn.selection import Selection, Weights
from transfer_study.learn.updates import build_courses
from transfer_study.metrics import score
from transfer_study.study.recipes.recipe import Recipe

Epoch = dict[str, Any]


@dataclass(frozen=True)
class Learned:
    """What a stage leaves: its history by epoch, the chosen epochs and the predictions.

    The model carries the weights that a child starts from (the epoch of best mean dev score).
    `every_epoch` holds the test predictions by task and epoch, where test selects.
    """

    history: list[Epoch]
    selected: dict[str, int]  # by task; an epoch from 1
    handed_on: int
    predictions: dict[tuple[str, str], Predictions]  # by task and split
    every_epoch: dict[tuple[str, int], Predictions]
    weights: Mapping[int, Weights]  # of the whole model, by chosen epoch, and the one asked for


def train(
    model: Learner,
    materials: Mapping[str, Material],
    recipe: Recipe,
    seed: int,
    on_epoch: Callable[[Epoch], None],
    keep_epoch: int | None = None,
    hold: Hold | None = None,
) -> Learned:
    """Train on train, select on dev, predict test once with the selected weights.

    `materials` are in the stage's order. Each task's own predictions come from its own best epoch;
    a child gets the epoch of best mean dev score. The earliest of equals is taken. With `selection:
    best_test`, test is predicted and scored in every epoch and stands in dev's place; with `last`,
    dev is in the last epoch alone. With `patience` the stage may end before its last epoch. The
    weights of `keep_epoch` are kept too, chosen or not. Where the material has no test split, none
    is predicted. Where `hold` has found a state, the stage goes on from there.
    """
    hold = hold or Hold()
    device = next(model.parameters()).device
    train_targets = {
        name: targets(m.task, m.data.train, m.collators["train"].encoded, recipe)
        for name, m in materials.items()
    }
    lengths = {name: m.collators["train"].encoded.lengths for name, m in materials.items()}
    keys = {name: m.data.key for name, m in materials.items()}
    epochs = list(mixed_batches(lengths, keys, recipe, seed))
    courses = build_courses(model, recipe, epochs[0])
    weights = build_weights(recipe, [m.task for m in materials.values()], epochs[0], device)
    updates = build_updates(model, materials, train_targets, recipe, courses, weights)
    selection = Selection(materials, keep_epoch)
    history: list[Epoch] = []
    told = Losses(materials)
    seconds = 0.0

    def state(number: int, done: int) -> State:
        return {
            "epoch": number,
            "done": done,
            "seconds": seconds,
            "updates": updates.state(),
            "losses": told.state(),
            "selection": selection.state(),
            "history": history,
            "random": random_state(device),
        }

    first, done = 1, 0
    if (found := hold.found(device)) is not None:
        first, done, seconds = found["epoch"], found["done"], found["seconds"]
        updates.load(found["updates"])
        told.load(found["losses"])
        selection.load(found["selection"])
        history += found["history"]
        set_random_state(found["random"], device)
    splits = ("dev", "test") if recipe.selection == "best_test" else ("dev",)
    for number, epoch in enumerate(epochs[first - 1 :], start=first):
        before, began = seconds, time.perf_counter()
        for n, of_update in enumerate(updates(epoch[done:]), start=done + 1):
            told.add(of_update, n)
            seconds = before + time.perf_counter() - began
            hold(partial(state, number, n))
        losses, skipped = told.of_epoch(recipe, epoch, number)
        seconds = before + time.perf_counter() - began  # reading the losses waited for a GPU
        evaluated = time.perf_counter()
        offered = recipe.selection != "last" or number == recipe.epochs
        answers = {
            split: {
                name: predict(
                    model, m.task, m.data.split(split), m.collators[split], recipe.precision
                )
                for name, m in materials.items()
            }
            for split in (splits if offered else ())
        }
        scores = {
            split: {
                name: score(m.task.selection_metric, m.task, a.gold, a.labels, a.documents)
                for name, m in materials.items()
                for a in (of_split[name],)
            }
            for split, of_split in answers.items()
        }
        if offered:
            selection.offer(number, scores[splits[-1]], answers, model)
        history.append(
            {
                "epoch": number,
                "updates": len(epoch),
                "loss": losses,
                **({"skipped": skipped} if skipped else {}),
                **scores,
                "train_seconds": round(seconds, 3),
                "dev_seconds": round(time.perf_counter() - evaluated, 3),
            }
        )
        if weights is not None:
            history[-1]["loss_weights"] = {name: float(weights.of(name)) for name in materials}
        if isinstance(updates, ReplayedUpdates):
            history[-1] |= updates.told()
        if isinstance(model, SoftlyShared):
            history[-1]["squared_difference"] = model.squared_difference()
        on_epoch(history[-1])
        if offered and recipe.is_over(number, selection.latest):
            break
        done, seconds = 0, 0.0
        hold(partial(state, number + 1, done))
    return _finish(model, materials, recipe, selection, history)


def _finish(
    model: Learner,
    materials: Mapping[str, Material],
    recipe: Recipe,
    selection: Selection,
    history: list[Epoch],
) -> Learned:
    predictions = dict(selection.answers)
    selected = {name: selection.epoch(name) for name in materials}
    for epoch in sorted(set(selected.values())):
        asked = [
            name
            for name, m in materials.items()
            if selected[name] == epoch
            and (name, "test") not in predictions
            and "test" in m.collators
        ]
        if asked:
            selection.restore(epoch, model)
        for name in asked:
            m = materials[name]
            predictions[name, "test"] = predict(
                model, m.task, m.data.test, m.collators["test"], recipe.precision
            )
    handed_on = selection.epoch(None)
    selection.restore(handed_on, model)
    kept = selection.every_epoch, selection.states
    return Learned(history, selected, handed_on, predictions, *kept)
