"""PubTator files: titles and abstracts with the mentions of entities in them.

A document is its lines `ID|t|TITLE` and `ID|a|ABSTRACT` and, for each mention, a line of its id,
start, end, text, type and further fields, divided by tabs; offsets count characters over title, one
space and abstract. Documents are set apart by empty lines. Lines of relations have no offsets and
are not read. Title and abstract are an example each: no sentences are guessed.

A word is a run of letters and digits, or one other sign. A mention takes the whole of each word
that it touches; of mentions that overlap the longest counts, and the first of equally long ones.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from transfer_study.data.files.faults import Faults
from transfer_study.data.files.rows import Record
from transfer_study.study.characters import composed
from transfer_study.study.tasks.task import Task

_PASSAGE = re.compile(r"([^|\t]+)\|([ta])\|(.*)")
_WORD = re.compile(r"[^\W_]+|\S")


@dataclass(frozen=True, slots=True)
class _Mention:
    start: int
    end: int
    text: str
    type: str
    line: int


@dataclass
class _Document:
    id: str
    line: int
    passages: dict[str, str] = field(default_factory=dict)
    mentions: list[_Mention] = field(default_factory=list)


def read_pubtator(task: Task, text: str, faults: Faults, unread: Counter[str]) -> Iterator[Record]:
    """The titles and abstracts of a PubTator file, with the tags of the task's entity types.

    `unread` counts mentions of other types, and those that are not told as they are written.
    """
    for document in _documents(text, faults):
        whole = " ".join(document.passages.get(part, "") for part in "ta")
        mentions = []
        for mention in document.mentions:
            if whole[mention.start : mention.end] != mention.text:
                found = whole[mention.start : mention.end]
                faults.add(
                    f"the mention {mention.text!r} is not what stands at {mention.start} to "
                    f"{mention.end}, {found!r}; mend the offsets or the text",
                    mention.line,
                )
            elif mention.type in task.labels:
                mentions.append(mention)
            else:
                unread[f"mentions of {mention.type!r}, which is none of the labels"] += 1
        start = 0
        for part in "ta":
            passage = document.passages.get(part, "")
            inside = [m for m in mentions if start <= m.start and m.end <= start + len(passage)]
            words = list(_WORD.finditer(passage))
            tags = _tags(words, start, inside, unread)
            if words:
                texts = tuple(word[0] for word in words)
                yield Record(document.line, texts, tags, f"{document.id}.{part}", document.id)
            mentions = [mention for mention in mentions if mention not in inside]
            start += len(passage) + 1
        if mentions:
            unread["mentions across title and abstract"] += len(mentions)


def _documents(text: str, faults: Faults) -> Iterator[_Document]:
    document: _Document | None = None
    for line, content in enumerate([*text.split("\n"), ""], start=1):
        if not content.strip():
            if document is not None:
                yield document
            document = None
        elif passage := _PASSAGE.fullmatch(content):
            name, part, words = passage.groups()
            if document is None and part == "a":
                faults.add(f"the document {name!r} has no title; add {name}|t| before", line)
            document = document or _Document(name, line)
            if document.id != name or part in document.passages:
                faults.add(f"the document {document.id!r} is not ended by an empty line", line)
            document.passages[part] = words
        elif document is None or content.split("\t")[0] != document.id:
            faults.add(
                f"found {content[:40]!r}; a document begins with ID|t|TITLE, and every line of a "
                "mention with its id and a tab",
                line,
            )
        else:
            _add_mention(document, content.split("\t"), line, faults)


def _add_mention(document: _Document, fields: list[str], line: int, faults: Faults) -> None:
    numbers = [part for part in fields[1:3] if re.fullmatch(r"\d{1,9}", part)]
    if len(fields) >= 5 and len(numbers) == 2:
        start, end = map(int, numbers)
        document.mentions.append(_Mention(start, end, fields[3], composed(fields[4]), line))
    elif len(fields) >= 5 or numbers:
        faults.add(
            f"found {' | '.join(fields)[:60]!r}; a mention has an id, start, end, text and type",
            line,
        )


def _tags(
    words: list[re.Match[str]], start: int, mentions: list[_Mention], unread: Counter[str]
) -> tuple[str, ...]:
    """The IOB2 tags of a passage that begins at `start`."""
    tags = ["O"] * len(words)
    for mention in sorted(mentions, key=lambda m: (m.start - m.end, m.start, m.line)):
        first, last = mention.start - start, mention.end - start
        covered = [n for n, word in enumerate(words) if word.start() < last and first < word.end()]
        if any(tags[n] != "O" for n in covered):
            unread["mentions that overlap a longer one"] += 1
            continue
        if covered and (words[covered[0]].start() < first or last < words[covered[-1]].end()):
            unread["mentions that end within a word, which is taken whole"] += 1
        for n in covered:
            tags[n] = f"{'B' if n == covered[0] else 'I'}-{mention.type}"
    return tuple(tags)
