"""F1 of entity mentions: a mention counts where its type and both its ends are right."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import cast

import numpy as np

from transfer_study.metrics.rows import Statistics
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.kinds.tagging import Mention, mentions
from transfer_study.study.tasks.task import Task


def span_counts(
    _: Task, gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str]
) -> Statistics:
    """Count true positives, predictions and golds per sentence; [N, 3].

    Mentions are read as strict IOB2: an `I-` that continues nothing is outside. ValueError where
    a sentence's predicted tags are fewer or more than its words.
    """
    return _counts(gold, predicted, documents, lenient=False)


def lenient_span_counts(
    _: Task, gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str]
) -> Statistics:
    """Count as `span_counts` does, with mentions as the conlleval script reads them.

    An `I-` that continues nothing begins a mention.
    """
    return _counts(gold, predicted, documents, lenient=True)


# Models of one task answer the same sentences, and most of them alike.
@lru_cache(maxsize=1 << 15)
def found_in(tags: tuple[str, ...], lenient: bool) -> frozenset[Mention]:
    """The mentions of one sentence."""
    return frozenset(mentions(tags, lenient=lenient))


def _counts(
    gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str], *, lenient: bool
) -> Statistics:
    counts = np.zeros((len(gold), 3))
    for row, labels in enumerate(zip(gold, predicted, strict=True)):
        true_tags, guessed_tags = cast("tuple[tuple[str, ...], tuple[str, ...]]", labels)
        if len(true_tags) != len(guessed_tags):
            raise ValueError("the predicted tags of a sentence must be as many as its gold tags")
        true, guessed = (found_in(tags, lenient) for tags in (true_tags, guessed_tags))
        counts[row] = len(true & guessed), len(guessed), len(true)
    return Statistics(counts, tuple(documents))
