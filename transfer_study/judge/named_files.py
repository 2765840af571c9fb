"""Which file has the answers of which run: a table says so, or the files' own names do."""

from __future__ import annotations

import csv
import glob
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from transfer_study.data.files.plain_text import read_text
from transfer_study.errors import Problem, StudyError
from transfer_study.judge.runs import PARTS, SaidRun, said_run
from transfer_study.study.characters import composed, shown
from transfer_study.study.spelling import did_you_mean

_NEEDED = ("encoder", "source", "target", "seed", "file")
_FIELD = re.compile(r"\{(\w*)\}|(\*)")
# What {date} stands for: a moment as lm-evaluation-harness writes it.
DATE = r"\d{4}-\d\d-\d\dT[\d.:-]+"
# What a name that says nothing of it is taken for.
_UNSAID = {"encoder": "model", "source": "", "seed": "0"}


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """A file of answers, and the run that they are of."""

    run: SaidRun
    path: Path


def files_of_table(table: Path) -> list[AnswerFile]:
    """The files that a CSV table names, relative to its folder, with one row a file.

    Its columns are encoder, source (empty, `none` or `alone` of a baseline; several joined by `+`),
    target, seed and file; arm and reading may be there. Raises StudyError with all that is wrong.
    """
    reader = csv.reader(io.StringIO(read_text(table), newline=""), strict=True)
    header = [composed(name.strip()) for name in next(reader, [])]
    allowed = (*_NEEDED, "arm", "reading")
    found = ", ".join(map(shown, header))
    problems = [
        Problem(f"no column {name!r}; found: {found}{did_you_mean(name, header)}", here)
        for here in [f"{table}, line 1"]
        for name in _NEEDED
        if name not in header
    ]
    problems += [
        Problem(
            f"found the column {name!r} {'twice' if name in allowed else 'that nothing reads'}; "
            f"allowed: {', '.join(allowed)}",
            f"{table}, line 1",
        )
        for name in dict.fromkeys(header)
        if name not in allowed or header.count(name) > 1
    ]
    if problems:
        raise StudyError(*problems)
    files = []
    while True:
        where = f"{table}, line {reader.line_num + 1}"
        try:
            row = next(reader, None)
            if row is None:
                break
            if not row:
                continue
            if len(row) != len(header):
                raise StudyError(
                    Problem(f"{len(row)} fields, but the header has {len(header)}", where)
                )
            said = dict(zip(header, row, strict=True))
            if not said["file"].strip():
                raise StudyError(Problem("the file is empty; name it", where))
            files.append(AnswerFile(said_run(said, where), table.parent / said["file"].strip()))
        except csv.Error as error:
            problems.append(Problem(f"the row cannot be read ({error}); mend its quotes", where))
        except StudyError as error:
            problems += error.problems
    return _each_once(files, problems, str(table))


def files_of_patterns(patterns: Sequence[str], folder: Path) -> list[AnswerFile]:
    """The files below a folder whose names fit a pattern: `{source}-to-{target}-s{seed}.csv`.

    A pattern has {target}, and what else of {encoder}, {source}, {seed}, {arm} and {reading} names
    say; `*` is what says nothing, {date} such as 2026-11-28T01-46-42.7 alone. They stand for at
    least one sign and no `/`, a field that is there again for what it was before. A baseline's
    source is `none` or `alone`, or it has a pattern of its own, without {source}. What
    no name says is the encoder `model`, seed 0. Raises StudyError for a pattern that nothing fits,
    for a name that can be divided in several ways, and for one that fits two patterns.
    """
    files: list[AnswerFile] = []
    problems: list[Problem] = []
    for pattern in patterns:
        try:
            files += _matching(pattern, folder)
        except StudyError as error:
            problems += error.problems
    return _each_once(files, problems, " and ".join(patterns))


def _matching(pattern: str, folder: Path) -> list[AnswerFile]:
    fields = dict.fromkeys(match[1] for match in _FIELD.finditer(pattern) if match[1] is not None)
    wrong = [name for name in fields if name not in (*PARTS, "date")]
    if wrong or "target" not in fields:
        field = f"the field {{{wrong[0]}}}" if wrong else "no {target}"
        raise StudyError(
            Problem(
                f"found {field} in the pattern {pattern!r}; give {{target}} and of "
                f"{', '.join(f'{{{part}}}' for part in PARTS if part != 'target')} what names say"
            )
        )
    pattern = Path(pattern).as_posix()
    if Path(pattern).is_absolute():
        folder, pattern = Path("/"), pattern.lstrip("/")
    texts = [text for text in _pieces(pattern) if text is not None]
    wild = re.sub(r"\*+", "*", "*".join(map(glob.escape, texts)))
    shortest, longest = (_regular(pattern, size) for size in ("+?", "+"))
    paths = sorted((path.relative_to(folder).as_posix(), path) for path in folder.glob(wild))
    fits = [(path, shortest.fullmatch(name), longest.fullmatch(name)) for name, path in paths]
    if not any(one for _, one, _ in fits):
        raise StudyError(
            Problem(f"no file in {folder} fits the pattern {pattern!r}; mend it or the folder")
        )
    files, problems = [], list[Problem]()
    for path, one, other in fits:
        if one is None or other is None:
            continue
        if one.groupdict() != other.groupdict():
            part = next(part for part in one.groupdict() if one[part] != other[part])
            problems.append(
                Problem(
                    f"the pattern {pattern!r} fits this name in several ways: its {part} may be "
                    f"{one[part]!r} or {other[part]!r}; name the files by a table instead",
                    str(path),
                )
            )
            continue
        try:
            files.append(AnswerFile(said_run(_UNSAID | one.groupdict(), str(path)), path))
        except StudyError as error:
            problems += error.problems
    if problems:
        raise StudyError(*problems)
    return files


def _pieces(pattern: str) -> Iterator[str | None]:
    """The texts of a pattern, and None for each field or star between two."""
    end = 0
    for match in _FIELD.finditer(pattern):
        yield pattern[end : match.start()]
        yield None
        end = match.end()
    yield pattern[end:]


def _regular(pattern: str, size: str) -> re.Pattern[str]:
    expression, before = "", set[str]()
    fields = iter([match[1] for match in _FIELD.finditer(pattern)])
    for text in _pieces(pattern):
        if text is not None:
            expression += re.escape(text)
            continue
        name = next(fields)
        if not name or name == "date":
            expression += DATE if name else f"[^/]{size}"
        else:
            expression += f"(?P={name})" if name in before else f"(?P<{name}>[^/]{size})"
            before.add(name)
    return re.compile(expression, re.DOTALL)


def _each_once(files: list[AnswerFile], problems: list[Problem], named: str) -> list[AnswerFile]:
    """The files, if nothing is wrong with them and none is named twice; raises StudyError."""
    first: dict[Path, SaidRun] = {}
    for file in files:
        before = first.setdefault(file.path.resolve(), file.run)
        if before is not file.run:
            problems.append(
                Problem(
                    f"found the file {file.path} twice: for {before.shown} (seed {before.seed}) and"
                    f" for {file.run.shown} (seed {file.run.seed}); a run has a file of its own",
                    file.run.where,
                )
            )
    if not (files or problems):
        problems.append(Problem("no file is named; add a row for each", named))
    if problems:
        raise StudyError(*problems)
    return files
