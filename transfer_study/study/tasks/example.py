"""The one shape every corpus is read into."""

from __future__ import annotations

from dataclasses import dataclass

# A class; a set of classes in the task's order; a real value; a tag a word.
Label = str | float | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One thing to predict.

    `id` is unique within its split. `document` groups examples that are not independent; where
    the source names it, `named`, the name means the same document in every split, else it is the
    example's own id or counts the file's documents.
    `text` is one sentence or two; for tagging, the words of one sentence.
    `label` is a class (classification), classes in the task's order (multilabel), a number
    (regression), one IOB2 tag a word (tagging) or the letter of one of `candidates`, A being the
    first (multiple choice).
    """

    id: str
    document: str
    text: tuple[str, ...]
    label: Label
    named: bool = False
    candidates: tuple[str, ...] = ()
