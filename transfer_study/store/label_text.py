"""Labels as text, the same in every table; a task kind's `from_text` reads them back."""

from __future__ import annotations

import json

from transfer_study.study.tasks.example import Label


def label_to_text(label: Label) -> str:
    """A class as itself, a number so that it reads back exactly, several labels as JSON."""
    if isinstance(label, tuple):
        return json.dumps(label, ensure_ascii=False, separators=(",", ":"))
    return label if isinstance(label, str) else repr(float(label))
