"""What a task's data look like: sizes, lengths, labels, and the score that needs no learning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from transfer_study.data.files.document_patterns import ProposedPattern, propose_pattern
from transfer_study.data.measurable import shortcomings
from transfer_study.data.splits import TaskData
from transfer_study.data.tokens.unread import Read
from transfer_study.metrics.constant import best_constant
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.source import SPLITS
from transfer_study.study.tasks.task import Task


@dataclass(frozen=True)
class Lengths:
    """How long the texts of a split are: the median, the 95th percentile, the longest."""

    median: float
    p95: float
    longest: int


@dataclass(frozen=True)
class SplitSummary:
    """One split in numbers; what a kind of task does not have is None or empty.

    `positives` are mentions (tagging), label assignments (multilabel) or examples of another
    class than the negative one, as in the paper's Table 1. `truncated` is the share of examples
    with more word pieces than the maximum length, `markers_cut` counts those of which an entity
    marker lies beyond it. `without_pieces` counts the words, to be tagged, of which the tokenizer
    makes nothing. `labels` counts mentions of a type, or examples.
    """

    split: str
    examples: int
    documents: int
    positives: int | None
    words: Lengths
    pieces: Lengths | None
    truncated: float | None
    markers_cut: int | None
    without_pieces: dict[str, int]
    labels: dict[str, int]
    mean: float | None  # of a regression's scores
    spread: float | None  # their standard deviation


@dataclass(frozen=True)
class TaskSummary:
    """A task's splits, and the test score of always giving the best one answer.

    `shortcomings` are what its splits lack, each in a sentence; `proposed` is a `document_pattern`
    where documents are not named but ids seem to tell them; `unread` counts what of the source is
    not read, by what is said of it and by split.
    """

    task: Task
    splits: tuple[SplitSummary, ...]
    majority: float
    shortcomings: tuple[str, ...]
    proposed: ProposedPattern | None
    unread: dict[str, dict[str, int]]


def describe(
    data: TaskData, read: Callable[[Example], Read] | None = None, max_length: int = 128
) -> TaskSummary:
    """Summarise a task; `read` says how an example reaches a model."""
    splits = tuple(_summary(data, name, read, max_length) for name in SPLITS)
    lacking = tuple(shortcomings(data))
    proposed = propose_pattern(data)
    return TaskSummary(data.task, splits, majority_score(data), lacking, proposed, _unread(data))


def _unread(data: TaskData) -> dict[str, dict[str, int]]:
    what = dict.fromkeys(said for counts in data.unread.values() for said in counts)
    return {
        said: {split: counts.get(said, 0) for split, counts in data.unread.items()} for said in what
    }


def majority_score(data: TaskData) -> float:
    """The test score, by the task's metric, that a model which has learned is above."""
    gold = [example.label for example in data.test]
    documents = [example.document for example in data.test]
    return best_constant(data.task, gold, documents)


def _summary(
    data: TaskData, split: str, read: Callable[[Example], Read] | None, max_length: int
) -> SplitSummary:
    task, examples = data.task, data.split(split)
    counts = Counter(name for e in examples for name in task.kind.classes(e.label))
    reads = None if read is None else [read(example) for example in examples]
    pieces = None if reads is None else [one.pieces for one in reads]
    vanishing: Counter[str] = Counter()
    for one in reads or ():
        vanishing.update(one.without_pieces)
    scores = _scores(examples)
    counted = task.kind.always_counted or task.negative is not None
    return SplitSummary(
        split=split,
        examples=len(examples),
        documents=len({example.document for example in examples}),
        positives=counts.total() - counts[task.negative or ""] if counted else None,
        words=_lengths([_words(task, example) for example in examples]),
        pieces=None if pieces is None else _lengths(pieces),
        truncated=None if pieces is None else float(np.mean(np.array(pieces) > max_length)),
        markers_cut=None if reads is None else sum(one.marker_cut for one in reads),
        without_pieces=dict(vanishing.most_common()),
        labels={name: counts[name] for name in task.labels or sorted(counts)},
        mean=float(np.mean(scores)) if scores else None,
        spread=float(np.std(scores)) if scores else None,
    )


def _scores(examples: Sequence[Example]) -> list[float]:
    return [example.label for example in examples if isinstance(example.label, float)]


def _words(task: Task, example: Example) -> int:
    if task.kind.words:
        return len(example.text)
    return sum(len(text.split()) for text in task.kind.texts(example))


def _lengths(values: Sequence[int]) -> Lengths:
    median, p95 = np.percentile(values, [50, 95])
    return Lengths(float(median), float(p95), max(values))
