"""What is wrong with one file, collected so that all of it is reported at once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from transfer_study.errors import Problem
from transfer_study.study.characters import code_point
from transfer_study.study.spelling import nearest

SHOWN = 20  # of one file; the rest is counted


class Faults:
    """The faults of one file; the first are spelled out, the others only counted."""

    def __init__(self, file: str, unit: str = "line") -> None:
        self._file = file
        self._unit = unit
        self._shown: list[Problem] = []
        self._more = 0

    def add(self, message: str, line: int | None = None) -> None:
        """Note a fault of the file, or of one of its lines."""
        if len(self._shown) == SHOWN:
            self._more += 1
            return
        where = self._file if line is None else f"{self._file}, {self._unit} {line}"
        self._shown.append(Problem(message, where))

    def __bool__(self) -> bool:
        return bool(self._shown)

    @property
    def problems(self) -> list[Problem]:
        """Every fault found, ready to be raised."""
        if not self._more:
            return self._shown
        return [*self._shown, Problem(f"and {self._more} more faults of this file", self._file)]


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
