"""The score that needs no learning: always the same answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from transfer_study.metrics.rows import Floats
from transfer_study.metrics.scoring import from_sums, statistics
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.kinds.kind import Constant
from transfer_study.study.tasks.task import MetricName, Task

# A score above a constant's by no more than this is the same: sums of ratios are rounded.
ROUNDING = 1e-9


def best_constant(task: Task, gold: Sequence[Label], documents: Sequence[str]) -> float:
    """The best score that any one answer, to all examples or all words, reaches on `gold`.

    A model that always answers the same scores no more, whatever it learned from. It is that of the
    most frequent class, or of the most frequent of those that F1 counts; of the most frequent
    labels together; of one tag for all words. A constant correlates with nothing: 0. Of sets of
    labels this is exact under micro and macro F1; under example-based F1 a set without its most
    frequent label may rarely score a little more.
    """
    units = _units(task, gold, documents)
    labels, times = _distinct(units)
    return max(
        (_score(task, labels, times, a) for a in task.kind.constants(task, units)), default=0.0
    )


def _units(task: Task, labels: Sequence[Label], documents: Sequence[str]) -> Sequence[Label]:
    """The labels of what the metric averages over: examples, or documents with theirs united."""
    if task.metric is not MetricName.EXAMPLE_F1:
        return labels
    united: dict[str, set[str]] = {}
    for label, document in zip(labels, documents, strict=True):
        united.setdefault(document, set()).update(task.kind.classes(label))
    return [tuple(name for name in task.labels if name in found) for found in united.values()]


def _distinct(labels: Sequence[Label]) -> tuple[list[Label], Floats]:
    """Each label once, and how often it is there: examples of one label add the same to a sum."""
    counts = Counter(labels)
    return list(counts), np.array(list(counts.values()), dtype=np.float64)


def _score(task: Task, labels: Sequence[Label], times: Floats, answer: Constant) -> float:
    apart = [str(unit) for unit in range(len(labels))]
    rows = statistics(task.metric, task, labels, [answer(label) for label in labels], apart)
    return float(from_sums(task.metric, times @ rows.values))
