"""The study that everything is done to: 4 tasks, 3 seeds, 45 stages, 12 of them with a parent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256

from transfer_study.study.fingerprint import DataFingerprint, Fingerprints, SplitFingerprint
from transfer_study.study.plan import Plan, plan
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.stage import Stage, StageKind
from transfer_study.study.study import Study

TASKS = {
    "nli": {"kind": "classification", "labels": ["no", "yes"]},
    "ner": {"kind": "tagging", "labels": ["Gene"]},
    "hoc": {"kind": "multilabel", "labels": ["a", "b"]},
    "sts": {"kind": "regression"},
}


@cache
def made_plan(seeds: int = 3) -> Plan:
    """By seed four stages of one task, six of two, one of all, and a child of four of these.

    With no seeds three of the first seed's: one that has a child, that child, and another.
    """
    if not seeds:
        whole = made_plan(1)
        child = next(stage for stage in whole if stage.parents)
        other = next(stage for stage in whole if stage.id not in whole.parents())
        return replace(whole, stages=(*child.parents, other, child))
    source = {"format": "jsonl", "folder": "nowhere"}
    study = Study.model_validate(
        {
            "name": "made",
            "encoder": "tiny",
            "tasks": [{"name": name, "source": source, **task} for name, task in TASKS.items()],
            "arms": ["single", "pairs", "full"],
            "readings": ["finetune"],
            "seeds": [*range(seeds)],
        }
    )
    split = SplitFingerprint(n=9, sha256=sha256(b"data").hexdigest(), gold="0")
    data = {
        task.name: DataFingerprint(key=task.name, train=split, dev=split, test=split)
        for task in study.tasks
    }
    whole = plan(
        study, Fingerprints(data=data, encoders={"tiny": "0"}, precision=Precision.FLOAT32)
    )
    kept = [stage for stage in whole if stage.kind is StageKind.REFINE]
    for seed in range(seeds):
        children = [stage for stage in whole if stage.seed == seed and stage.parents]
        kept += _of_different_parents(children)
    return replace(whole, stages=tuple(kept))


def _of_different_parents(children: Sequence[Stage]) -> list[Stage]:
    """A child a task: of the full mix, of two pairs, and of a task alone."""
    found: list[Stage] = []
    for task, tasks_of_parent in zip(TASKS, (4, 2, 2, 1), strict=True):
        taken = {stage.parents[0].id for stage in found}
        found.append(
            next(
                child
                for child in children
                if child.task_names == (task,)
                and len(child.parents[0].tasks) == tasks_of_parent
                and child.parents[0].id not in taken
            )
        )
    return found
