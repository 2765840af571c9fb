"""What a metric cannot measure: gold on which right answers do no better than constant ones."""

from __future__ import annotations

from collections.abc import Sequence

from transfer_study.metrics.constant import ROUNDING, best_constant
from transfer_study.metrics.scoring import score
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import MetricName, Task

_NAMED = 10


def unmeasurable(task: Task, gold: Sequence[Label], documents: Sequence[str]) -> str | None:
    """Why the task's metric measures nothing on `gold`, as a clause; None where it does.

    It measures nothing where all models get one score, or always giving one answer is the best.
    """
    if len(gold) == 1:
        return "it has a single example"
    right = score(task.metric, task, gold, gold, documents)
    if right > best_constant(task, gold, documents) + ROUNDING:
        return None
    return task.kind.unmeasurable(gold, right)


def absent_classes(task: Task, labels: Sequence[Label]) -> tuple[str, ...]:
    """The task's classes, or types of mention, of which these labels have none."""
    found = {name for label in labels for name in task.kind.classes(label)}
    return tuple(name for name in task.labels if name not in found)


def absence(task: Task, names: Sequence[str]) -> str:
    """What follows from classes that a test set lacks, as the rest of a sentence about it."""
    rest = (
        "macro F1 is the mean over the others"
        if task.metric is MetricName.MACRO_F1
        else "nothing is measured of that"
    )
    return f"has no {task.kind.counted} {listed(names)}: {rest}"


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
