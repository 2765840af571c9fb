"""The score that needs no learning: always the same answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from transfer_study.metrics.scoring import score
from transfer_study.spec.example import Label
from transfer_study.spec.task import Task, TaskKind


def constant_score(
    task: Task, seen: Sequence[Label], gold: Sequence[Label], documents: Sequence[str]
) -> float:
    """Score, by the task's metric, a model that gives every example the usual answer of `seen`.

    That is the most frequent class or set of classes, the mean score, or `O` throughout.
    """
    if task.kind is TaskKind.TAGGING:
        predicted: list[Label] = [("O",) * len(tags) for tags in gold if isinstance(tags, tuple)]
    else:
        predicted = [_usual(task, seen)] * len(gold)
    return score(task.metric, task, gold, predicted, documents)


def _usual(task: Task, seen: Sequence[Label]) -> Label:
    if task.kind is TaskKind.REGRESSION:
        return float(np.mean([label for label in seen if isinstance(label, float)]))
    counts = Counter(seen)
    # Of equally frequent ones the first by name: the order of the file means nothing.
    return min(counts, key=lambda label: (-counts[label], label))


def best_constant(task: Task, gold: Sequence[Label], documents: Sequence[str]) -> float:
    """The score of the best constant answer to these examples."""
    return constant_score(task, gold, gold, documents)
