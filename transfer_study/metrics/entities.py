"""F1 of entity mentions: a mention counts where its type and both its ends are right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias, cast

import numpy as np

from transfer_study.metrics.rows import Statistics
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import Task

Mention: TypeAlias = tuple[str, int, int]  # its type, its first word, the word after its last


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


def mentions(tags: Sequence[str], *, lenient: bool = False) -> Iterator[Mention]:
    """Read the mentions of one sentence; of a tag, all after its first hyphen is the type.

    seqeval strips hyphens off types, so that `B-` and `B--x` lose their names: hence our own.
    """
    name, first, within = "", 0, False
    for word, tag in enumerate((*tags, "O")):
        prefix, _, entity = tag.partition("-")
        if within and prefix == "I" and entity == name:
            continue
        if within:
            yield name, first, word
        within = prefix == "B" or (lenient and prefix == "I")
        name, first = entity, word


def _counts(
    gold: Sequence[Label], predicted: Sequence[Label], documents: Sequence[str], *, lenient: bool
) -> Statistics:
    counts = np.zeros((len(gold), 3))
    for row, labels in enumerate(zip(gold, predicted, strict=True)):
        true_tags, guessed_tags = cast("tuple[tuple[str, ...], tuple[str, ...]]", labels)
        if len(true_tags) != len(guessed_tags):
            raise ValueError("the predicted tags of a sentence must be as many as its gold tags")
        true, guessed = (set(mentions(tags, lenient=lenient)) for tags in (true_tags, guessed_tags))
        counts[row] = len(true & guessed), len(guessed), len(true)
    return Statistics(counts, tuple(documents))
