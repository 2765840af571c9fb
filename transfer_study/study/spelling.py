"""The end of a sentence about a wrong word: what is allowed, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def choices(found: str, allowed: Iterable[str]) -> str:
    """The nearest allowed word, if one is near, and all of them."""
    words = list(allowed)
    near = nearest(found, words)
    listed = f"llowed: {', '.join(words)}"
    return f"did you mean {near!r}? A{listed}" if near else f"a{listed}"


def nearest(found: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that looks most like the one found, whatever its case."""
    by_lower = {word.lower(): word for word in allowed}
    close = get_close_matches(found.strip().lower(), by_lower, n=1)
    return by_lower[close[0]] if close else None
