"""The rows of a file of answers, in whichever of the formats it is: a mapping by column each.

In JSON lines, `doc.article` is a key within a key.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from transfer_study.data.files.faults import Faults
from transfer_study.data.files.nested import Nested
from transfer_study.data.files.plain_text import read_text
from transfer_study.data.files.tables import json_rows
from transfer_study.files import regular_file
from transfer_study.judge.readers.trainer import predictions_of
from transfer_study.study.characters import composed

# The rows of a file, each with its line, or its number where a format has no lines.
Rows = Iterator[tuple[int, Mapping[str, Any]]]


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


def _run_glue(path: Path, faults: Faults) -> Rows:
    """What run_glue.py of transformers writes (predict_results_TASK.txt): index and prediction."""
    for line, row in _delimited("\t")(path, faults):
        yield line, {"id": row["index"], **row} if "index" in row else row


READERS: Mapping[str, Callable[[Path, Faults], Rows]] = MappingProxyType(
    {
        ".parquet": _parquet,
        ".jsonl": _json_lines,
        ".csv": _delimited(","),
        ".tsv": _delimited("\t"),
        ".txt": _run_glue,
        ".npz": predictions_of,
    }
)
