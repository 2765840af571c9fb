"""Labels as text and back, the same in every table."""

from __future__ import annotations

import json

from transfer_study.spec.example import Label
from transfer_study.spec.task import TaskKind


def label_to_text(label: Label) -> str:
    """A class as itself, a number so that it reads back exactly, several labels as JSON."""
    if isinstance(label, tuple):
        return json.dumps(label, ensure_ascii=False, separators=(",", ":"))
    return label if isinstance(label, str) else repr(float(label))


def label_from_text(kind: TaskKind, text: str) -> Label:
    """The label that `label_to_text` wrote."""
    if kind is TaskKind.REGRESSION:
        return float(text)
    if kind is TaskKind.CLASSIFICATION:
        return text
    return tuple(json.loads(text))
