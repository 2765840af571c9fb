"""One file of answers: the columns of a parquet, JSON lines or CSV file, a row an example.

In JSON lines, `doc.article` is a key within a key.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.parquet as pq

from transfer_study.data.files.faults import Faults
from transfer_study.data.files.nested import Nested
from transfer_study.data.files.plain_text import read_text
from transfer_study.data.files.rows import Value
from transfer_study.data.files.tables import as_value, json_rows
from transfer_study.errors import DataError
from transfer_study.files import regular_file
from transfer_study.study.characters import composed, fault_of_name, shown
from transfer_study.study.spelling import did_you_mean
from transfer_study.study.tasks.kinds.kind import Raw

# What a column holds, and what it is called where nothing else is said.
ROLES: Mapping[str, str] = MappingProxyType(
    {"id": "id", "gold": "gold", "prediction": "prediction", "document": "document"}
)
OPTIONAL = frozenset({"document"})
# The rows of a file, each with its line; a parquet file counts rows.
Rows = Iterator[tuple[int, Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class AnswerColumns:
    """What a file holds, an entry a row; numbers are the texts that they are written as.

    Nothing is missing, and ids differ. `documents` are None where the file has none.
    """

    path: Path
    unit: str
    lines: list[int]
    ids: list[str]
    gold: list[Raw]
    predicted: list[Raw]
    documents: list[str] | None

    def faults(self) -> Faults:
        """Where faults of this file go."""
        return Faults(str(self.path), self.unit)


def read_columns(path: Path, names: Mapping[str, str] = ROLES) -> AnswerColumns:
    """Read a file of answers; `names` are its columns by the roles in ROLES.

    Other columns are left alone. A document may be missing, if all are. Raises DataError with what
    is wrong, by its line.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path} is no file of answers by its name; allowed: {', '.join(_READERS)}")
    unit = "row" if path.suffix.lower() == ".parquet" else "line"
    faults = Faults(str(path), unit)
    found = AnswerColumns(path, unit, [], [], [], [], None)
    found = _filled(found, reader(path, faults), names, faults)
    if not (found.ids or faults):
        faults.add("there are no rows; give one row an example, or leave the file out")
    first: dict[str, int] = {}
    for name, line in zip(found.ids, found.lines, strict=True):
        if first.setdefault(name, line) != line:
            faults.add(f"found the id {name!r} twice, first in {unit} {first[name]}", line)
    if faults:
        raise DataError(*faults.problems)
    return found


def _filled(
    empty: AnswerColumns, rows: Rows, names: Mapping[str, str], faults: Faults
) -> AnswerColumns:
    """The columns with all rows that lack nothing; what others lack is noted."""
    documents: list[str] = []
    without = 0  # a line that has no document
    for line, row in rows:
        values: dict[str, Value] = {}
        for role, name in names.items():
            if name in row:
                values[role] = as_value(row[name])
            elif role not in OPTIONAL or name != ROLES[role]:
                faults.add(
                    f"no column {name!r}, which holds the {role}; found: "
                    f"{', '.join(map(shown, row))}{did_you_mean(name, row)} Rename it, or say "
                    f"which it is by --column {role}=NAME",
                    line,
                )
        if not values.keys() >= ROLES.keys() - OPTIONAL:
            break  # once is enough to say
        unfit = {role: fault for role, value in values.items() if (fault := _unfit(role, value))}
        for role, fault in unfit.items():
            faults.add(f"the {role} (column {names[role]!r}) {fault}", line)
        if not unfit:
            empty.lines.append(line)
            empty.ids.append(_text(values["id"]))
            empty.gold.append(_composed(values["gold"]))
            empty.predicted.append(_composed(values["prediction"]))
        if "document" in values:
            documents.append(_text(values["document"]))
        else:
            without = without or line
    if documents and without:
        faults.add("the document is missing, which other rows have; fill it in", without)
    return replace(empty, documents=documents or None)


def _text(value: Value) -> str:
    return composed(str(value))


def _composed(value: Value) -> Raw:
    return tuple(map(composed, value)) if isinstance(value, tuple) else _text(value)


def _unfit(role: str, value: Value) -> str | None:
    """Why a value is not what its column holds, as the end of a sentence."""
    one = role in ("id", "document")
    if value is None:
        return "is missing, or neither a text, a number nor a list of these; fill it in"
    if isinstance(value, tuple):
        if one:
            return "is a list; give one text or number"
        empty = any(not item.strip() or item.casefold() == "nan" for item in value)
        return "has an empty item; fill it in" if empty else None
    if not value.strip():
        return "is empty; fill it in, or remove the example from all files"
    if not one and value.casefold() == "nan":
        return f"is {value}; mend it, or remove the example from all files"
    return f"has {fault}" if one and (fault := fault_of_name(value)) else None


def _parquet(path: Path, faults: Faults) -> Rows:
    try:
        with regular_file(path) as file:
            table = pq.read_table(file, use_threads=False)
    except FileNotFoundError:
        faults.add("there is no such file; check the path")
        return
    except (pa.ArrowException, OSError, ValueError) as error:
        said = next(iter(str(error).splitlines()), "")[:200]
        faults.add(f"no readable parquet file ({said}); write it again")
        return
    names = [composed(name) for name in table.column_names]
    for row, batch in enumerate(_rows_of(table), start=1):
        yield row, dict(zip(names, batch, strict=True))


def _rows_of(table: pa.Table) -> Iterator[tuple[object, ...]]:
    for batch in table.to_batches():
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _json_lines(path: Path, faults: Faults) -> Rows:
    for line, row in json_rows(read_text(path), faults):
        yield line, Nested(row)


def _delimited(delimiter: str) -> Callable[[Path, Faults], Rows]:
    def rows(path: Path, faults: Faults) -> Rows:
        # Unlike a corpus, answers are found by their ids: a quoted text of several lines may pass.
        reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter)
        lines = _numbered(reader)
        _, header = next(lines, (1, []))
        names = [composed(name.strip()) for name in header]
        if twice := next((name for name in names if name and names.count(name) > 1), None):
            faults.add(f"the column {twice!r} stands twice in the header; rename one", 1)
            return
        for line, row in lines:
            if len(row) == len(names):
                yield line, dict(zip(names, row, strict=True))
            elif row:
                faults.add(
                    f"{len(row)} fields, but the header has {len(names)}; mend the separators, and"
                    " quote a field that contains one",
                    line,
                )

    return rows


def _numbered(reader: Iterable[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Rows, each with the line on which it begins."""
    line = 1
    for row in reader:
        yield line, row
        line = reader.line_num + 1  # type: ignore[attr-defined]


_READERS: Mapping[str, Callable[[Path, Faults], Rows]] = MappingProxyType(
    {
        ".parquet": _parquet,
        ".jsonl": _json_lines,
        ".csv": _delimited(","),
        ".tsv": _delimited("\t"),
    }
)
