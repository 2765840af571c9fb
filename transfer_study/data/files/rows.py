"""From the fields of a row to an example: columns, ids and documents, the same for all formats."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from transfer_study.data.files.faults import Faults
from transfer_study.study.characters import composed, fault_of_name, fault_of_text, shown
from transfer_study.study.spelling import did_you_mean
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.kinds.kind import Raw, Report
from transfer_study.study.tasks.source import Columns, DatasetsSource, FileSource
from transfer_study.study.tasks.task import Task

# A field: text, a list of texts, or neither.
Value = str | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Record:
    """One example as its file has it, from `line` on; with `line_a_word` each word has a line.

    `document` is a name that the file gives; what it only sets apart is a `stretch`.
    """

    line: int
    text: tuple[str, ...]
    label: Raw
    id: str | None
    document: str | None
    stretch: str | None = None
    line_a_word: bool = False
    candidates: tuple[str, ...] = ()

    def reporter(self, faults: Faults) -> Report:
        """Where this example's faults go."""

        def report(message: str, word: int | None = None) -> None:
            if word is None:
                faults.add(message, self.line)
            elif self.line_a_word:
                faults.add(message, self.line + word)
            else:
                faults.add(f"word {word + 1}: {message}", self.line)

        return report


def parts_of(columns: Columns, found: Collection[str]) -> dict[str, str]:
    """The names of the columns to read, by the part of an example that they hold.

    Of several columns with a candidate each, the parts are `candidates.0`, `candidates.1`, ...
    """
    labels = (columns.label,) if isinstance(columns.label, str) else columns.label
    parts = {
        "text": columns.text,
        "text2": columns.text2,
        "label": next((name for name in labels if name in found), labels[0]),
        "id": columns.id,
        "document": columns.document,
    }
    if isinstance(columns.candidates, tuple):
        parts |= {f"candidates.{n}": name for n, name in enumerate(columns.candidates)}
    else:
        parts["candidates"] = columns.candidates
    return {part: name for part, name in parts.items() if name is not None}


def missing_columns(parts: Mapping[str, str], found: Collection[str]) -> list[str]:
    """A sentence for every column that should be there and is not.

    `parts` are columns by the part of an example that they hold, or by the source's key.
    """
    return [
        f"no column {name!r}; found: {', '.join(map(shown, found))}{did_you_mean(name, found)}"
        + (
            f" Set `{part.partition('.')[0]}` under the source's `columns` to the right one."
            if part.partition(".")[0] in Columns.model_fields
            else f" Mend `{part}` in the source."
        )
        for part, name in parts.items()
        if name not in found
    ]


def record_of(
    task: Task, fields: Mapping[str, Value], parts: Mapping[str, str], line: int, faults: Faults
) -> Record | None:
    """The record of a row that has all the columns; None after a fault was noted."""
    values: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for part, name in parts.items():
        value = fields[name]
        must_list = task.kind.lists.get(part)  # None: it may not
        if isinstance(value, tuple) and part == "label" and must_list is None and len(value) == 1:
            value = value[0]  # as in BigBIO, whose text tasks all have lists
        if isinstance(value, tuple) and must_list is not None:
            lists[part] = value
        elif isinstance(value, str) and not must_list:
            values[part] = value
        else:
            shape = "a list of texts" if must_list else "text"
            several = part == "label" and isinstance(value, tuple) and len(value) > 1
            several &= not task.kind.candidates
            faults.add(
                f"{name!r} ({part}) must be {shape} in a {task.kind} task; found {_kind(value)}"
                + (", which `kind: multilabel` reads" if several else ""),
                line,
            )
            return None
    words = lists.get("text") or tuple(values[part] for part in ("text", "text2") if part in values)
    label = lists["label"] if "label" in lists else values["label"]
    if task.kind.words and len(words) != len(label):
        faults.add(f"{len(words)} words but {len(label)} tags; give every word one tag", line)
        return None
    apart = (text for part, text in values.items() if part.startswith("candidates."))
    candidates = list(lists.get("candidates", apart))
    while candidates and not candidates[-1].strip():
        candidates.pop()  # rows may have fewer than there are columns
    names = values.get("id"), values.get("document")
    return Record(line, words, label, *names, candidates=tuple(candidates))


def _kind(value: Value) -> str:
    if isinstance(value, tuple):
        return f"a list of {len(value)}"
    return "text" if isinstance(value, str) else "neither text nor a list of texts"


def examples_of(
    task: Task,
    split: str,
    source: FileSource | DatasetsSource,
    records: Iterable[Record],
    faults: Faults,
) -> list[Example]:
    """The examples of a split; what is wrong with them is noted in `faults`.

    A pair may lack its second text, as one of RQE does; its first text, a sentence and a word
    may not be empty, nor may the second texts of a whole file.
    """
    examples: list[Example] = []
    seen: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        report = record.reporter(faults)
        _check_text(task, record, report)
        _check_characters(task, record, report)
        raw = record.label
        # Labels are compared in Unicode's composed form, in which a task has them.
        raw = composed(raw) if isinstance(raw, str) else tuple(map(composed, raw))
        label = task.kind.read_label(task, raw, record.candidates, report)
        if record.id == "" or record.document == "":
            report("the id or the document is empty; fill it in, or leave the column out")
        name = record.id or f"{split}-{number}"
        named = record.document or _document(name, source.document_pattern, report)
        document = named or record.stretch or name
        if label is not None:
            examples.append(
                Example(
                    *(_unique(name, seen), document, record.text, label),
                    named=named is not None,
                    candidates=record.candidates,
                )
            )
    if not faults and source.columns.text2 and not any(e.text[1].strip() for e in examples):
        faults.add(f"the column {source.columns.text2!r} is empty in every row")
    return examples


def _check_characters(task: Task, record: Record, report: Report) -> None:
    words = task.kind.words
    for n, text in enumerate(record.text):
        if fault := fault_of_text(text):
            report(f"the {'word' if words else 'text'} has {fault}", n if words else None)
    for text in record.candidates:
        if fault := fault_of_text(text):
            report(f"a candidate has {fault}")
    for part, name in (("id", record.id), ("document", record.document)):
        if name is not None and (fault := fault_of_name(name)):
            report(f"the {part} has {fault}")


def _check_text(task: Task, record: Record, report: Report) -> None:
    if not task.kind.words:
        if not record.text[0].strip():
            report("the text is empty; fill it in or remove the row")
    elif not record.text:
        report("the sentence has no words; remove it")
    elif "" in record.text:
        report("the word is empty; fill it in or remove it with its tag", record.text.index(""))


def _document(name: str, pattern: str | None, report: Report) -> str | None:
    if pattern is None:
        return None
    match = re.search(pattern, name)
    if match and match[1]:
        return match[1]
    report(f"`document_pattern` {pattern!r} finds no document in the id {name!r}")
    return None


def _unique(name: str, seen: dict[str, int]) -> str:
    """The id itself at first, then with #2, #3, ...; a pair of ChemProt may have two labels."""
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else _unique(f"{name}#{seen[name]}", seen)
