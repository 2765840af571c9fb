"""When two texts are the same: what a reader would call so, whatever the corpus did to them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from transfer_study.spec.example import Example
from transfer_study.spec.task import TaskKind

# Fewer letters and digits than this are a heading or a stock phrase, which recurs by itself. The
# line was drawn on the public corpora: of 26 texts of ADE in BC5CDR's test, and of 26 of AnatEM in
# HoC's, it tells apart five each, which leaves the 21 that were known.
SHORT = 40
_MASK = re.compile(r"@[A-Za-z][\w-]*\$")  # such as @CHEMICAL$, in place of an entity
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Row:
    """An example as it is compared with others.

    `text` is equal in rows of the same text, empty where there is neither letter nor digit;
    `parts` are the same of each sentence of a pair, none for a single sentence. `words` are those
    of all sentences, `verbatim` is the text as written.
    """

    example: Example
    text: str
    parts: tuple[str, ...]
    words: str
    verbatim: str

    @property
    def told(self) -> tuple[str, ...]:
        """What a model that learned the row has read: its text, and each sentence of a pair."""
        return tuple(text for text in (self.text, *self.parts) if text)


def row_of(example: Example, kind: TaskKind) -> Row:
    """The example as a row; a tagging example is one sentence, a pair the same either way round."""
    texts = (" ".join(example.text),) if kind is TaskKind.TAGGING else example.text
    sentences = sorted(form for text in texts if (form := normal_form(text)))
    keys = tuple(map(without_spaces, sentences))
    return Row(
        example,
        text="\n".join(keys),
        parts=keys if len(texts) > 1 else (),
        words=" ".join(sentences),
        verbatim="\n".join(texts),
    )


def normal_form(text: str) -> str:
    """The words of a text: entity masks removed, Unicode NFKC, case folded, no punctuation."""
    plain = unicodedata.normalize("NFKC", _MASK.sub(" ", text)).casefold()
    return " ".join(_WORD.findall(plain))


def without_spaces(words: str) -> str:
    """A normal form in which it does not count where a corpus divides words."""
    return words.replace(" ", "")


def is_short(text: str) -> bool:
    """Whether a text is too short to be known again."""
    return len(text) < SHORT
