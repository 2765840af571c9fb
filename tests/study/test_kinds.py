"""A kind of task is one value, whichever way a task comes to it."""

from __future__ import annotations

import copy
import pickle
from typing import get_args

import pytest

from transfer_study.learn.models.heads import HEAD_KINDS
from transfer_study.study.tasks.kinds import KINDS, TaskKind
from transfer_study.study.tasks.source import FileSource
from transfer_study.study.tasks.task import MetricName, Task


@pytest.fixture(params=KINDS.values(), ids=str)
def kind(request: pytest.FixtureRequest) -> TaskKind:
    return request.param


def made(kind: TaskKind) -> Task:
    columns = {"candidates": ["A", "B"]} if kind.candidates else {}
    source = {"format": "jsonl", "folder": "x", "columns": columns}
    labels = ["a", "b", "c"][: kind.fewest_labels]
    written = {"name": "t", "kind": str(kind), "labels": labels, "source": source}
    return Task.model_validate(written)


def test_a_kind_stays_the_same_value(kind: TaskKind) -> None:
    task = made(kind)
    assert task.kind is kind
    copies = pickle.loads(pickle.dumps(task)), copy.deepcopy(task)
    written = Task.model_validate_json(task.model_dump_json()), Task(**task.model_dump())
    for other in (*copies, *written):
        assert other == task
        assert other.kind is kind
    assert f'"kind":"{kind}"' in task.model_dump_json()
    assert task.identity()["kind"] == str(kind)


def test_a_kind_has_metrics_formats_and_a_head(kind: TaskKind) -> None:
    assert {*kind.metrics} <= {*map(str, MetricName)}
    assert made(kind).metric == kind.metrics[0]
    formats = get_args(FileSource.model_fields["format"].annotation)
    assert {*kind.formats} <= {*formats, "datasets"}
    assert len(made(kind).outputs) >= 1
    assert HEAD_KINDS.keys() == KINDS.keys()
