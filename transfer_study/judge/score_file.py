"""The file of a table of scores: which of its columns has which role, and their fields as text.

No value is interpreted: a task may be called `NA`, `1` or `true`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from transfer_study.data.files.faults import Faults
from transfer_study.data.files.plain_text import decoded
from transfer_study.data.files.tables import table_rows, wrong_width
from transfer_study.errors import DataError, Problem, StudyError
from transfer_study.files import read_regular
from transfer_study.judge.mistakes import Mistakes
from transfer_study.study.characters import composed, shown
from transfer_study.study.spelling import choices, nearest

# What a column holds, by its role, which is also what it is called where nothing else is said.
NEEDED = {
    "source": "what was learned besides the target; empty in the rows of a baseline",
    "target": "the task that is scored",
    "seed": "a whole number for each run of a model",
    "value": "the score",
}
OPTIONAL = ("encoder", "metric", "arm", "reading", "n_test", "constant")
ROLES = (*NEEDED, *OPTIONAL)
_ALSO = {"sources": "source"}
# What else people call what is needed; only to ask whether they mean it.
_LIKELY = {
    "source": ("source_task", "auxiliary", "intermediate_task", "train_task", "trained_on"),
    "target": ("target_task", "task", "dataset", "eval_task", "benchmark"),
    "seed": ("random_seed", "run", "trial", "replicate"),
    "value": ("score", "result", "main_score", "performance", "test_score", "accuracy", "f1"),
}
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_MOST_BYTES = 1 << 34  # a file is held in memory
# The rows of the columns at these places, each with its line.
_RowsOf = Callable[[Sequence[int]], Iterator[tuple[int, Sequence[str]]]]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class ScoreText:
    """The fields of a table by role, an entry a row, trimmed and in composed form (NFC).

    Of an optional role that no column has there is none. `unread` are the columns without a role;
    where it is not `whole`, there are rows that could not be read.
    """

    fields: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    unread: tuple[str, ...]
    whole: bool


def read_text_of_scores(file: Path, named: Mapping[str, str], mistakes: Mistakes) -> ScoreText:
    """The columns of a CSV, TSV or parquet file that have a role; `named` has those renamed.

    Raises StudyError for what is no table, has no rows, or lacks a column.
    """
    faults = Faults(str(file), mistakes.unit)
    parquet = file.suffix.lower() == ".parquet"
    content = _content(file)
    header, rows_of = _parquet(content, file) if parquet else _separated(content, file, faults)
    places = _places(header, named, mistakes)
    mistakes.also(faults.problems)
    mistakes.check()
    lines, picked = [], []
    known: dict[str, str] = {}  # each text once
    for line, texts in rows_of([*places.values()]):
        lines.append(line)
        picked.append([known.get(text) or _clean(text, known) for text in texts])
    mistakes.also(faults.problems)
    if not lines:
        mistakes.check()
        raise StudyError(Problem("the table has no rows; give one a run and target", str(file)))
    unread = [name for n, name in enumerate(header) if n not in places.values()]
    fields = dict(zip(places, zip(*picked, strict=True), strict=True))
    return ScoreText(fields, lines, tuple(unread), not faults)


def _content(file: Path) -> bytes:
    if file.suffix.lower() not in (*_SEPARATORS, ".parquet"):
        raise StudyError(
            Problem(
                "by its name the file is no table of scores; give one that ends in "
                f"{', '.join(_SEPARATORS)} or .parquet",
                str(file),
            )
        )
    try:
        return read_regular(file, _MOST_BYTES)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "there is no such file" if missing else error.strerror
        raise DataError(Problem(f"{reason}; check the path", str(file))) from None


def _clean(text: str, known: dict[str, str]) -> str:
    known[text] = composed(text.strip())
    return known[text]


def _separated(content: bytes, file: Path, faults: Faults) -> tuple[list[str], _RowsOf]:
    """The names of a text's columns, and their rows by line."""
    separator = _SEPARATORS[file.suffix.lower()]
    rows = table_rows(decoded(content, file), separator, faults)
    line, header = next(rows, (1, []))
    if not any(header):
        raise StudyError(Problem("the file is empty; give it a header and rows", str(file)))
    if len(header) == 1 and (found := [c for c in ";,\t" if c in header[0]]):
        raise StudyError(
            Problem(
                f"the header is one column with {found[0]!r} in it; write the table with commas "
                "(.csv) or tabs (.tsv) between its columns",
                f"{file}, line {line}",
            )
        )

    def rows_of(places: Sequence[int]) -> Iterator[tuple[int, Sequence[str]]]:
        for line, row in rows:
            if len(row) != len(header):
                faults.add(wrong_width(row, header), line)
            elif any(row):  # spreadsheets end with rows of nothing but separators
                yield line, [row[place] for place in places]

    return [composed(name.strip()) for name in header], rows_of


def _parquet(content: bytes, file: Path) -> tuple[list[str], _RowsOf]:
    """The names of a parquet file's columns, and their rows counted from 1."""

    def readable(read: Callable[[], T]) -> T:
        try:
            return read()
        except (OSError, ValueError, NotImplementedError) as error:  # Arrow's are some of these
            first = shown(next(iter(str(error).splitlines()), type(error).__name__))
            said = f"not a parquet table of texts and numbers ({first}); write it anew"
            raise DataError(Problem(said, str(file))) from None

    table = readable(lambda: pq.ParquetFile(pa.BufferReader(content)).read())

    def rows_of(places: Sequence[int]) -> Iterator[tuple[int, Sequence[str]]]:
        columns = readable(lambda: [_texts(table.column(place)) for place in places])
        return enumerate(zip(*columns, strict=True), start=1)

    return [composed(name.strip()) for name in table.column_names], rows_of


def _texts(column: pa.ChunkedArray) -> list[str]:
    """A column as text: nothing for what is null, a list as JSON has it."""
    if pa.types.is_nested(column.type):
        return [
            json.dumps(v, ensure_ascii=False, default=str) if v else "" for v in column.to_pylist()
        ]
    # The shortest text of a number in its own precision: 0.3725, and not 0.37250000238.
    return [text or "" for text in column.cast(pa.string()).to_pylist()]


def _places(header: list[str], named: Mapping[str, str], mistakes: Mistakes) -> dict[str, int]:
    """The place of each role's column in the header; what is wrong with them is a mistake."""
    wanted: dict[str, str] = {}
    for word, column in named.items():
        role = _ALSO.get(word, word)
        if role not in ROLES:
            mistakes.add(f"--column: found the role {word!r}; {choices(word, ROLES)}")
        elif column not in header:
            mistakes.add(
                f"--column {word}={column}: the table has no such column; {choices(column, header)}"
            )
        wanted[role] = column
    for role in ROLES:
        found = [
            name for name in (role, *_ALSO) if _ALSO.get(name, name) == role and name in header
        ]
        if role in wanted:
            continue
        if len(found) > 1:
            mistakes.add(
                f"the table has the columns {' and '.join(found)}; say which it is by "
                f"--column {role}=NAME"
            )
        if found:
            wanted[role] = found[0]
        elif role in NEEDED:
            mistakes.add(_missing(role, [n for n in header if n not in wanted.values()], header))
    wanted = {role: column for role, column in wanted.items() if role in ROLES}
    for role, column in wanted.items():
        others = [other for other in wanted if other != role and wanted[other] == column]
        if header.count(column) > 1:
            mistakes.add(f"the column {column!r} stands twice in the header; rename one")
        elif others and [*wanted].index(role) < [*wanted].index(others[0]):
            mistakes.add(
                f"the column {column!r} is named for {role} and for {' and '.join(others)}; a role "
                "has a column of its own"
            )
    return {role: header.index(column) for role, column in wanted.items() if column in header}


def _missing(role: str, free: Sequence[str], header: Sequence[str]) -> str:
    """That a column is needed, those there are, and which of the free ones may be meant."""
    by_lower = {name.lower(): name for name in free}
    likely = [by_lower[name] for name in _LIKELY[role] if name in by_lower]
    near = nearest(role, free) or next(iter(likely), None)
    said = f"--column {role}={near or 'NAME'}"
    return (
        f"the table has no column {role!r} ({NEEDED[role]}); found {', '.join(header) or 'none'}; "
        + (f"did you mean {near!r}? Then give {said}" if near else f"say which it is by {said}")
    )
