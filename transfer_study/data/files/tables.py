"""Files with one example a row: TSV and CSV with a header and RFC 4180 quoting, JSON lines.

No value is interpreted: `None`, `NA`, `true` and `1.0` are the texts that they look like.

A field of TSV or CSV that begins with a quotation mark is quoted: it ends with a mark before a
separator or the line's end, and a mark within it is doubled; other fields may have marks anywhere.
A quoted field holds separators or line breaks, never both: rows between two bare marks, merged into
one of the header's width, would always hold both, and cannot be told from such a field.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from transfer_study.data.files.faults import Faults
from transfer_study.data.files.nested import Nested
from transfer_study.data.files.row_filter import RowFilter
from transfer_study.data.files.rows import Record, Value, missing_columns, parts_of, record_of
from transfer_study.study.characters import composed
from transfer_study.study.tasks.source import Columns
from transfer_study.study.tasks.task import Task

csv.field_size_limit(sys.maxsize)  # of the whole process: a text may be a book


def read_table(
    task: Task,
    columns: Columns,
    rows: Iterator[tuple[int, list[str]]],
    faults: Faults,
    kept: RowFilter,
    header: Sequence[str] | None = None,
) -> Iterator[Record]:
    """The records of `table_rows` under their header line, or under a header given instead."""
    advice = ""
    if header is None:
        _, names = next(rows, (1, []))
        header = [composed(name) for name in names]
        advice = " If the file has no header line, name its columns by the source's `header`."
    parts = parts_of(columns, header)
    needed = parts | kept.columns
    for message in missing_columns(needed, header):
        faults.add(message + advice, 1)
    for name in {name for name in needed.values() if header.count(name) > 1}:
        faults.add(f"the column {name!r} stands twice in the header; rename one", 1)
    if faults:
        return
    for line, row in rows:
        if len(row) == len(header):
            fields = dict(zip(header, row, strict=True))
            if kept.has(fields, line, faults):
                record = record_of(task, fields, parts, line, faults)
                if record:
                    yield record
        else:
            faults.add(wrong_width(row, header), line)


def wrong_width(row: Sequence[str], header: Sequence[str]) -> str:
    """What to say of a row that has more or fewer fields than the header."""
    return (
        f"{len(row)} fields, but the header has {len(header)}; mend the separators, and"
        " quote a field that contains one or that begins with a quotation mark"
    )


def table_rows(text: str, delimiter: str, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table that are not empty, each with its number, the header among them."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            faults.add(
                f"the row cannot be read ({error}); a field that begins with a quotation mark ends"
                ' with one, and the marks within it are doubled: "say ""yes"""',
                line,
            )
            continue
        if row is None:
            return
        if any("\n" in field and delimiter in field for field in row):
            faults.add(
                f"a field that begins with a quotation mark goes on to line {reader.line_num} and"
                " has separators, as rows between two bare marks have; quote the field and double"
                " its marks, or if it is one text, write its line breaks as spaces",
                line,
            )
        elif row:  # an empty line is no row
            yield line, row


def read_jsonl(
    task: Task, columns: Columns, text: str, faults: Faults, kept: RowFilter
) -> Iterator[Record]:
    """The objects of a JSON lines file."""
    for line, content in json_rows(text, faults):
        row = Nested(content)
        parts = parts_of(columns, row)
        needed = parts | kept.columns
        missing = missing_columns(needed, row)
        for message in missing:
            faults.add(message, line)
        if missing:
            continue
        fields = {name: as_value(row[name]) for name in needed.values()}
        if kept.has(fields, line, faults):
            record = record_of(task, fields, parts, line, faults)
            if record:
                yield record


def json_rows(text: str, faults: Faults) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of JSON lines, each with its line; numbers stay the text they are written as."""
    first = text.lstrip().partition("\n")[0].rstrip()
    if first.startswith("[") or first.endswith(("{", "[", ",")):
        faults.add(
            f"not one JSON object a line: the file begins with {first[:40]!r}; lines are made of an"
            " array by `jq -c '.[]' FILE`, of objects over several lines by `jq -c . FILE`"
        )
        return
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
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
        if isinstance(row, dict):
            yield line, row
        else:
            faults.add(f"not a JSON object but {content.strip()[:40]!r}", line)


def _without_duplicates(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in pairs:
        key = composed(name)
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
