"""F1 of entity mentions: a mention counts where its type and both its ends are right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2, Entities

from transfer_study.metrics.rows import Statistics
from transfer_study.spec.example import Label
from transfer_study.spec.task import Task


def span_counts(
    _: Task, gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str]
) -> Statistics:
    """Count true positives, predictions and golds per sentence; [N, 3].

    Mentions are read as seqeval's strict IOB2: an `I-` that continues nothing is outside.
    ValueError where a sentence's predicted tags are fewer or more than its words.
    """
    return _counts(_strict_spans, gold, predicted, documents)


def lenient_span_counts(
    _: Task, gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str]
) -> Statistics:
    """Count as `span_counts` does, with mentions as the conlleval script reads them.

    An `I-` that continues nothing begins a mention.
    """
    return _counts(_lenient_spans, gold, predicted, documents)


_Tags: TypeAlias = Sequence[tuple[str, ...]]
_Spans: TypeAlias = Iterable[set[tuple[Any, ...]]]


def _counts(
    spans: Callable[[_Tags], _Spans],
    gold: Sequence[Label],
    predicted: Sequence[Label],
    documents: Sequence[str],
) -> Statistics:
    true_tags, guessed_tags = cast("_Tags", gold), cast("_Tags", predicted)
    if list(map(len, true_tags)) != list(map(len, guessed_tags)):
        raise ValueError("the predicted tags of a sentence must be as many as its gold tags")
    counts = [
        (len(true & guessed), len(guessed), len(true))
        for true, guessed in zip(spans(true_tags), spans(guessed_tags), strict=True)
    ]
    return Statistics(np.array(counts, dtype=np.float64).reshape(-1, 3), tuple(documents))


def _strict_spans(sentences: _Tags) -> _Spans:
    for mentions in Entities(sentences, scheme=IOB2).entities:
        yield {mention.to_tuple() for mention in mentions}


def _lenient_spans(sentences: _Tags) -> _Spans:
    for tags in sentences:
        yield set(get_entities(list(tags)))
