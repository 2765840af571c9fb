"""The built-in tasks: sentences of made-up words, and what the tasks do to one another.

A sentence is a few fillers with hidden words among them. Every hidden word is a herb or a beast,
and it is red or blue; one says nothing of the other, and no rule of spelling tells. A word's class
can only be learned from labels, of any task that follows it:

- `entities` (tagging) marks herbs and beasts, three a sentence;
- `relation` (classification) says whether the one hidden word of a sentence is a herb or a beast:
  what `entities` teaches is all that it needs, and its own sentences are few;
- `conflict` (regression) scores how red the one hidden word is, with the noise of a human judge:
  it divides the same words another way, and its large errors drown the small task's;
- `topics` (multilabel) has hidden words of its own and has nothing to do with the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from transfer_study.data.streams import stream
from transfer_study.errors import DataError, Problem
from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.kinds import (
    CLASSIFICATION,
    MULTILABEL,
    REGRESSION,
    TAGGING,
    TaskKind,
)
from transfer_study.study.tasks.source import SyntheticSource
from transfer_study.study.tasks.task import Task

# What is planted, (source, target) -> verdict: part of the definition of experiments/demo.yaml.
PLANTED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("entities", "relation"): "gain",
        ("conflict", "relation"): "loss",
        ("relation", "entities"): "equivalent",
        ("conflict", "entities"): "equivalent",
        ("topics", "entities"): "equivalent",
    }
)

_SYLLABLES = tuple(consonant + vowel for consonant in "bdfglmnprstvz" for vowel in "aeiou")
_ENDINGS = "lmnrsk"
_COMBINATIONS = len(_SYLLABLES) ** 2 * len(_ENDINGS)
_STRIDE = 7919  # shares no factor with _COMBINATIONS: no word comes twice, neighbours differ
_LENGTH = 6  # words a sentence


def _word(n: int) -> str:
    rest, ending = divmod(n * _STRIDE % _COMBINATIONS, len(_ENDINGS))
    first, second = divmod(rest, len(_SYLLABLES))
    return _SYLLABLES[first] + _SYLLABLES[second] + _ENDINGS[ending]


_WORDS = tuple(_word(n) for n in range(318))
FILLERS, HIDDEN, TOPICAL = _WORDS[:60], _WORDS[60:300], _WORDS[300:]
ENTITIES, TOPICS = ("herb", "beast"), ("sea", "sky", "war")
# By turns, so that half of the herbs and half of the beasts are red.
ENTITY_OF = MappingProxyType({word: ENTITIES[n % 2] for n, word in enumerate(HIDDEN)})
RED = frozenset(word for n, word in enumerate(HIDDEN) if n // 2 % 2)
TOPIC_OF = MappingProxyType({word: TOPICS[n % len(TOPICS)] for n, word in enumerate(TOPICAL)})


def lexicon() -> tuple[str, ...]:
    """All words of the built-in tasks, each once, lower-case ASCII; no seed changes them."""
    return _WORDS


def generate(task: Task, split: str) -> list[Example]:
    """The examples of a split, drawn from (the source's seed, its generator, split) alone.

    Raises DataError for an unknown generator, and for a task that is not what it makes.
    """
    source = task.source
    assert isinstance(source, SyntheticSource)
    if source.task not in _GENERATORS:
        known = ", ".join(_GENERATORS)
        raise DataError(Problem(f"no built-in task {source.task!r}; there are: {known}", task.name))
    generator = _GENERATORS[source.task]
    if task.kind is not generator.kind or not set(generator.labels) <= set(task.labels):
        made = _described(generator.kind, generator.labels)
        found = _described(task.kind, task.labels)
        raise DataError(
            Problem(f"the built-in task {source.task!r} is {made}; found {found}", task.name)
        )
    random = stream("synthetic", source.seed, source.task, split)
    names = [f"{split}-{n}" for n in range(getattr(source, split))]
    return [Example(name, name, *generator.draw(random)) for name in names]


def _described(kind: TaskKind, labels: tuple[str, ...]) -> str:
    return f"{kind} with the labels {', '.join(labels)}" if labels else f"{kind} without labels"


_Drawn = tuple[tuple[str, ...], Label]


@dataclass(frozen=True, slots=True)
class _Generator:
    kind: TaskKind
    labels: tuple[str, ...]
    draw: Callable[[np.random.Generator], _Drawn]


def _sentence(
    random: np.random.Generator, words: tuple[str, ...], n: int
) -> tuple[list[str], list[str]]:
    """Fillers with `n` different ones of `words` strewn among them, and the latter alone."""
    chosen = [words[i] for i in random.choice(len(words), n, replace=False)]
    fillers = [FILLERS[i] for i in random.choice(len(FILLERS), _LENGTH - n, replace=False)]
    both = chosen + fillers
    return [both[i] for i in random.permutation(_LENGTH)], chosen


def _entities(random: np.random.Generator) -> _Drawn:
    words, _ = _sentence(random, HIDDEN, 3)
    # Neighbours are two mentions: every hidden word begins one.
    tags = (f"B-{ENTITY_OF[word]}" if word in ENTITY_OF else "O" for word in words)
    return tuple(words), tuple(tags)


def _relation(random: np.random.Generator) -> _Drawn:
    words, (hidden,) = _sentence(random, HIDDEN, 1)
    return (" ".join(words),), ENTITY_OF[hidden]


def _conflict(random: np.random.Generator) -> _Drawn:
    words, (hidden,) = _sentence(random, HIDDEN, 1)
    score = 5.0 * (hidden in RED) + random.normal()
    return (" ".join(words),), round(float(score), 1)


def _topics(random: np.random.Generator) -> _Drawn:
    words, chosen = _sentence(random, TOPICAL, 2)
    present = {TOPIC_OF[word] for word in chosen}
    return (" ".join(words),), tuple(topic for topic in TOPICS if topic in present)


_GENERATORS: Mapping[str, _Generator] = MappingProxyType(
    {
        "entities": _Generator(TAGGING, ENTITIES, _entities),
        "relation": _Generator(CLASSIFICATION, ENTITIES, _relation),
        "conflict": _Generator(REGRESSION, (), _conflict),
        "topics": _Generator(MULTILABEL, TOPICS, _topics),
    }
)
