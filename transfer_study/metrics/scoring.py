"""The metrics by name: how each reads an example, and what it makes of the sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from transfer_study.metrics import classes, correlation, entities, ranks
from transfer_study.metrics.metric_names import least_score
from transfer_study.metrics.rows import Floats, Statistics
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import MetricName, Task


@dataclass(frozen=True, slots=True)
class _Metric:
    statistics: Callable[[Task, Sequence[Label], Sequence[Label], Sequence[str]], Statistics]
    from_sums: Callable[[Floats], Floats]


_METRICS = {
    MetricName.ACCURACY: _Metric(classes.hits, classes.mean_hit),
    MetricName.MICRO_F1: _Metric(classes.counts_over_classes, classes.mean_f1),
    MetricName.MACRO_F1: _Metric(classes.counts_by_class, classes.mean_f1),
    MetricName.ENTITY_F1: _Metric(entities.span_counts, classes.mean_f1),
    MetricName.LENIENT_ENTITY_F1: _Metric(entities.lenient_span_counts, classes.mean_f1),
    MetricName.EXAMPLE_F1: _Metric(classes.precision_and_recall, classes.f1_of_means),
    MetricName.PEARSON: _Metric(correlation.products, correlation.pearson),
    MetricName.SPEARMAN: _Metric(ranks.pseudovalues, ranks.spearman),
}


# Those of which a part of the examples adds what it adds to the whole: others are of documents, or
# of ranks among all.
DIVISIBLE = frozenset(_METRICS) - {MetricName.EXAMPLE_F1, MetricName.SPEARMAN}


def statistics(
    metric: MetricName,
    task: Task,
    gold: Sequence[Label],
    predicted: Sequence[Label],
    documents: Sequence[str],
) -> Statistics:
    """Take what each row adds to the metric.

    One row an example, in their order; of example-based F1 one row a document, in order of first
    appearance. `gold`, `predicted` and `documents` hold one entry an example; ValueError if not.
    """
    if not len(gold) == len(predicted) == len(documents):
        raise ValueError(
            f"one gold label, prediction and document an example: found {len(gold)}, "
            f"{len(predicted)} and {len(documents)}"
        )
    return _METRICS[metric].statistics(task, gold, predicted, documents)


def from_sums(metric: MetricName, sums: Floats) -> Floats:
    """Score summed statistics, [..., k] -> [...]; an undefined score is 0."""
    return _METRICS[metric].from_sums(sums)


def score(
    metric: MetricName,
    task: Task,
    gold: Sequence[Label],
    predicted: Sequence[Label],
    documents: Sequence[str],
) -> float:
    """Score predictions by one metric; an undefined score is 0, never NaN."""
    rows = statistics(metric, task, gold, predicted, documents)
    return float(from_sums(metric, rows.values.sum(axis=0)))


def score_span(metric: str) -> float:
    """How far the best score of a metric, which others may have scored by, is from its worst."""
    return 1 - least_score(metric)


def reported(task: Task) -> tuple[MetricName, ...]:
    """All metrics of the task's kind, its own first."""
    return (task.metric, *(m for m in map(MetricName, task.kind.metrics) if m is not task.metric))
