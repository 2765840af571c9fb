"""Studies that are planned and answered without being trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from transfer_study.analysis.edges import COLUMNS
from transfer_study.data.streams import stream
from transfer_study.store.predictions import Answers
from transfer_study.study.fingerprint import (
    DataFingerprint,
    Fingerprints,
    SplitFingerprint,
    TextsFingerprint,
)
from transfer_study.study.plan import Plan, plan
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.sizes import data_sets
from transfer_study.study.stage import Stage
from transfer_study.study.study import Study
from transfer_study.study.tasks.task import Task

# The columns of a table of edges that every study has.
USUAL = [name for name, column in COLUMNS.items() if not column.optional]
LABELS = ("yes", "no")
N_TEST = 96
FULL = 500  # training examples that every task has


def made_up(name: str, **changes: Any) -> dict[str, Any]:
    """A task of two classes as one would write it."""
    source = {"format": "tsv", "folder": name}
    about = {"kind": "classification", "labels": list(LABELS), "source": source}
    return {"name": name, **about, **changes}


def planned(tasks: Sequence[str | dict[str, Any]], **changes: Any) -> Plan:
    """The plan of a study of such tasks, cut as their limits say."""
    written = [made_up(task) if isinstance(task, str) else task for task in tasks]
    study = Study.model_validate({"name": "made", "encoder": "one", "tasks": written} | changes)
    data = {}
    for name, task in data_sets(study).items():
        n = min(FULL, task.limits.of("train") or FULL)
        content = sha256(f"{task.name} {n}".encode()).hexdigest()
        rest = SplitFingerprint(n=N_TEST, sha256=task.name, gold="0")
        data[name] = DataFingerprint(
            key=task.name,
            train=SplitFingerprint(n=n, sha256=content, gold="0"),
            dev=rest,
            test=rest,
        )
    return plan(
        study,
        Fingerprints(
            data=data,
            encoders={encoder.name: encoder.name for encoder in study.encoders},
            precision=Precision.FLOAT32,
            texts=None if study.pretrain is None else TextsFingerprint(n=10, sha256="0"),
        ),
    )


@dataclass(frozen=True)
class MadeUpAnswers:
    """An AnswerSource: a stage answers rightly as often as `share` says, wrongly elsewhere."""

    share: Callable[[Stage], float] = lambda _: 0.8
    lacks: frozenset[str] = frozenset()  # ids of stages
    n_test: int = N_TEST

    def has(self, stage: Stage) -> bool:
        """Whether the stage was run."""
        return stage.id not in self.lacks

    def answers(self, stage: Stage, task: Task, epoch: int = 0) -> Answers:
        """What the stage says of the test examples, each a document of its own."""
        ids = [f"{task.origin}-{n}" for n in range(self.n_test)]
        gold = [LABELS[n % 2] for n in range(self.n_test)]
        right = stream(stage.id, task.name, str(epoch)).random(self.n_test) < self.share(stage)
        said = zip(gold, right.tolist(), strict=True)
        return Answers(ids, ids, gold, [g if r else LABELS[g == "yes"] for g, r in said])

    def every_epoch(self, stage: Stage, task: Task) -> list[Answers]:
        """What it said after each epoch, as stages keep it whose epoch is chosen on test."""
        if stage.recipe.selection != "best_test":
            return []
        return [self.answers(stage, task, epoch) for epoch in range(1, stage.recipe.epochs + 1)]
