"""One file of answers as columns, checked: an entry an example, nothing missing, no id twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from transfer_study.data.files.faults import Faults
from transfer_study.data.files.rows import Value
from transfer_study.data.files.tables import as_value
from transfer_study.errors import DataError
from transfer_study.judge.answer_rows import READERS, Rows
from transfer_study.metrics.measurable import listed
from transfer_study.points import counted
from transfer_study.study.characters import composed, fault_of_name, shown
from transfer_study.study.spelling import did_you_mean
from transfer_study.study.tasks.kinds.kind import Raw

# What a column holds, and what it is called where nothing else is said.
ROLES: Mapping[str, str] = MappingProxyType(
    {"id": "id", "gold": "gold", "prediction": "prediction", "document": "document"}
)
OPTIONAL = frozenset({"document"})


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


def read_columns(
    path: Path, names: Mapping[str, str] = ROLES, key: AnswerColumns | None = None
) -> AnswerColumns:
    """Read a file of answers; `names` are its columns by the roles in ROLES.

    Other columns are left alone. A document may be missing, if all are. Where the file has no gold
    labels, they and the documents are those of `key` (see `read_key`). Raises DataError with what
    is wrong, by its line.
    """

    def with_key(rows: Rows, faults: Faults) -> Rows:
        return rows if key is None else _with(key, rows, names, faults)

    return _read(path, names, with_key, key)


def read_key(path: Path, names: Mapping[str, str] = ROLES) -> AnswerColumns:
    """Read the gold labels of a target; without a column of ids, rows are numbered from 0."""

    def numbered(rows: Rows, _: Faults) -> Rows:
        for number, (line, row) in enumerate(rows):
            yield line, row if names["id"] in row else {**row, names["id"]: str(number)}

    return _read(path, {**names, "prediction": names["gold"]}, numbered)


def _read(
    path: Path,
    names: Mapping[str, str],
    made: Callable[[Rows, Faults], Rows],
    key: AnswerColumns | None = None,
) -> AnswerColumns:
    """The columns of what is made of a file's rows, whose ids are those of `key`, if given."""
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise DataError(f"{path} is no file of answers by its name; allowed: {', '.join(READERS)}")
    unit = {".parquet": "row", ".npz": "example"}.get(suffix, "line")
    faults = Faults(str(path), unit)
    found = AnswerColumns(path, unit, [], [], [], [], None)
    found = _filled(found, made(READERS[suffix](path, faults), faults), names, faults)
    if not (found.ids or faults):
        faults.add("there are no rows; give one row an example, or leave the file out")
    first: dict[str, int] = {}
    for name, line in zip(found.ids, found.lines, strict=True):
        if first.setdefault(name, line) != line:
            faults.add(f"found the id {name!r} twice, first in {unit} {first[name]}", line)
    lacking = [name for name in key.ids if name not in first] if key else []
    if key and lacking and not faults:
        faults.add(f"lacks {counted(len(lacking), 'example')} of {key.path}: {listed(lacking)}")
    if faults:
        raise DataError(*faults.problems)
    return found


def _with(key: AnswerColumns, rows: Rows, names: Mapping[str, str], faults: Faults) -> Rows:
    """The rows with gold labels and documents by id; those of a file that has some are its own."""
    place = {name: n for n, name in enumerate(key.ids)}
    for line, row in rows:
        known = place.get(_text(as_value(row[names["id"]]))) if names["id"] in row else None
        if known is None and names["id"] in row:
            faults.add(f"found the id {row[names['id']]!r}, which {key.path} lacks", line)
            continue
        held: dict[str, object] = {}
        if known is not None:
            held[names["gold"]] = key.gold[known]
            if key.documents is not None:
                held[names["document"]] = key.documents[known]
        yield line, held | dict(row)


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
