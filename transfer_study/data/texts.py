"""The unlabelled texts that a study pretrains on: read, without repetition, and hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from transfer_study.data.files.faults import Faults
from transfer_study.data.files.plain_text import read_text
from transfer_study.data.splits import load
from transfer_study.errors import DataError, Problem
from transfer_study.study.characters import fault_of_text
from transfer_study.study.fingerprint import TextsFingerprint
from transfer_study.study.frozen import canonical_json
from transfer_study.study.tasks.texts import Texts

# One text to learn from and one to watch the loss on.
FEWEST = 2


# Texts are held in memory.


def read_texts(texts: Texts) -> tuple[str, ...]:
    """The distinct texts in sorted order; they are held in memory.

    Of a file every line that is not blank; of a task the sentences that it is trained on, less
    those that stand in any task's dev or test as well. Raises DataError where a file cannot be
    read or has what no text has (study/characters.py), or where there is too little text.
    """
    found: set[str] = set()
    problems: list[Problem] = []
    for path in texts.files:
        try:
            found |= _plain(_lines(path))
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError(*problems)
    kept_apart: set[str] = set()
    for task in texts.tasks:
        data = load(task)
        found |= _plain(text for e in data.train for text in task.kind.texts(e))
        apart = (*data.dev, *data.test)
        kept_apart |= _plain(text for e in apart for text in task.kind.texts(e))
    found -= kept_apart
    if len(found) < FEWEST:
        place = ", ".join(map(str, texts.files)) or "the tasks' training data"
        raise DataError(
            Problem(
                f"found {len(found)} distinct texts to pretrain on; give at least {FEWEST} lines "
                "of text in `pretrain.texts`",
                place,
            )
        )
    return tuple(sorted(found))


def fingerprint_texts(texts: tuple[str, ...]) -> TextsFingerprint:
    """How many texts there are, and the sha256 over them as canonical JSON lines."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(canonical_json(text).encode() + b"\n")
    return TextsFingerprint(n=len(texts), sha256=digest.hexdigest())


def _lines(path: Path) -> list[str]:
    lines = read_text(path).split("\n")
    faults = Faults(str(path))
    for number, line in enumerate(lines, start=1):
        if fault := fault_of_text(line):
            faults.add(f"the text has {fault}", number)
    if faults:
        raise DataError(*faults.problems)
    return lines


def _plain(texts: Iterable[str]) -> set[str]:
    return {plain for text in texts if (plain := " ".join(text.split()))}
