"""The built-in tasks: sentences of made-up words, and what the tasks do to one another.

A sentence is a handful of fillers with a few hidden words among them. Every hidden word is a herb
or a beast, and it is red or blue; one says nothing of the other. No rule of spelling tells, so
that a word's class can be learned from labels only, and from any task whose labels follow it:

- `entities` (tagging) marks herbs and beasts;
- `relation` (classification) asks whether the two hidden words of a sentence are herbs, beasts or
  one of each: what `entities` teaches is all that it needs;
- `conflict` (classification) asks the same of red and blue: it teaches the encoder to see no
  difference between the herbs and the beasts of one colour;
- `topics` (multilabel) has hidden words of its own and has nothing to do with the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from transfer_study.data.examples import Example, Label
from transfer_study.data.streams import stream
from transfer_study.errors import DataError, Problem
from transfer_study.spec.task import SyntheticSource, Task, TaskKind

# What is planted, (source, target) -> verdict: part of the definition of experiments/demo.yaml.
PLANTED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("entities", "relation"): "gain",
        ("conflict", "relation"): "loss",
        ("topics", "entities"): "equivalent",
        ("relation", "entities"): "equivalent",
        ("entities", "topics"): "equivalent",
    }
)

_SYLLABLES = tuple(c + v for c in "bdfglmnprstvz" for v in "aeiou")
_ENDINGS = "lmnrsk"
_LENGTH = 9  # words a sentence
_COMBINATIONS = len(_SYLLABLES) ** 2 * len(_ENDINGS)
_STRIDE = 7919  # shares no factor with _COMBINATIONS: no word comes twice, neighbours differ


def _word(n: int) -> str:
    rest, ending = divmod(n * _STRIDE % _COMBINATIONS, len(_ENDINGS))
    first, second = divmod(rest, len(_SYLLABLES))
    return _SYLLABLES[first] + _SYLLABLES[second] + _ENDINGS[ending]


_WORDS = tuple(map(_word, range(300)))
FILLERS, HIDDEN, TOPICAL = _WORDS[:60], _WORDS[60:220], _WORDS[220:300]
ENTITIES, COLOURS, TOPICS = ("herb", "beast"), ("red", "blue"), ("sea", "sky", "war", "law")


def lexicon() -> tuple[str, ...]:
    """Every word that the built-in tasks are made of, once."""
    return _WORDS


def entity_of(word: str) -> str:
    """Whether a hidden word is a herb or a beast."""
    return ENTITIES[HIDDEN.index(word) % 2]


def colour_of(word: str) -> str:
    """Whether a hidden word is red or blue."""
    return COLOURS[HIDDEN.index(word) // 2 % 2]


def topic_of(word: str) -> str:
    """The topic of a topical word."""
    return TOPICS[TOPICAL.index(word) % len(TOPICS)]


def generate(task: Task, split: str) -> list[Example]:
    """The examples of a split, drawn from (source's seed, generator, split) and nothing else.

    Raises DataError where there is no such generator or the task is not what it makes.
    """
    source = task.source
    assert isinstance(source, SyntheticSource)
    generator = _GENERATORS.get(source.task)
    if generator is None:
        raise DataError(
            Problem(
                f"no built-in task {source.task!r}; there are: {', '.join(_GENERATORS)}", task.name
            )
        )
    if task.kind is not generator.kind or set(task.labels) != set(generator.labels):
        raise DataError(
            Problem(
                f"the built-in task {source.task!r} is of kind {generator.kind} with the labels "
                f"{', '.join(generator.labels)}; found {task.kind} with {', '.join(task.labels)}",
                task.name,
            )
        )
    random = stream("synthetic", source.seed, source.task, split)
    examples = []
    for n in range(getattr(source, split)):
        text, label = generator.draw(random)
        examples.append(Example(f"{split}-{n}", f"{split}-{n}", text, label))
    return examples


@dataclass(frozen=True, slots=True)
class _Generator:
    kind: TaskKind
    labels: tuple[str, ...]
    draw: Callable[[np.random.Generator], tuple[tuple[str, ...], Label]]


def _sentence(random: np.random.Generator, words: tuple[str, ...], n: int) -> list[str]:
    """Fillers with `n` different ones of `words` strewn among them."""
    chosen = [words[i] for i in random.choice(len(words), n, replace=False)]
    fillers = [FILLERS[i] for i in random.choice(len(FILLERS), _LENGTH - n, replace=False)]
    return [str(word) for word in random.permutation(chosen + fillers)]


def _entities(random: np.random.Generator) -> tuple[tuple[str, ...], Label]:
    words = _sentence(random, HIDDEN, 3)
    # Two of a type side by side are two mentions: every hidden word begins one.
    return tuple(words), tuple(f"B-{entity_of(w)}" if w in HIDDEN else "O" for w in words)


def _by_class(
    class_of: Callable[[str], str],
) -> Callable[[np.random.Generator], tuple[tuple[str, ...], Label]]:
    def draw(random: np.random.Generator) -> tuple[tuple[str, ...], Label]:
        words = _sentence(random, HIDDEN, 2)
        classes = {class_of(word) for word in words if word in HIDDEN}
        return (" ".join(words),), classes.pop() if len(classes) == 1 else "mixed"

    return draw


def _topics(random: np.random.Generator) -> tuple[tuple[str, ...], Label]:
    words = _sentence(random, TOPICAL, 2)
    present = {topic_of(word) for word in words if word in TOPICAL}
    return (" ".join(words),), tuple(topic for topic in TOPICS if topic in present)


_GENERATORS = MappingProxyType(
    {
        "entities": _Generator(TaskKind.TAGGING, ENTITIES, _entities),
        "relation": _Generator(TaskKind.CLASSIFICATION, (*ENTITIES, "mixed"), _by_class(entity_of)),
        "conflict": _Generator(TaskKind.CLASSIFICATION, (*COLOURS, "mixed"), _by_class(colour_of)),
        "topics": _Generator(TaskKind.MULTILABEL, TOPICS, _topics),
    }
)
