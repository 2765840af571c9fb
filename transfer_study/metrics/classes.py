"""Accuracy and F1 of predicted classes: one of them an example, or a set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from transfer_study.metrics.rows import Floats, Statistics, ratio
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import Task

_Membership: TypeAlias = NDArray[np.bool_]  # [N, C]: is this class one of the example's?


def hits(
    _: Task, gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str]
) -> Statistics:
    """Count per example: whether it is right, and 1; [N, 2]."""
    right = [float(g == p) for g, p in zip(gold, predicted, strict=True)]
    return Statistics(np.column_stack([right, np.ones(len(right))]), tuple(documents))


def counts_by_class(
    task: Task, gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str]
) -> Statistics:
    """Count true positives, predictions and golds per example and class; [N, C * 3]."""
    counts = _counts(_membership(task, gold), _membership(task, predicted))
    n, classes, _three = counts.shape
    return Statistics(counts.reshape(n, classes * 3), tuple(documents))


def counts_over_classes(
    task: Task, gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str]
) -> Statistics:
    """Count true positives, predictions and golds per example, classes together; [N, 3]."""
    counts = _counts(_membership(task, gold), _membership(task, predicted))
    return Statistics(counts.sum(axis=1), tuple(documents))


def precision_and_recall(
    task: Task, gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str]
) -> Statistics:
    """Measure precision, recall and 1 per document, its labels united over its rows; [D, 3]."""
    units = tuple(dict.fromkeys(documents))
    counts = _counts(
        _united(_membership(task, gold), documents, units),
        _united(_membership(task, predicted), documents, units),
    ).sum(axis=1)
    shared, guessed, true = counts.T
    columns = ratio(shared, guessed), ratio(shared, true), np.ones(len(units))
    return Statistics(np.column_stack(columns), units)


def mean_hit(sums: Floats) -> Floats:
    """Accuracy from sums of `hits`."""
    return ratio(sums[..., 0], sums[..., 1])


def mean_f1(sums: Floats) -> Floats:
    """F1 averaged over those of the classes counted apart that gold has; 0 where it has none.

    Of a class without gold nothing could be found, so that a perfect answer would score 0: it is
    left out of the mean, in a resample that lacks it as in a test set that does.
    """
    shared, guessed, true = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 3), -1, 0)
    f1 = np.where(true > 0, ratio(2 * shared, guessed + true), 0)
    return ratio(f1.sum(axis=-1), (true > 0).sum(axis=-1).astype(np.float64))


def f1_of_means(sums: Floats) -> Floats:
    """F1 of mean precision and mean recall over documents, as BLUE's eval_hoc takes it."""
    precision, recall = ratio(sums[..., 0], sums[..., 2]), ratio(sums[..., 1], sums[..., 2])
    return ratio(2 * precision * recall, precision + recall)


def _membership(task: Task, labels: Sequence[Label]) -> _Membership:
    # The negative class has no column: F1 is about finding the others.
    classes: list[Label] = [label for label in task.labels if label != task.negative]
    column = {label: c for c, label in enumerate(classes)}
    member = np.zeros((len(labels), len(classes)), dtype=np.bool_)
    for row, label in enumerate(labels):
        for one in label if isinstance(label, tuple) else (label,):
            if one != task.negative:
                member[row, column[one]] = True
    return member


def _united(member: _Membership, documents: Sequence[str], units: Sequence[str]) -> _Membership:
    place = {unit: d for d, unit in enumerate(units)}
    united = np.zeros((len(units), member.shape[1]), dtype=np.bool_)
    np.logical_or.at(united, [place[document] for document in documents], member)
    return united


def _counts(gold: _Membership, predicted: _Membership) -> Floats:
    return np.stack([gold & predicted, predicted, gold], axis=-1).astype(np.float64)
