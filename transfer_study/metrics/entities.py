"""F1 of entity mentions: a mention counts where its type and both its ends are right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
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
    true_tags = cast("Sequence[tuple[str, ...]]", gold)
    guessed_tags = cast("Sequence[tuple[str, ...]]", predicted)
    if list(map(len, true_tags)) != list(map(len, guessed_tags)):
        raise ValueError("the predicted tags of a sentence must be as many as its gold tags")
    counts = [
        (len(true & guessed), len(guessed), len(true))
        for true, guessed in zip(_spans(true_tags), _spans(guessed_tags), strict=True)
    ]
    return Statistics(np.array(counts, dtype=np.float64).reshape(-1, 3), tuple(documents))


def _spans(sentences: Sequence[tuple[str, ...]]) -> Iterable[set[tuple[int, str, int, int]]]:
    for mentions in Entities(sentences, scheme=IOB2).entities:
        yield {mention.to_tuple() for mention in mentions}
