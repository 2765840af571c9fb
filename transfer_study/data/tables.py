"""Files with one example a row: TSV and CSV with a header and RFC 4180 quoting, JSON lines.

No value is interpreted: `None`, `NA`, `true` and `1.0` are the texts that they look like.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from transfer_study.data.faults import Faults
from transfer_study.data.records import Record, Value, missing_columns, parts_of, record_of
from transfer_study.spec.task import Columns, Task


def read_table(
    task: Task, columns: Columns, text: str, delimiter: str, faults: Faults
) -> Iterator[Record]:
    """The rows of a TSV or CSV file under its header line."""
    rows = _rows(text, delimiter, faults)
    _, header = next(rows, (1, []))
    parts = parts_of(columns, header)
    for message in missing_columns(parts, header):
        faults.add(message, 1)
    for name in {name for name in parts.values() if header.count(name) > 1}:
        faults.add(f"the column {name!r} stands twice in the header; rename one", 1)
    if faults:
        return
    for line, row in rows:
        if len(row) == len(header):
            record = record_of(task, dict(zip(header, row, strict=True)), parts, line, faults)
            if record:
                yield record
        else:
            faults.add(
                f"{len(row)} fields, but the header has {len(header)}; mend the separators, and"
                " quote a field that contains one or that begins with a quotation mark",
                line,
            )


def _rows(text: str, delimiter: str, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            faults.add(
                f"the row cannot be read ({error}); a field that contains a quotation mark is"
                ' quoted and its marks are doubled: "say ""yes"""',
                line,
            )
            continue
        if row is None:
            return
        if row:  # an empty line is no row
            yield line, row


def read_jsonl(task: Task, columns: Columns, text: str, faults: Faults) -> Iterator[Record]:
    """The objects of a JSON lines file."""
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            # Numbers stay the text they are written as.
            row = json.loads(
                content,
                parse_int=str,
                parse_float=str,
                parse_constant=str,
                object_pairs_hook=_without_duplicates,
            )
        except (ValueError, RecursionError) as error:
            faults.add(f"not a JSON object: {error}", line)
            continue
        if not isinstance(row, dict):
            faults.add(f"not a JSON object but {content.strip()[:40]!r}", line)
            continue
        parts = parts_of(columns, row)
        missing = missing_columns(parts, row)
        for message in missing:
            faults.add(message, line)
        fields = {name: as_value(value) for name, value in row.items()}
        record = None if missing else record_of(task, fields, parts, line, faults)
        if record:
            yield record


def _without_duplicates(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for key, value in pairs:
        if key in row:
            raise ValueError(f"the key {key!r} stands twice; keep one")
        row[key] = value
    return row


def as_value(value: object) -> Value:
    """A typed value as a field: numbers and truth values as JSON writes them, lists as tuples."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        items = [None if isinstance(item, list | tuple) else as_value(item) for item in value]
        texts = tuple(item for item in items if isinstance(item, str))
        return texts if len(texts) == len(items) else None
    return None
