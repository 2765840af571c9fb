"""How a stage begins: the model it trains, and what its teachers answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import device

from transfer_study.data.encoders.limits import check_adapter
from transfer_study.data.tokens.encode import targets
from transfer_study.learn.distil import at_targets
from transfer_study.learn.material import Material
from transfer_study.learn.models.body import torch_seed
from transfer_study.learn.models.keep_prefix import keep_prefixes
from transfer_study.learn.models.model import MultiTaskModel, build_model, load_heads
from transfer_study.learn.models.soft import Learner, SoftlyShared
from transfer_study.learn.models.stabilise import freeze_lowest, stabilise
from transfer_study.learn.predict import row_logits
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage, StageKind, StageTask
from transfer_study.study.tasks.source import SPLITS


def begin(
    stage: Stage, store: Store, materials: Mapping[str, Material], on: device
) -> tuple[Learner, dict[str, Material]]:
    """The model at the start of a stage, and the materials with all that it learns from.

    That is what its teachers answer, and what its frozen layers leave of the texts. What is random
    from here on, dropout, follows from the stage alone.
    """
    known = _taught(stage, store, materials, on)
    model = _build_learner(stage, store).to(on)
    splits = [split for split in SPLITS if all(split in m.collators for m in known.values())]
    known = keep_prefixes(model, known, stage.recipe.precision, store.prefixes, splits)
    keys = [member.data.key for member in stage.tasks]
    torch.manual_seed(torch_seed(stage.seed, stage.kind, *keys, "dropout"))
    return model, known


def _build_learner(stage: Stage, store: Store) -> Learner:
    """The model, shared by the stage's tasks as its kind says."""
    check_adapter(stage.recipe)
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
        model.freeze_body()
    return model


def _start(stage: Stage, store: Store) -> Path | None:
    """Where the weights are that a stage starts from; None for the bare encoder's."""
    for parent in stage.starts:
        folder = store.checked_model(parent)
        if parent.kind is StageKind.SOFT:
            return folder / str(parent.place(stage.task_names[0]))
        return folder
    return None


def _taught(
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
        if teacher.recipe.freeze_layers:
            freeze_lowest(model, teacher.recipe.freeze_layers)
        material = materials[task.name]
        of_task, precision = {task.name: material}, stage.recipe.precision
        known = keep_prefixes(model.to(on), of_task, precision, store.prefixes, ("train",))
        collator = known[task.name].collators["train"]
        logits = row_logits(model, task, collator, precision)
        gold = targets(task, material.data.train, collator.encoded, stage.recipe)
        answered[task.name] = replace(material, taught=at_targets(task, logits, gold))
    return answered
