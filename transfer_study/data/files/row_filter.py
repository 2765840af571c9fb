"""Which rows of a source belong to a split, and which are left out by their values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from transfer_study.data.files.faults import Faults
from transfer_study.data.files.rows import Value
from transfer_study.study.tasks.source import SPLITS, DatasetsSource, FileSource, SplitName


class RowFilter:
    """The rows of one split; `left_out` counts those that are not read, by column and value."""

    def __init__(self, source: FileSource | DatasetsSource, split: SplitName) -> None:
        self._leave_out = source.leave_out or {}
        self._column = source.split if isinstance(source, FileSource) else None
        self._split: SplitName = split
        self.left_out: Counter[str] = Counter(
            {_named(name, value): 0 for name, values in self._leave_out.items() for value in values}
        )

    @property
    def columns(self) -> dict[str, str]:
        """The columns that it looks at, by the key of the source that names them."""
        columns = {f"leave_out.{name}": name for name in self._leave_out}
        return columns | ({"split.column": self._column.column} if self._column else {})

    def has(self, fields: Mapping[str, Value], line: int, faults: Faults) -> bool:
        """Whether a row is read; a fault is noted where its split is not known."""
        if self._column is not None:
            value = _text(fields[self._column.column])
            splits = {name: getattr(self._column, name) for name in SPLITS}
            found = next((name for name, values in splits.items() if value in values), None)
            if found is None and self._left_out(fields) is None:
                known = ", ".join(value for values in splits.values() for value in values)
                faults.add(
                    f"{self._column.column!r} has {value!r}, which is of no split; known: {known}. "
                    "List it under `split` as `train`, `dev` or `test`, or under `leave_out`",
                    line,
                )
            if found != self._split:
                return False
        reason = self._left_out(fields)
        if reason is not None:
            self.left_out[reason] += 1
        return reason is None

    def _left_out(self, fields: Mapping[str, Value]) -> str | None:
        for name, values in self._leave_out.items():
            value = _text(fields[name])
            if value in values:
                return _named(name, value)
        return None


def _text(value: Value) -> str | None:
    """A field as it is compared: a missing one as an empty one, a list of one as that one."""
    if isinstance(value, tuple):
        return value[0] if len(value) == 1 else None
    return value or ""


def _named(column: str, value: str | None) -> str:
    return f"rows with {column} {value!r}"
