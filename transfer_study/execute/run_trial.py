"""One trial of a recipe: a stage learned on train and scored on dev, of which no weight is kept.

What it learns from has no test split, so that nothing can predict one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from transfer_study.execute.materials import read_materials, tokenizer_of
from transfer_study.execute.own_memory import own_memory
from transfer_study.execute.run_stage import set_up_torch
from transfer_study.execute.start import begin
from transfer_study.learn.train import train
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage


def run_trial(stage: Stage, store: Store, on_epoch: Callable[[int, float], None]) -> None:
    """Learn a stage of one task; `on_epoch` is told the dev score of every epoch, from 1."""
    with own_memory():
        _run(stage, store, on_epoch)


def _run(stage: Stage, store: Store, on_epoch: Callable[[int, float], None]) -> None:
    on = set_up_torch(stage.recipe.cpu_threads)
    (name,) = stage.task_names
    materials = {
        task: replace(material, data=replace(material.data, test=()))
        for task, material in read_materials(
            stage, tokenizer_of(stage), on, ("train", "dev")
        ).items()
    }
    model, materials = begin(stage, store, materials, on)
    train(
        model,
        materials,
        stage.recipe,
        stage.seed,
        lambda epoch: on_epoch(epoch["epoch"], epoch["dev"][name]),
    )
