"""The end of a sentence about a wrong word: what is allowed, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache

from transfer_study.study.characters import code_point


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


def did_you_mean(found: str, allowed: Iterable[str]) -> str:
    """The nearest allowed spelling as the end of a sentence, or its full stop."""
    return _did_you_mean(found, tuple(allowed))


@lru_cache(maxsize=1024)  # a wrong label often stands in every row of a file
def _did_you_mean(found: str, allowed: tuple[str, ...]) -> str:
    near = nearest(found, allowed)
    return f"; did you mean {near!r}{_difference(found, near)}?" if near else "."


def _difference(found: str, near: str) -> str:
    """The numbers of two letters that differ and may look the same, as those of two scripts may."""
    if len(found) != len(near):
        return ""
    for one, other in zip(found, near, strict=True):
        if one.casefold() != other.casefold() and not (one + other).isascii():
            return f" (with {code_point(other)} where this has {code_point(one)})"
    return ""
