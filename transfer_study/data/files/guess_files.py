"""Format, columns, kind and labels of files, guessed from their names and all of their lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from transfer_study.data.files.conll import fields_of, heading_of
from transfer_study.data.files.faults import Faults
from transfer_study.data.files.guess_columns import (
    TAG,
    Guessed,
    NoGuessError,
    guess_columns,
    guess_tags,
    looks_like_header,
)
from transfer_study.data.files.nested import Nested
from transfer_study.data.files.plain_text import read_text
from transfer_study.data.files.readers import SPLIT_NAMES
from transfer_study.data.files.rows import Value
from transfer_study.data.files.tables import as_value, json_rows, table_rows
from transfer_study.errors import DataError
from transfer_study.study.characters import composed

_TABLES = {".tsv": "tsv", ".txt": "tsv", ".csv": "csv", ".json": "jsonl", ".jsonl": "jsonl"}
Files = Mapping[str, Path]


def guess_files(files: Files) -> Guessed:
    """Format, columns, kind and labels of the files of a task's splits.

    Raises NoGuessError, or DataError where a file cannot be read.
    """
    texts = {split: read_text(path) for split, path in files.items()}
    form = _format(files["train"], texts["train"])
    if form == "conll":
        return _guess_conll(texts)
    if form == "pubtator":
        return _guess_pubtator(texts)
    tables, source = _tables(form, files, texts)
    guessed = guess_columns([row for rows in tables.values() for row in rows])
    guessed.source = {"format": form, **source, **guessed.source}
    guessed.why["source.format"] = f"by {files['train'].name} and its first lines"
    guessed.why["source.delimiter"] = "what divides the first line"
    guessed.why["source.header"] = "the first line is no header; the names are made up"
    return guessed


def guess_file(path: Path) -> Guessed | None:
    """The same of a file with rows of several splits; None where no column seems to tell them."""
    text = read_text(path)
    form = _TABLES.get(path.suffix.lower())
    if form is None or not text.strip():
        return None
    tables, source = _tables(form, {"train": path}, {"train": text})
    rows = tables["train"]
    for column in rows[0]:
        values = {row.get(column) for row in rows}
        splits = {
            split: sorted(v for v in values if isinstance(v, str) and v.casefold() in names)
            for split, names in SPLIT_NAMES.items()
        }
        if splits["train"] and splits["test"] and sum(map(len, splits.values())) == len(values):
            others = [{k: v for k, v in row.items() if k != column} for row in rows]
            guessed = guess_columns(others)
            split = {"column": column, **splits}
            guessed.source = {"format": form, "split": split, **source, **guessed.source}
            guessed.why["source.format"] = f"by {path.name} and its first lines"
            guessed.why["source.split"] = f"the values of {column!r}"
            return guessed
    return None


def _format(path: Path, text: str) -> str:
    lines = [line for line in text.split("\n")[:500] if line.strip()]
    if lines and re.match(r"[^|\t]+\|[ta]\|", lines[0]):
        return "pubtator"
    form = _TABLES.get(path.suffix.lower(), "conll")
    ends = [line.split()[-1] for line in lines if line[0] not in "#-"]
    if form == "tsv" and sum(TAG.fullmatch(end) is not None for end in ends) > 0.9 * len(ends):
        return "conll"
    return form


def _tables(
    form: str, files: Files, texts: Mapping[str, str]
) -> tuple[dict[str, list[dict[str, Value]]], dict[str, object]]:
    """The rows by split, and what more is to be said of the source."""
    if form == "jsonl":
        return {split: _json(path, texts[split]) for split, path in files.items()}, {}
    usual = "\t" if form == "tsv" else ","
    delimiter = _delimiter(texts["train"], usual)
    tables: dict[str, list[list[str]]] = {}
    for split, path in files.items():
        faults = Faults(str(path))
        tables[split] = [row for _, row in table_rows(texts[split], delimiter, faults)]
        if faults:
            raise DataError(*faults.problems)
        if not tables[split]:
            raise NoGuessError(f"{path.name} has no rows")
    header = _made_up_header(tables)
    source: dict[str, object] = {"delimiter": delimiter} if delimiter != usual else {}
    source |= {"header": header} if header else {}
    rows: dict[str, list[dict[str, Value]]] = {}
    for split, table in tables.items():
        names = header or [composed(name) for name in table.pop(0)]
        if any(len(row) != len(names) for row in table):
            raise NoGuessError(f"rows of {split} have other numbers of fields than its first line")
        rows[split] = [dict(zip(names, row, strict=True)) for row in table]
    if not any(rows.values()):
        raise NoGuessError("the files have no rows")
    return rows, source


def _delimiter(text: str, usual: str) -> str:
    first = text.lstrip().partition("\n")[0]
    return usual if usual in first else max(";|\t,", key=first.count)


def _json(path: Path, text: str) -> list[dict[str, Value]]:
    faults = Faults(str(path))
    rows = [Nested(row) for _, row in json_rows(text, faults)]
    if faults or not rows:
        raise DataError(*faults.problems) if faults else NoGuessError(f"{path.name} has no rows")
    return [{name: as_value(row[name]) for name in row} for row in rows]


def _made_up_header(tables: Mapping[str, list[list[str]]]) -> list[str] | None:
    """Names of the columns where no split has a header line; raises NoGuessError if some have."""
    with_header = {split for split, rows in tables.items() if looks_like_header(rows[0])}
    if not with_header and not any(map(_repeats_its_first, tables.values())):
        return None
    if with_header and with_header != {*tables}:
        raise NoGuessError(
            f"only {', '.join(sorted(with_header))} seems to have a header line; name the columns "
            "of the others by `header`"
        )
    return None if with_header else [f"column{n + 1}" for n in range(len(tables["train"][0]))]


def _repeats_its_first(table: list[list[str]]) -> bool:
    """Whether a value of the first row stands in its column again, as a label does."""
    return any(
        cell == row[n]
        for n, cell in enumerate(table[0] if table else ())
        for row in table[1:]
        if n < len(row)
    )


def _guess_conll(texts: Mapping[str, str]) -> Guessed:
    sentences: list[list[list[str]]] = [[]]
    for content in texts.values():
        lines = content.split("\n")
        usual = next((line for line in lines if line.strip() and line[0] not in "#-"), "")
        for line in [*lines, ""]:
            row = fields_of(line)
            if row and row[0].startswith("#") and len(row) != len(fields_of(usual)):
                continue
            if row and heading_of(row) is None:
                sentences[-1].append(row)
            elif sentences[-1]:
                sentences.append([])
    sentences.pop()
    if not sentences:
        raise NoGuessError("the files have no words")
    width = len(sentences[0][0])
    if any(len(row) != width for sentence in sentences for row in sentence):
        raise NoGuessError("lines have different numbers of columns")
    places = [[row[n] for sentence in sentences for row in sentence] for n in range(width)]
    label = next(
        (n for n in reversed(range(width)) if all(map(TAG.fullmatch, places[n]))), width - 1
    )
    word = next((n for n in range(width) if n != label and not _numbers(places[n])), 0)
    guessed = Guessed(source={"format": "conll"})
    guess_tags(places[label], guessed)
    columns = {"text": word, "label": label}
    others = [n for n in range(width) if n not in (word, label)]
    document = next((n for n in others if _names_documents(sentences, n)), None)
    if document is not None:
        columns["document"] = document
    number = next((n for n in others if n != document and _numbers(places[n])), None)
    if document is not None and number is not None:
        columns["id"] = number
    guessed.source["columns"] = columns
    guessed.why["source.format"] = "a word a line, the last with a tag"
    guessed.why["source.columns"] = "numbers from 0: words, tags, and what else they hold"
    if "scheme" not in guessed.source and any(_strays(sentence, label) for sentence in sentences):
        guessed.source["scheme"] = "iob1"
        guessed.why["source.scheme"] = "an I- begins some mentions"
    return guessed


def _guess_pubtator(texts: Mapping[str, str]) -> Guessed:
    guessed = Guessed(source={"format": "pubtator"})
    lines = [line.split("\t") for text in texts.values() for line in text.split("\n")]
    guess_tags((f"B-{row[4]}" for row in lines if len(row) >= 5), guessed)
    guessed.why |= {"kind": "texts with mentions", "labels": "the types of mentions"}
    guessed.why["source.format"] = "lines ID|t|TITLE"
    return guessed


def _numbers(values: list[str]) -> bool:
    return all(re.fullmatch(r"\d+", value) for value in values)


def _names_documents(sentences: list[list[list[str]]], n: int) -> bool:
    """Whether a column names a document at the first word of sentences and has `-` elsewhere."""
    named = [{row[n] for row in sentence} - {"-"} for sentence in sentences]
    dashes = any(row[n] == "-" for sentence in sentences for row in sentence)
    return dashes and bool(named[0]) and all(len(names) < 2 for names in named)


def _strays(sentence: list[list[str]], label: int) -> bool:
    before = "O"
    for row in sentence:
        tag = row[label]
        if tag[0] == "I" and (before == "O" or before[2:] != tag[2:]):
            return True
        before = tag
    return False


def guess_dataset(folder: Path) -> Guessed:
    """The same of a data set saved by `save_to_disk`."""
    from transfer_study.data.files.hub import saved_rows

    saved = saved_rows(folder)
    usual = {split: [n for n in saved if n in names] for split, names in SPLIT_NAMES.items()}
    splits = {split: found[0] for split, found in usual.items() if found}
    if not {"train", "test"} <= splits.keys():
        raise NoGuessError(f"no splits are named for train and test; found {', '.join(saved)}")
    guessed = guess_columns([row for name in splits.values() for row in saved[name]])
    guessed.source = {"format": "datasets", "splits": splits, **guessed.source}
    guessed.why["source.format"] = "a data set saved by `save_to_disk`"
    guessed.why["source.splits"] = "by their names"
    return guessed
