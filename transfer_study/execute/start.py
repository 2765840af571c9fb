"""How a stage begins: the model it trains, and what its teachers answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import device

from transfer_study.data.encode import targets
from transfer_study.learn.distil import at_targets
from transfer_study.learn.model import MultiTaskModel, build_model, load_heads
from transfer_study.learn.predict import row_logits
from transfer_study.learn.soft import Learner, SoftlyShared
from transfer_study.learn.stabilise import stabilise
from transfer_study.learn.train import Material
from transfer_study.records.store import Store
from transfer_study.spec.stage import Stage, StageKind, StageTask


def build_learner(stage: Stage, store: Store) -> Learner:
    """The model at the start of a stage, shared by its tasks as the stage's kind says."""
    start = _start(stage, store)

    def build(*members: StageTask) -> MultiTaskModel:
        tasks = [(member.task, member.data.key) for member in members]
        model = build_model(stage.encoder, start, tasks, stage.seed, stage.recipe)
        stabilise(model, stage.recipe, stage.seed)
        return model

    if stage.kind is StageKind.SOFT:
        return SoftlyShared({member.task.name: build(member) for member in stage.tasks})
    model = build(*stage.tasks)
    if stage.kind is StageKind.HEADS:
        model.freeze()
    return model


def _start(stage: Stage, store: Store) -> Path | None:
    """Where the weights are that a stage starts from; None for the bare encoder's."""
    for parent in stage.starts:
        folder = store.checked_model(parent)
        if parent.kind is StageKind.SOFT:
            return folder / str(parent.place(stage.task_names[0]))
        return folder
    return None


def taught(
    stage: Stage, store: Store, materials: Mapping[str, Material], on: device
) -> dict[str, Material]:
    """The materials with what the stage's teachers, if any, answer on train."""
    answered = dict(materials)
    for teacher in stage.teachers:
        (member,) = teacher.tasks
        task, folder = member.task, store.checked_model(teacher)
        heads = [(task, member.data.key)]
        model = build_model(stage.encoder, folder, heads, stage.seed, teacher.recipe)
        load_heads(model, folder)
        material = materials[task.name]
        collator = material.collators["train"]
        logits = row_logits(model.to(on), task, collator, stage.recipe.precision)
        gold = targets(task, material.data.train, collator.encoded, stage.recipe)
        answered[task.name] = replace(material, taught=at_targets(task, logits, gold))
    return answered
