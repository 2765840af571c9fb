"""The score that needs no learning: always the same answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np

from transfer_study.metrics.entities import mentions
from transfer_study.metrics.rows import Floats
from transfer_study.metrics.scoring import from_sums, statistics
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import MetricName, Task, TaskKind

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
    return max((_score(task, labels, times, a) for a in _answers(task, units)), default=0.0)


def _units(task: Task, labels: Sequence[Label], documents: Sequence[str]) -> Sequence[Label]:
    """The labels of what the metric averages over: examples, or documents with theirs united."""
    if task.metric is not MetricName.EXAMPLE_F1:
        return labels
    united: dict[str, set[str]] = {}
    for label, document in zip(_tuples(labels), documents, strict=True):
        united.setdefault(document, set()).update(label)
    return [tuple(name for name in task.labels if name in found) for found in united.values()]


def _distinct(labels: Sequence[Label]) -> tuple[list[Label], Floats]:
    """Each label once, and how often it is there: examples of one label add the same to a sum."""
    counts = Counter(labels)
    return list(counts), np.array(list(counts.values()), dtype=np.float64)


def _score(task: Task, labels: Sequence[Label], times: Floats, answer: Label) -> float:
    predicted = [answer] * len(labels)
    if task.kind is TaskKind.TAGGING:
        predicted = [(cast("str", answer),) * len(tags) for tags in _tuples(labels)]
    apart = [str(unit) for unit in range(len(labels))]
    rows = statistics(task.metric, task, labels, predicted, apart)
    return float(from_sums(task.metric, times @ rows.values))


def _answers(task: Task, gold: Sequence[Label]) -> Iterator[Label]:
    """The constants worth trying; of tagging, the tag that every word gets."""
    if task.kind is TaskKind.TAGGING:
        yield from _tags(_tuples(gold))
    elif task.kind is TaskKind.MULTILABEL:
        yield from _sets(task, _tuples(gold))
    elif task.kind is TaskKind.CLASSIFICATION:
        classes = _by_frequency(Counter(cast("Sequence[str]", gold)))
        yield from classes[:1]
        yield from [name for name in classes if name != task.negative][:1]


def _tags(sentences: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """`O`; the `B-` that finds most mentions of one word; the `I-` that finds most sentences.

    Read leniently, an `I-` throughout is one mention as long as the sentence.
    """
    words, whole = Counter[str](), Counter[str]()
    for tags in sentences:
        for name, first, end in mentions(tags):
            words[f"B-{name}"] += end - first == 1
            whole[f"I-{name}"] += end - first == len(tags)
    yield from ("O", *_by_frequency(words)[:1], *_by_frequency(whole)[:1])


def _sets(task: Task, sets: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """The k most frequent labels: of the best k by micro F1 and by example-based F1, and all.

    Labels stand in the order of how many examples have them, which decides precision, and again in
    that of their share of what those examples have, which decides recall of examples.
    """
    names = sorted({name for labels in sets for name in labels})
    column = {name: n for n, name in enumerate(names)}
    count, share = np.zeros(len(names)), np.zeros(len(names))
    for labels in sets:
        for name in labels:
            count[column[name]] += 1
            share[column[name]] += 1 / len(labels)
    yield ()
    if not names:
        return
    k = np.arange(1, len(names) + 1)
    for weight in (count, share):
        order = np.argsort(-weight, kind="stable")
        found, recalled = count[order].cumsum(), share[order].cumsum()
        micro = found / (len(sets) * k + count.sum())
        by_example = found / k * recalled / (found / k + recalled)
        for size in {int(micro.argmax()) + 1, int(by_example.argmax()) + 1, len(names)}:
            chosen = {names[n] for n in order[:size]}
            yield tuple(name for name in task.labels if name in chosen)


def _by_frequency(counts: Counter[str]) -> list[str]:
    # Of equally frequent ones the first by name: the order of the file means nothing.
    return sorted(counts, key=lambda name: (-counts[name], name))


def _tuples(labels: Sequence[Label]) -> Sequence[tuple[str, ...]]:
    return cast("Sequence[tuple[str, ...]]", labels)
