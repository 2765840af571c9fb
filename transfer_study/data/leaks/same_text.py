"""When two texts are the same: what a reader would call so, whatever the corpus did to them.

Corpora divide words, write signs and mask entities in their own ways, so letters and digits decide.
But a sign may carry the meaning ("p < 0.05", "p > 0.05"), and so may the place of a mask. Whether
it does only the labels tell: two rows of a task are of different texts where both their signs or
masks and their labels differ. The labels of two tasks say nothing of each other.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.kinds import TaskKind
from transfer_study.study.tasks.task import Task

# Fewer letters and digits than this are a heading or a stock phrase, which recurs by itself. The
# line was drawn on the public corpora: of 26 texts of ADE in BC5CDR's test, and of 26 of AnatEM in
# HoC's, it tells apart five each, which leaves the 21 that were known.
SHORT = 40
MASK = re.compile(r"@[A-Za-z][\w-]*\$")  # such as @CHEMICAL$, in place of an entity
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class LeakRow:
    """An example as it is compared with others.

    `text` is equal in rows of the same text, empty where there is neither letter nor digit;
    `parts` are the same of each sentence of a pair, none for a single sentence. `words` are those
    of all sentences, `verbatim` is the text as written, `task` the name of the example's task.
    """

    task: str
    kind: TaskKind
    example: Example
    text: str
    parts: tuple[str, ...]
    words: str
    verbatim: str

    @property
    def told(self) -> tuple[str, ...]:
        """What a model that learned the row has read: its text, and each sentence of a pair."""
        return tuple(text for text in (self.text, *self.parts) if text)

    @property
    def signed(self) -> str:
        """The text with its signs and masks, but without spaces and what cannot be seen."""
        return "\n".join(sorted(map(_signed, self.verbatim.split("\n"))))

    @property
    def answer(self) -> object:
        """What is right of the example, however its words are divided."""
        return self.kind.answer(self.example, lambda word: len(without_spaces(normal_form(word))))


def tells(row: LeakRow, other: LeakRow) -> bool:
    """Whether a model that learned the row has read the whole text of the other."""
    if row.text != other.text:
        return other.text in row.parts
    return row.task != other.task or row.signed == other.signed or row.answer == other.answer


def rows_by_text(
    rows: Iterable[LeakRow], texts: Callable[[LeakRow], Iterable[str]]
) -> dict[str, list[LeakRow]]:
    """The rows of each text, in order; of those alike to the letter and in label the first."""
    found: dict[str, dict[tuple[str, str, Label], LeakRow]] = defaultdict(dict)
    for row in rows:
        for text in texts(row):
            found[text].setdefault((row.task, row.verbatim, row.example.label), row)
    return {text: list(alike.values()) for text, alike in found.items()}


def row_of(example: Example, task: Task) -> LeakRow:
    """The example as a row; a tagging example is one sentence, a pair the same either way round.

    Candidates are of the text, in any order, but no parts: a question is told apart from them.
    """
    texts = task.kind.texts(example)
    sentences = _normal_forms(texts)
    asked = _normal_forms(texts[: len(texts) - len(example.candidates)])
    return LeakRow(
        task.name,
        task.kind,
        example,
        text="\n".join(map(without_spaces, sentences)),
        parts=tuple(map(without_spaces, asked)) if len(texts) > 1 else (),
        words=" ".join(sentences),
        verbatim="\n".join(texts),
    )


def _normal_forms(texts: Iterable[str]) -> list[str]:
    return sorted(form for text in texts if (form := normal_form(text)))


def normal_form(text: str) -> str:
    """The words of a text: entity masks removed, Unicode NFKC, case folded, no punctuation."""
    return " ".join(_WORD.findall(_folded(MASK.sub(" ", text))))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _signed(text: str) -> str:
    visible = (c for c in _folded(text) if unicodedata.category(c) not in ("Cc", "Cf"))
    return "".join("".join(visible).split())


def without_spaces(words: str) -> str:
    """A normal form in which it does not count where a corpus divides words."""
    return words.replace(" ", "")


def is_short(text: str) -> bool:
    """Whether a text is too short to be known again."""
    return len(text) < SHORT
