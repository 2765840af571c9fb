"""F1 of each class or type of mention by itself, from what single examples add to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from transfer_study.metrics.classes import counts_by_class
from transfer_study.metrics.entities import found_in
from transfer_study.metrics.rows import Statistics
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import MetricName, Task

# By which the statistics of a class are scored.
OF_A_CLASS = MetricName.MICRO_F1


def class_statistics(
    task: Task, gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str]
) -> Mapping[str, Statistics]:
    """The statistics of each class that F1 counts, [N, 3], by its name; of numbers there are none.

    Where classes have no meaning of their own, as the places of candidates, there are none either.
    """
    if task.kind.words:
        return _of_mentions(task, gold, predicted, documents)
    if task.kind.candidates or not task.labels:
        return {}
    every = counts_by_class(task, gold, predicted, documents)
    names = [name for name in task.labels if name != task.negative]
    return {
        name: Statistics(every.values[:, 3 * n : 3 * n + 3], every.units)
        for n, name in enumerate(names)
    }


def _of_mentions(
    task: Task, gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str]
) -> Mapping[str, Statistics]:
    place = {name: n for n, name in enumerate(task.labels)}
    lenient = task.metric is MetricName.LENIENT_ENTITY_F1
    counts = np.zeros((len(gold), len(place), 3))
    for row, labels in enumerate(zip(gold, predicted, strict=True)):
        tags = cast("tuple[tuple[str, ...], tuple[str, ...]]", labels)
        true, guessed = (found_in(of, lenient) for of in tags)
        for column, found in enumerate((true & guessed, guessed, true)):
            for name, *_ in found:
                counts[row, place[name], column] += 1
    return {name: Statistics(counts[:, n], tuple(documents)) for name, n in place.items()}
