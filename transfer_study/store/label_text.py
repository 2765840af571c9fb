"""Labels as text and back, the same in every table."""

from __future__ import annotations

import json
import math

from transfer_study.files import parse_json
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import TaskKind


def label_to_text(label: Label) -> str:
    """A class as itself, a number so that it reads back exactly, several labels as JSON."""
    if isinstance(label, tuple):
        return json.dumps(label, ensure_ascii=False, separators=(",", ":"))
    return label if isinstance(label, str) else repr(float(label))


def label_from_text(kind: TaskKind, text: str) -> Label:
    """The label that `label_to_text` wrote; raises ValueError for what it never writes."""
    if kind is TaskKind.REGRESSION:
        if not math.isfinite(value := float(text)):
            raise ValueError(f"{text} is not a finite number")
        return value
    if kind is TaskKind.CLASSIFICATION:
        return text
    labels = parse_json(text)
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError(f"{text[:60]!r} is not a list of labels")
    return tuple(labels)
