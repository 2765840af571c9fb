"""What test examples are like: how long they are, and what of them training has seen."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from transfer_study.data.splits import TaskData
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.kinds import TaskKind
from transfer_study.study.tasks.kinds.tagging import mentions

_WORD = re.compile(r"[^\W_]+")


def lengths(data: TaskData) -> NDArray[np.float64]:
    """How many words each test example has, runs of letters and digits counting as one, [N]."""
    return np.array([len(_words(e, data.task.kind)) for e in data.test], dtype=np.float64)


def unseen_mentions(data: TaskData) -> NDArray[np.float64]:
    """Which share of a test sentence's mentions is none in the training data, [N].

    Of a tagging task; NaN where a sentence has no mention. A mention is its type and its words,
    whatever their case.
    """
    seen = {mention for example in data.train for mention in _mentions(example)}
    found = [list(_mentions(example)) for example in data.test]
    shares = (np.mean([m not in seen for m in those]) if those else np.nan for those in found)
    return np.array(list(shares), dtype=np.float64)


def overlaps(data: TaskData, partners: Iterable[TaskData]) -> NDArray[np.float64]:
    """Which share of a test example's distinct words the partners' training data have, [N].

    NaN where it has no word.
    """
    known = {word for of in partners for e in of.train for word in _words(e, of.task.kind)}
    found = [set(_words(example, data.task.kind)) for example in data.test]
    return np.array([_share(words, known) for words in found], dtype=np.float64)


def _share(words: Collection[str], known: Collection[str]) -> float:
    return sum(word in known for word in words) / len(words) if words else np.nan


def _words(example: Example, kind: TaskKind) -> Sequence[str]:
    return _WORD.findall(" ".join(kind.texts(example)).casefold())


def _mentions(example: Example) -> Iterator[tuple[str, str]]:
    assert isinstance(example.label, tuple)
    for name, first, end in mentions(example.label):
        yield name, " ".join(example.text[first:end]).casefold()
