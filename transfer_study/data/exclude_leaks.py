"""Which rows of train a study with `exclude_leaks` leaves out: those that a test set has too.

A row goes where the whole text of a test row of any task is its text or one of its sentences
(data/same_text.py), headings included, or where its document is in the test of any task. What is
only nearly the same stays, and is shown by the linter. Test is never touched; dev only where a
recipe of the study learns from it.
"""

from __future__ import annotations

from collections.abc import Mapping

from transfer_study.data.same_document import same_documents
from transfer_study.data.same_text import Row, row_of
from transfer_study.data.splits import LeftOut, TaskData, limited
from transfer_study.spec.recipes import recipes_of
from transfer_study.spec.study import Study
from transfer_study.spec.task import Task


def rows_in_test(study: Study, whole: Mapping[str, TaskData]) -> dict[str, LeftOut]:
    """The positions of the rows to leave out, by task and split; tests are those within limits.

    `whole` holds each task as read, before limits.
    """
    tests = {
        name: _rows(data.task, limited(data, data.task), "test") for name, data in whole.items()
    }
    tested = {row.text for rows in tests.values() for row in rows if row.text}
    learned = ("train", "dev") if _learns_dev(study) else ("train",)

    def positions(data: TaskData, split: str) -> tuple[int, ...]:
        rows = _rows(data.task, data, split)
        shared = (
            same_documents(data.task, rows, whole[other].task, theirs)
            for other, theirs in tests.items()
        )
        documents: frozenset[str] = frozenset().union(*shared)
        return tuple(
            n
            for n, row in enumerate(rows)
            if row.example.document in documents or tested.intersection(row.told)
        )

    return {name: {s: positions(data, s) for s in learned} for name, data in whole.items()}


def _rows(task: Task, data: TaskData, split: str) -> list[Row]:
    return [row_of(example, task.kind) for example in data.split(split)]


def _learns_dev(study: Study) -> bool:
    return any(
        recipe.train_on == "train_and_dev"
        for followed in study.protocols().values()
        for recipe in recipes_of(followed).values()
    )
