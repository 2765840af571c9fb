"""A plan over made-up tasks of every kind: records need neither data nor encoders."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from transfer_study.data.streams import stream
from transfer_study.store.predictions import Answers
from transfer_study.store.store import Store
from transfer_study.study.fingerprint import (
    DataFingerprint,
    Fingerprints,
    SplitFingerprint,
    gold_hash,
)
from transfer_study.study.plan import Plan, plan
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.stage import Stage
from transfer_study.study.study import Study
from transfer_study.study.tasks import kinds
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import Task

KINDS = {
    "nli": {"kind": "classification", "labels": ["no", "yes"]},
    "ner": {"kind": "tagging", "labels": ["Gene"]},
    "hoc": {"kind": "multilabel", "labels": ["a", "b, c", 'd"e', "ü"]},
    "sts": {"kind": "regression"},
}

SIZE = 9


def answer(task: Task, *key: object) -> Label:
    """Some label that the task may have; of tagging, three words."""
    random = stream(*key)
    if task.kind is kinds.REGRESSION:
        return float(random.normal())
    if task.kind is kinds.CLASSIFICATION:
        return str(random.choice(task.labels))
    if task.kind is kinds.MULTILABEL:
        return tuple(label for label in task.labels if random.random() < 0.5)
    return tuple(str(tag) for tag in random.choice(task.outputs, 3))


def made_gold(task: Task) -> tuple[list[str], list[str], list[Label]]:
    """Ids, documents and gold labels of a task's examples, in every split the same."""
    return (
        [f"{task.name} ü,{n}" for n in range(SIZE)],
        [f"doc {n // 2}" for n in range(SIZE)],
        [answer(task, "gold", task.name, n) for n in range(SIZE)],
    )


MadeAnswers = Callable[[Stage, Task], Answers]


@pytest.fixture
def made_answers() -> MadeAnswers:
    """What a stage answers for a task on any split, the same every time."""

    def answers(stage: Stage, task: Task) -> Answers:
        predicted = [answer(task, stage.id, task.name, n) for n in range(SIZE)]
        return Answers(*made_gold(task), predicted)

    return answers


@pytest.fixture
def made_plan() -> Plan:
    """Single and joint stages of four tasks, and fine-tuning from them."""
    source = {"format": "jsonl", "folder": "nowhere"}  # whose labels may have commas
    study = Study.model_validate(
        {
            "name": "made",
            "encoder": "tiny",
            "tasks": [{"name": n, "source": source, **task} for n, task in KINDS.items()],
            "arms": ["single", "full"],
            "readings": ["refine", "finetune"],
            "seeds": [0],
        }
    )
    data = {}
    for task in study.tasks:
        split = SplitFingerprint(
            n=SIZE, sha256=sha256(b"data").hexdigest(), gold=gold_hash(*made_gold(task))
        )
        data[task.name] = DataFingerprint(key=task.name, train=split, dev=split, test=split)
    fingerprints = Fingerprints(data=data, encoders={"tiny": "0"}, precision=Precision.FLOAT32)
    return plan(study, fingerprints)


@pytest.fixture
def stage(made_plan: Plan) -> Stage:
    return made_plan.stages[0]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")
