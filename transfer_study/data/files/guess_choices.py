"""Questions with candidates: which columns hold them, and what the label says of the right one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase as letters

from transfer_study.data.files.rows import Value
from transfer_study.study.tasks.source import AnswerKey

Rows = Sequence[Mapping[str, Value]]

# How data sets call all candidates, or with a letter or number behind it one of them.
_NAMES = {
    *("answer", "answers", "candidate", "candidates", "choice", "choices", "ending", "endings"),
    *("op", "opt", "option", "options", "solution", "sol"),
}
_ONE = re.compile(r"(.*?)[ _.-]?([a-z]|\d)")
# Of the right one, the likeliest first.
_LABELS = (
    *("answer_idx", "answer_index", "answer_key", "answerkey", "correct_option", "correct"),
    *("cop", "label", "gold", "gold_label", "target", "labels", "answer"),
)
_CONTEXTS, _QUESTIONS = ("article", "passage", "context", "ctx"), ("question", "stem", "query")


@dataclass(frozen=True)
class Choices:
    """The columns of questions with candidates, and what their labels are."""

    columns: dict[str, str | list[str]]
    key: AnswerKey


def guess_choices(rows: Rows, found: Sequence[str]) -> Choices | None:
    """None where no columns are called so, or labels name no candidates in one way alone."""
    candidates = _candidates(rows, found)
    if candidates is None:
        return None
    taken = {candidates} if isinstance(candidates, str) else {*candidates}
    by_name = {_last(name): name for name in reversed(found) if name not in taken}
    text = [by_name[n] for names in (_CONTEXTS, _QUESTIONS) for n in names if n in by_name][:2]
    for label in (by_name[name] for name in _LABELS if name in by_name):
        keys = _keys(rows, candidates, label)
        if len(keys) == 1 and text:
            columns = dict(zip(("text", "text2"), text, strict=False))
            return Choices({**columns, "candidates": candidates, "label": label}, keys[0])
    return None


def _last(name: str) -> str:
    return name.rpartition(".")[2].casefold()


def _candidates(rows: Rows, found: Sequence[str]) -> str | list[str] | None:
    families: dict[str, dict[str, str]] = defaultdict(dict)
    for name in found:
        called = name.casefold()
        values = [row[name] for row in rows]
        listed = _NAMES & {*called.split(".")} and not called.endswith(("label", "labels"))
        if listed and all(isinstance(value, tuple) and len(value) > 1 for value in values):
            return name
        if one := _ONE.fullmatch(called):
            families[one[1]][one[2]] = name
    for before, family in families.items():
        places = "".join(family)
        fewest = 2 if before.rpartition(".")[2] in _NAMES else 3 if before == "" else 99
        if len(family) >= fewest and places in letters.lower() + " 0123456789":
            return list(family.values())
    return None


def _keys(rows: Rows, candidates: str | list[str], label: str) -> list[AnswerKey]:
    """What the labels of all rows may be, of which only one may hold."""
    counts, written, labels = [], [], []
    for row in rows:
        of_row = row[candidates] if isinstance(candidates, str) else [row[n] for n in candidates]
        texts = [text for text in of_row or () if isinstance(text, str) and text.strip()]
        value = row[label]
        if not isinstance(value, str):
            return []
        counts.append(len(texts))
        written.append(texts)
        labels.append(value)
    each = list(zip(labels, counts, strict=True))
    keys: list[AnswerKey] = []
    if all(len(value) == 1 and value.upper() in letters[:n] for value, n in each):
        keys.append("letter")
    if all(value in texts for value, texts in zip(labels, written, strict=True)):
        keys.append("text")
    if all(value.isdecimal() for value in labels):
        # Only from 0 is there a 0, and only from 1 as high a number as there are candidates.
        if "0" in labels and all(int(value) < n for value, n in each):
            keys.append("from_0")
        if any(int(value) == n for value, n in each) and all(1 <= int(v) <= n for v, n in each):
            keys.append("from_1")
    return keys
