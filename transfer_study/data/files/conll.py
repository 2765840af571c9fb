"""CoNLL files: one word a line with its tag, an empty line after a sentence, no quoting.

Columns are separated by tabs, or by spaces in a line without tabs. A document is named in a
column, where `-` means the same as before, or by the line that it begins with, `-DOCSTART- (name)`
or `###name`. Lines `-DOCSTART-` without a name set documents apart, where they do: a single one at
the top, which many converters write, says nothing of documents.

Comments of CoNLL-U, lines that begin with `#` before a sentence, are no words: `# newdoc id = NAME`
begins a document, `# sent_id = NAME` names the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from transfer_study.data.files.faults import Faults
from transfer_study.data.files.rows import Record
from transfer_study.study.tasks.source import Columns

_SAME = "-"
_START = re.compile(r"-DOCSTART-(?![^\s(])")
# CoNLL-2003 repeats its columns on the heading (`-X- O O`); AIDA and SciBERT name the document, as
# `(1 EU)`, at times before further columns; a bare name is told from a tag by a digit.
_NAME = re.compile(r"[^(]*\((.+)\)[^)]*|(\S*\d\S*)")
_NEW_DOCUMENT = re.compile(r"#\s*newdoc(?:\s+id)?\s*(?:=\s*(\S.*?))?\s*")
_COMMENT = re.compile(r"#\s*(id|sent_id|text|newdoc|newpar|global\.columns)\b|#[^=]*=")
_SENTENCE_ID = re.compile(r"#\s*(?:sent_id\s*=|id)\s*(\S+).*")
_TAG = re.compile(r"O|[BIESLU](-.*)?")
# CoNLL-U numbers its words; several words that are written as one, and words that are not written,
# have lines of their own beside.
_NO_WORD = re.compile(r"\d+[-.]\d+")
_MEDLINE = re.compile(r"###\w+:\S*\d\S*")  # a heading also where columns follow it


@dataclass(frozen=True, slots=True)
class _Places:
    """The numbers of the columns, -1 being the last."""

    text: int
    label: int
    id: int | None
    document: int | None

    def fits(self, width: int) -> bool:
        """Whether a line of so many fields has all of them, word and tag apart."""
        last = max(self.text, self.label, self.id or 0, self.document or 0)
        return last < width and self.text % width != self.label % width


@dataclass(frozen=True, slots=True)
class _Block:
    """A heading, or a sentence with the id that a comment gives it, from a line on."""

    line: int
    rows: list[list[str]]
    id: str | None = None


def read_conll(columns: Columns, text: str, split: str, faults: Faults) -> Iterator[Record]:
    """The sentences of a CoNLL file.

    A sentence's id is its document followed by its number there, or by the first word's `id`
    column (BLUE: the offset).
    """
    places = _places(columns, faults)
    if faults:
        return
    document: str | None = None
    started = sentences = 0  # documents begun by a heading; sentences of this document
    blocks = list(_blocks(text, places, faults))
    apart = _set_apart(heading_of(block.rows[0]) for block in blocks)
    for block in blocks:
        line, rows = block.line, block.rows
        heading = heading_of(rows[0])
        if heading is not None:
            started, sentences = started + 1, 0
            document = heading or None
            continue
        if places.document is not None:
            named = {row[places.document] for row in rows} - {_SAME}
            if len(named) > 1:
                faults.add(f"one sentence in several documents: {', '.join(sorted(named))}", line)
            elif not named and document is None and not started:
                faults.add("the first sentence names no document; '-' means 'as before'", line)
            if named and named != {document}:
                document, sentences = min(named), 0
        sentences += 1
        stretch = f"{split}-doc{started}" if apart else None
        place = document or stretch
        number = rows[0][places.id] if places.id is not None else f"s{sentences}"
        name = f"{place}.{number}" if place else None
        if places.id is None and block.id is not None:
            name = block.id
        words, tags = zip(*((row[places.text], row[places.label]) for row in rows), strict=True)
        yield Record(line, words, tags, name, document, stretch, line_a_word=True)


def _places(columns: Columns, faults: Faults) -> _Places:
    def number(part: str, name: str) -> int:
        if re.fullmatch(r"\d+", name):
            return int(name)
        faults.add(
            f"`columns` has {part}: {name!r}; the columns of a CoNLL file are numbers from 0"
        )
        return 0

    usual = Columns()  # whose names stand for the first and the last column
    label = columns.label if isinstance(columns.label, str) else columns.label[0]
    return _Places(
        text=number("text", columns.text) if columns.text != usual.text else 0,
        label=number("label", label) if label != usual.label else -1,
        id=None if columns.id is None else number("id", columns.id),
        document=None if columns.document is None else number("document", columns.document),
    )


def _blocks(text: str, places: _Places, faults: Faults) -> Iterator[_Block]:
    """Sentences and headings."""
    start, block, width, sound, name = 0, list[list[str]](), 0, True, ""
    lines = text.split("\n")
    comment = _comments(lines, places, faults)
    for line, content in enumerate([*lines, ""], start=1):
        row = fields_of(content)
        if not block and comment(content, line):
            row, name = _read_comment(content, name)
        heading = heading_of(row) is not None
        if (heading or not row) and block:
            if sound:
                yield _Block(start, _words(block, places), name or None)
            block, sound, name = [], True, ""
        if heading:
            yield _Block(line, [row])
        elif row:
            start = start if block else line
            block.append(row)
            if not width and not places.fits(len(row)):
                faults.add(
                    f"{len(row)} columns; word, tag and all `columns` must be among them", line
                )
                return
            width = width or len(row)
            if len(row) != width:
                sound = False
                faults.add(f"{len(row)} columns, but the lines before have {width}", line)


def _comments(lines: list[str], places: _Places, faults: Faults) -> Callable[[str, int], bool]:
    """What tells whether a line before a sentence is a comment.

    Among words with tabs a comment has none; among others it is one of CoNLL-U's or has a `=`.
    """
    words = [line for line in lines if line.strip() and heading_of(fields_of(line)) is None]
    usual = next((line for line in words if line[0] != "#"), words[0] if words else "")
    width = len(fields_of(usual))

    def is_comment(content: str, line: int) -> bool:
        row = fields_of(content)
        if content[:1] != "#" or "\t" in content or heading_of(row) is not None:
            return False
        if "\t" not in usual and not _COMMENT.match(content):
            return False
        if len(row) == width and places.fits(width) and _TAG.fullmatch(row[places.label]):
            faults.add("the line may be a comment or a word; divide a word's columns by tabs", line)
            return False
        return True

    return is_comment


def _read_comment(content: str, name: str) -> tuple[list[str], str]:
    """The heading that a comment stands for, if any, and the sentence's name, or that before."""
    if found := _NEW_DOCUMENT.fullmatch(content):
        return ["-DOCSTART-", f"({found[1]})"] if found[1] else ["-DOCSTART-"], name
    found = _SENTENCE_ID.fullmatch(content)
    return [], found[1] if found else name


def _words(block: list[list[str]], places: _Places) -> list[list[str]]:
    """The lines of words, without those that CoNLL-U numbers as `1-2` and `1.1`."""
    numbered = places.text != 0 and all(re.fullmatch(r"\d+([-.]\d+)?", row[0]) for row in block)
    return [row for row in block if not numbered or not _NO_WORD.fullmatch(row[0])]


def fields_of(content: str) -> list[str]:
    """The columns of a line, none where it is empty."""
    # Not str.split(): a no-break space or a line separator may be a word or stand in one.
    if not content.strip(" \t"):
        return []
    return content.split("\t") if "\t" in content else re.split(" +", content.strip(" "))


def heading_of(row: list[str]) -> str | None:
    """The document that a line begins, "" for one without a name; None for other lines."""
    if not row or row[0][0:1] not in ("-", "#"):
        return None
    line = " ".join(row)
    if start := _START.match(line):
        name = _NAME.fullmatch(line[start.end() :].strip())
        return (name[1] or name[2]).strip() if name else ""
    if row[0].startswith("###") and (len(row) == 1 or _MEDLINE.fullmatch(row[0])):
        return row[0][3:].strip()
    return None


def _set_apart(headings: Iterable[str | None]) -> bool:
    """Whether headings without a name divide the sentences (None) that are of no named document."""
    stretches, started, document = set[int](), 0, ""
    for heading in headings:
        if heading is not None:
            started, document = started + 1, heading
        elif not document:
            stretches.add(started)
    return len(stretches) > 1
