"""Several tasks as one word of a table; no task's name has a plus."""

from __future__ import annotations

from collections.abc import Iterable

_PLUS = "+"


def joined(names: Iterable[str]) -> str:
    """The names as one word, empty for none."""
    return _PLUS.join(names)


def apart(word: str) -> tuple[str, ...]:
    """The names that are joined in it."""
    return tuple(word.split(_PLUS)) if word else ()
