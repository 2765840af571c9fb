"""Tasks made of other tasks, so that controls can tell transfer from mere training.

- *shuffled*: the texts of a task and the labels of that task, but not together. What training with
  it does to a partner is not what its labels teach. Train and dev are shuffled alike: the epoch of
  a joint stage is chosen by the mean dev score of its tasks, so that a pair and its placebo choose
  by the same rule, and only what ties labels to texts is gone. (With true dev labels the placebo
  would be scored on what it was never taught; without a dev score the partner alone would choose,
  which no true pair may.)
- *half1*, *half2*: train in two parts of like size, whole documents at a time. Both have all of dev
  and test.

Test is as it was. What is random is drawn from (the transform's seed, the task's data): each seed
of a study has a shuffle and halves of its own, so that a control's mean is over them too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from transfer_study.data.splits import TaskData
from transfer_study.data.streams import stream
from transfer_study.errors import DataError, Problem
from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.kinds import TaskKind
from transfer_study.study.tasks.task import Change, Task


def derive(data: TaskData, task: Task) -> TaskData:
    """The data of a derived task, from those of its origin."""
    transform = task.transform
    assert transform is not None
    key = transform.seed, data.key
    match transform.change:
        case Change.SHUFFLED:
            train, dev = (
                shuffled(task.kind, examples, stream(*key, "placebo", split))
                for split, examples in (("train", data.train), ("dev", data.dev))
            )
            return TaskData(task, train, dev, data.test, data.key)
        case Change.HALF_1 | Change.HALF_2:
            parts = halves(data.train, stream(*key, "halves"))
            train = parts[transform.change is Change.HALF_2]
            return TaskData(task, train, data.dev, data.test, data.key)


def shuffled(
    kind: TaskKind, examples: Sequence[Example], random: np.random.Generator
) -> tuple[Example, ...]:
    """The examples in their order, each with the label of another one.

    The tags of a sentence go as a whole to one of as many words, so that they stay what a sentence
    of that length may have. Where a length comes only once, sentences of the nearest lengths change
    places, the tags cut at the end or filled with `O`: both leave whole mentions whole, or shorten
    the last.
    """
    sizes = list(map(kind.size, examples))
    labels: dict[int, Label] = {}
    for group in _by_size(sizes, random):
        # A cycle: nobody keeps what is their own.
        for taker, giver in zip(group, np.roll(group, 1), strict=True):
            labels[taker] = kind.fitted(examples[giver].label, sizes[taker])
    return tuple(replace(example, label=labels[n]) for n, example in enumerate(examples))


def _by_size(sizes: Sequence[int], random: np.random.Generator) -> list[list[int]]:
    """Rows of one size, in random order; what is alone is with the next smaller or larger."""
    order = sorted(map(int, random.permutation(len(sizes))), key=sizes.__getitem__)
    groups: list[list[int]] = []
    for _, rows in groupby(order, key=sizes.__getitem__):
        if groups and len(groups[-1]) == 1:
            groups[-1] += rows
        else:
            groups.append(list(rows))
    if len(groups) > 1 and len(groups[-1]) == 1:
        alone = groups.pop()
        groups[-1] += alone
    return groups


def check_divisible(data: TaskData) -> None:
    """Raise DataError where train is one document, which has no halves."""
    documents = {example.document for example in data.train}
    if len(documents) == 1:
        raise DataError(
            Problem(
                f"train is one document ({documents.pop()!r}), of which the control `self` cannot "
                "make two halves. Remove it from `controls`, or check the `document` column or "
                "`document_pattern`.",
                data.task.name,
            )
        )


def halves(
    train: Sequence[Example], random: np.random.Generator
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Two parts of like size that share no document, both in train's order."""
    sizes = Counter(example.document for example in train)
    documents = sorted(sizes)
    taken: tuple[set[str], set[str]] = (set(), set())
    n = [0, 0]
    for i in random.permutation(len(documents)):
        smaller = int(n[1] < n[0])
        taken[smaller].add(documents[i])
        n[smaller] += sizes[documents[i]]
    one, other = (tuple(e for e in train if e.document in part) for part in taken)
    return one, other
