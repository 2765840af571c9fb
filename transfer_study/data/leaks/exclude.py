"""Which rows of train a study with `exclude_leaks` leaves out: those that a test set has too.

A row goes where the whole text of a test row of any task is its text or one of its sentences
(same_text.py), headings included, or where its document is in the test of any task. What is
only nearly the same stays, and is shown by the linter. Test is never touched; dev only where a
recipe of the study learns from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from transfer_study.data.leaks.findings import Dropped, WhyDropped
from transfer_study.data.leaks.same_document import same_documents
from transfer_study.data.leaks.same_text import LeakRow, row_of, rows_by_text, tells
from transfer_study.data.splits import LeftOut, TaskData, limited
from transfer_study.study.recipes.of_stages import recipes_of
from transfer_study.study.study import Study
from transfer_study.study.tasks.source import SplitName

# How many pairs of ids show what was dropped.
_EXAMPLES = 3
# A test row that a row has in common with a test set, and what of it.
_Found = tuple[WhyDropped, LeakRow]
_Rows = Sequence[LeakRow]


def rows_in_test(study: Study, whole: Mapping[str, TaskData]) -> dict[str, tuple[Dropped, ...]]:
    """The rows to leave out, by task; tests are those within limits.

    `whole` holds each task as read, before limits.
    """
    tests = {name: _rows(limited(data, data.task), "test") for name, data in whole.items()}
    tested = rows_by_text((row for rows in tests.values() for row in rows), lambda r: (r.text,))
    learned: tuple[SplitName, ...] = ("train", "dev") if _learns_dev(study) else ("train",)
    return {
        name: tuple(
            dropped
            for split in learned
            for dropped in _dropped(name, split, _rows(data, split), tested, tests)
        )
        for name, data in whole.items()
    }


def positions(dropped: Iterable[Dropped]) -> LeftOut:
    """The positions of all dropped rows of a task, by split."""
    found: dict[str, list[int]] = defaultdict(list)
    for part in dropped:
        found[part.split] += part.positions
    return {split: tuple(sorted(rows)) for split, rows in found.items()}


def all_dropped(loaded: Mapping[str, TaskData]) -> tuple[Dropped, ...]:
    """What was dropped from all tasks that were read, of several sizes of a task once."""
    by_task = {data.task.name: data.dropped for data in loaded.values()}
    return tuple(part for dropped in by_task.values() for part in dropped)


def _dropped(
    task: str,
    split: SplitName,
    rows: _Rows,
    tested: Mapping[str, _Rows],
    tests: Mapping[str, _Rows],
) -> list[Dropped]:
    """The rows of a split to leave out, each once: by the first reason that there is."""
    documents = _documents(rows, tests)
    places: dict[tuple[WhyDropped, str], list[int]] = defaultdict(list)
    examples: dict[tuple[WhyDropped, str], dict[str, str]] = defaultdict(dict)
    for n, row in enumerate(rows):
        if found := _by_text(row, tested) or _by_document(row, documents):
            why, test = found
            places[why, test.task].append(n)
            examples[why, test.task].setdefault(test.example.id, row.example.id)
    return [
        Dropped(task, split, why, test, tuple(found), _shown(examples[why, test]))
        for (why, test), found in places.items()
    ]


def _shown(examples: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((ours, test) for test, ours in list(examples.items())[:_EXAMPLES])


def _by_text(row: LeakRow, tested: Mapping[str, _Rows]) -> _Found | None:
    """A test row whose text the row has, if possible of its own task and sign for sign."""
    found = [test for text in row.told for test in tested.get(text, ()) if tells(row, test)]
    reasons = [(_why(row, test), test) for test in found]
    order = list(WhyDropped)
    return min(reasons, key=lambda f: (f[1].task != row.task, order.index(f[0])), default=None)


def _why(row: LeakRow, test: LeakRow) -> WhyDropped:
    if row.text != test.text:
        return WhyDropped.SENTENCE
    return WhyDropped.TEXT if row.signed == test.signed else WhyDropped.LETTERS


def _documents(rows: _Rows, tests: Mapping[str, _Rows]) -> dict[str, LeakRow]:
    """For each document that a test has too a row of it, if possible of the rows' own task."""
    found: dict[str, LeakRow] = {}
    own_first = sorted(tests.values(), key=lambda test: bool(rows) and test[0].task != rows[0].task)
    for test in own_first:
        shared = same_documents(rows, test)
        for row in test:
            if row.example.named and row.example.document in shared:
                found.setdefault(row.example.document, row)
    return found


def _by_document(row: LeakRow, documents: Mapping[str, LeakRow]) -> _Found | None:
    test = documents.get(row.example.document) if row.example.named else None
    return None if test is None else (WhyDropped.DOCUMENT, test)


def _rows(data: TaskData, split: str) -> list[LeakRow]:
    return [row_of(example, data.task) for example in data.split(split)]


def _learns_dev(study: Study) -> bool:
    return any(
        recipe.train_on == "train_and_dev"
        for followed in study.protocols().values()
        for recipe in recipes_of(followed).values()
    )
