"""Rows that hold keys within keys: `passage.text` is the `text` of `passage`, `a.0` a's first item.

A column whose own name has dots goes before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Nested(Mapping[str, Any]):
    """A row by its columns and the keys within them; it lists those that hold no further keys."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._row = row

    def __getitem__(self, name: str) -> Any:
        return _at(self._row, name)

    def __iter__(self) -> Iterator[str]:
        return _names(self._row, "")

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _at(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        if name in value:
            return value[name]
        for n, sign in enumerate(name):
            if sign == "." and name[:n] in value:
                try:
                    return _at(value[name[:n]], name[n + 1 :])
                except KeyError:
                    continue
    elif isinstance(value, list):
        first, _, rest = name.partition(".")
        if first.isdecimal() and int(first) < len(value):
            return _at(value[int(first)], rest) if rest else value[int(first)]
    raise KeyError(name)


def _names(row: Mapping[str, Any], before: str) -> Iterator[str]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _names(value, f"{before}{name}.")
        else:
            yield before + name
