"""Whether a task's splits, as they are used, can measure, choose and teach what the task asks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from transfer_study.data.splits import TaskData
from transfer_study.errors import DataError, Problem
from transfer_study.metrics.measurable import absence, absent_classes, listed, unmeasurable
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.source import SPLITS

# Models learn in float32, which may not blur scores by more than this share of their range.
_BLUR = 0.1


def check_measurable(data: TaskData) -> None:
    """Raise DataError where test can tell no model from a constant, or float32 no score apart."""
    task = data.task
    problems = []
    if reason := _unmeasurable(data, "test"):
        limit = task.limits.max_test
        mend = (
            f"raise `max_test`, which is {limit}"
            if limit is not None and limit <= len(data.test)
            else "give test examples that ask for more than one answer"
        )
        problems.append(f"{task.metric} measures nothing on test: {reason}; {mend}")
    if fault := _blurred(data):
        problems.append(fault)
    if problems:
        raise DataError(*(Problem(message, task.name) for message in problems))


def shortcomings(data: TaskData) -> Iterator[str]:
    """What a split lacks, each in a sentence: classes, and for dev whatever it could choose by."""
    task = data.task
    absent = {split: absent_classes(task, _labels(data, split)) for split in SPLITS}
    if absent["test"]:
        yield f"test {absence(task, absent['test'])}"
    if reason := _unmeasurable(data, "train"):
        yield f"train teaches one answer: {reason}"
    elif untaught := [name for name in absent["train"] if name not in absent["test"]]:
        of = task.kind.counted
        yield f"train has no {of} {listed(untaught)}, which test has: none can be found"
    if reason := _unmeasurable(data, "dev"):
        yield (
            f"dev chooses no epoch: {task.selection_metric} measures nothing on it, since {reason};"
            " give another dev, or carve one from train (`carve_dev: 0.1`)"
        )
    elif unchosen := [name for name in absent["dev"] if name not in absent["test"]]:
        of = task.kind.counted
        yield f"dev has no {of} {listed(unchosen)}, which test has: epochs are chosen without"


def _labels(data: TaskData, split: str) -> list[Label]:
    return [example.label for example in data.split(split)]


def _unmeasurable(data: TaskData, split: str) -> str | None:
    task, documents = data.task, [example.document for example in data.split(split)]
    if split == "dev":
        task = task.model_copy(update={"metric": task.selection_metric})
    return unmeasurable(task, _labels(data, split), documents)


def _blurred(data: TaskData) -> str | None:
    """Say where float32 makes a regression's scores others than they are."""
    for split in SPLITS:
        scores = np.array([x for x in _labels(data, split) if isinstance(x, float)], np.float64)
        if not len(scores):
            continue
        blur = np.abs(scores.astype(np.float32) - scores).max()
        if 0 < _BLUR * np.ptp(scores) < blur:
            return (
                f"the scores of {split} lie around {np.median(scores):g} and differ by less than "
                "models, that compute in float32, can tell; subtract the same number from all "
                "splits' scores"
            )
    return None
