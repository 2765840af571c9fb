"""From what a file says of a label to the label of a task.

Labels are compared in Unicode's composed form, in which a task has them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Protocol

from transfer_study.data.files.faults import did_you_mean
from transfer_study.study.characters import composed
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.source import Scheme
from transfer_study.study.tasks.task import Task, TaskKind

# Beyond it the squares of a loss in single precision (at most 3.4e38) near their end.
LARGEST_SCORE = 1e15
# BIOES and IOBES have E and S, for the last word of a mention and for a single one; BILOU L and U.
_BIOES = {"B": "B", "I": "I", "E": "E", "L": "E", "S": "S", "U": "S"}


class Report(Protocol):
    """Where a fault goes: of the example, or of one of its words, counted from 0."""

    def __call__(self, message: str, word: int | None = None) -> None:
        """Note a fault."""


def read_label(
    task: Task, raw: str | tuple[str, ...], scheme: Scheme, report: Report
) -> Label | None:
    """The label that `raw` stands for; None after a fault was reported.

    `raw` is text, or a tuple of texts for tags and for classes given as a list.
    """
    raw = composed(raw) if isinstance(raw, str) else tuple(map(composed, raw))
    if task.kind is TaskKind.TAGGING:
        return _tags(task, raw, scheme, report)
    if task.kind is TaskKind.MULTILABEL:
        return _classes(task, raw, report)
    text = raw if isinstance(raw, str) else ",".join(raw)
    if task.kind is TaskKind.REGRESSION:
        return _score(text, report)
    if text in task.labels:
        return text
    report(_unknown("label", text, task.labels))
    return None


def _unknown(what: str, found: str, allowed: Sequence[str]) -> str:
    return (
        f"unknown {what} {found!r}; allowed: {', '.join(allowed)}{did_you_mean(found, allowed)}"
        " Correct it here or list it in the task's `labels`."
    )


def _score(text: str, report: Report) -> float | None:
    try:
        score = float(text) if "_" not in text else math.nan  # Python would read 1_0 as 10
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        report(f"the score {text!r} is not a finite number; write one such as 3.5")
    elif abs(score) > LARGEST_SCORE:
        report(
            f"the score {text!r} is beyond {LARGEST_SCORE:g}, where squares overflow in training;"
            " give scores in a larger unit, or mend it"
        )
    else:
        return score
    return None


def _classes(task: Task, raw: str | Sequence[str], report: Report) -> tuple[str, ...]:
    divided = next((label for label in task.labels if "," in label), None)
    if isinstance(raw, str) and raw and divided is not None:
        report(
            f"the labels {raw!r} are divided at commas, but the label {divided!r} has one; give"
            " them as a list"
        )
        return ()
    items = map(str.strip, raw.split(",")) if isinstance(raw, str) else raw
    found = _numbered([item for item in items if item], task.labels)
    for name in found:
        if name not in task.labels:
            report(_unknown("label", name, task.labels))
    return tuple(name for name in task.labels if name in found)


def _numbered(found: list[str], labels: Sequence[str]) -> list[str]:
    """The classes that BLUE's `0_1,1_0,...` marks with a 1; anything else as it is."""
    marks = [re.fullmatch(r"(\d+)_([01])", item) for item in found if item not in labels]
    if len(marks) != len(found) or not all(m and int(m[1]) < len(labels) for m in marks):
        return found
    return [labels[int(m[1])] for m in marks if m and m[2] == "1"]


def _tags(task: Task, raw: Sequence[str], scheme: Scheme, report: Report) -> tuple[str, ...]:
    if scheme == "bioes":
        raw = _as_iob2(raw, report)
    only = task.labels[0] if len(task.labels) == 1 else None
    allowed = frozenset(task.tags)
    tags: list[str] = []
    inside = ""  # the type of the mention that an I- may continue
    for word, found in enumerate(raw):
        # Files of one entity type may leave the type out, as BLUE's ShARe/CLEFE does.
        tag = f"{found}-{only}" if only and found in {"B", "I"} else found
        if tag not in allowed:
            report(_unknown_tag(task, found), word)
            tag = "O"
        elif tag[0] == "I" and tag[2:] != inside:
            if scheme == "iob2":
                report(_stray(found, tag[2:], tags), word)
            tag = f"B-{tag[2:]}"
        inside = tag[2:]
        tags.append(tag)
    return tuple(tags)


def _as_iob2(raw: Sequence[str], report: Report) -> list[str]:
    """Tags of BIOES (IOBES, BILOU) in IOB2; mentions that are not begun or ended are reported."""
    tags: list[str] = []
    entity: str | None = None  # of the mention that the next word must continue
    for word, found in enumerate([*raw, "O"]):
        place = _BIOES.get(found[:1]) if found[1:2] in ("", "-") else None
        kind, continues = found[1:], place in ("I", "E")
        if entity is not None and not (continues and kind == entity):
            report(
                f"the tag {raw[word - 1]!r} ends no mention, and no word goes on with it; bioes "
                f"ends one with 'E{entity}', and one word is 'S{entity}'. Correct it, or set "
                "another `scheme`",
                word - 1,
            )
        elif entity is None and continues:
            report(
                f"the tag {found!r} continues no mention; bioes begins one with 'B{kind}', and one "
                f"word is 'S{kind}'. Correct it, or set another `scheme`",
                word,
            )
        begins = place in ("B", "S") or (continues and kind != entity)
        entity = kind if place in ("B", "I") else None
        tags.append(found if place is None else f"{'B' if begins else 'I'}{kind}")
    return tags[:-1]


def _unknown_tag(task: Task, found: str) -> str:
    if found in task.labels and found[1:2] == "-":
        return (
            f"the tag {found!r} stands in the task's `labels`, which are entity types without B-"
            f" and I-; write {found[2:]!r} there"
        )
    return _unknown("tag", found, task.tags)


def _stray(found: str, entity: str, before: Sequence[str]) -> str:
    place = f"after {before[-1]!r}" if before else "at the start of a sentence"
    return (
        f"the tag {found!r} {place} continues no mention; IOB2 begins each one with 'B-{entity}'."
        " Correct it, or set `scheme: iob1` in the source if an I may begin a mention."
    )
