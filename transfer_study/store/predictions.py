"""Predictions on disk: a parquet file a stage, task and split; where else they may come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from transfer_study.errors import StoreError
from transfer_study.store.check_answers import (
    GoldCheck,
    Misfit,
    check_predicted,
    check_scores,
    read_table,
)
from transfer_study.store.label_text import label_to_text
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage, StageTask
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.source import SplitName
from transfer_study.study.tasks.task import Task

_GOLD = ["id", "document", "gold"]
_STAGE_SCHEMA = pa.schema(
    {
        **dict.fromkeys((*_GOLD, "prediction"), pa.string()),
        "score": pa.list_(pa.float32()),
    }
)


# The files of a large study have some megabytes.
MOST_BYTES = 1 << 32


@dataclass(frozen=True)
class Answers:
    """What a stage answered for the examples of one split, in their order."""

    ids: Sequence[str]
    documents: Sequence[str]
    gold: Sequence[Label]
    predicted: Sequence[Label]
    # Lists of probabilities, or of the value, an example; a column, for few readers want them.
    # Compact files have none.
    scores: pa.ChunkedArray | None = field(default=None, compare=False)


class AnswerSource(Protocol):
    """Where a stage's test predictions can be read: the store, or a study's compact files."""

    def has(self, stage: Stage) -> bool:
        """Whether the stage's predictions are here."""
        ...

    def answers(self, stage: Stage, task: Task) -> Answers:
        """The stage's test predictions for one of its tasks."""
        ...

    def every_epoch(self, stage: Stage, task: Task) -> list[Answers]:
        """The test predictions of each epoch in order; empty where they are not kept."""
        ...


def epoch_split(epoch: int) -> str:
    """The name under which the test predictions of one epoch are kept."""
    return f"test-epoch-{epoch:03d}"


def predictions_bytes(
    stage: Stage,
    task: str,
    split: str,
    answers: Answers,
    scores: Sequence[Sequence[float]],
) -> bytes:
    """The file of one task and split of a stage: id, document, gold, prediction, score (float32).

    The file says in its metadata of which stage, task and split it is, the task by its place among
    the stage's; its name is that of the study which ran the stage.
    """
    table = pa.table(
        {
            "id": answers.ids,
            "document": answers.documents,
            "gold": list(map(label_to_text, answers.gold)),
            "prediction": list(map(label_to_text, answers.predicted)),
            "score": scores,
        },
        _STAGE_SCHEMA.with_metadata({**_said(stage, task, split), "task": task}),
    )
    return parquet_bytes(table)


def parquet_bytes(table: pa.Table, level: int | None = None) -> bytes:
    """A table as a parquet file, compressed to this level of zstd."""
    file = pa.BufferOutputStream()
    pq.write_table(table, file, compression="zstd", compression_level=level)
    content: bytes = file.getvalue().to_pybytes()
    return content


def _said(stage: Stage, task: str, split: str) -> dict[str, str]:
    return {"stage": stage.id, "place": str(stage.place(task)), "split": split}


def predictions_file(stage: Stage, task: str, split: str) -> str:
    """Where a stage keeps its predictions for one task, by its place, and split."""
    return f"predictions/{stage.place(task)}.{split}.parquet"


def answers_from(
    content: bytes,
    path: Path,
    stage: Stage,
    task: str,
    split: str,
    check: GoldCheck | None = None,
) -> Answers:
    """What a file made by `predictions_bytes` holds, which was read from `path`.

    Raises StoreError unless all of it is of this stage, task and split; `check` is asked of gold.
    """
    check = check or GoldCheck()
    member = member_of(stage, task)
    try:
        table = read_table(content, _STAGE_SCHEMA, _said(stage, task, split))
        of_split: SplitName = "dev" if split == "dev" else "test"
        ids, documents, gold = check(member, of_split, table.select(_GOLD))
        predicted = check_predicted(member.task, ids, gold, table["prediction"].to_pylist())
        check_scores(member.task, gold, table["score"])
    except Misfit as misfit:
        raise StoreError(
            f"{path} {misfit}; remove the folder of {stage.name} and run the stage again"
        ) from None
    return Answers(ids, documents, gold, predicted, table["score"])


def member_of(stage: Stage, task: str) -> StageTask:
    """The task of this name among a stage's own, with its data."""
    return next(member for member in stage.tasks if member.task.name == task)


@dataclass(frozen=True)
class StoredAnswers:
    """Predictions as the stages of a store hold them."""

    store: Store
    _check: GoldCheck = field(default_factory=GoldCheck, compare=False, repr=False)

    def has(self, stage: Stage) -> bool:
        """Whether the stage is complete."""
        return self.store.is_done(stage)

    def answers(self, stage: Stage, task: Task, split: str = "test") -> Answers:
        """The stage's predictions for one of its tasks, checked against the record and the plan."""
        file = predictions_file(stage, task.name, split)
        content = self.store.read(stage, file)
        path = self.store.folder(stage) / file
        return answers_from(content, path, stage, task.name, split, self._check)

    def every_epoch(self, stage: Stage, task: Task) -> list[Answers]:
        """The test predictions of each epoch in order; none where dev selects."""
        if stage.recipe.selection != "best_test":
            return []
        epochs = range(1, stage.recipe.epochs + 1)
        return [self.answers(stage, task, epoch_split(epoch)) for epoch in epochs]


@dataclass(frozen=True)
class FirstOf:
    """Several sources as one: a stage is read from the first that has it."""

    sources: Sequence[AnswerSource]

    def has(self, stage: Stage) -> bool:
        """Whether any source has the stage."""
        return any(source.has(stage) for source in self.sources)

    def answers(self, stage: Stage, task: Task) -> Answers:
        """The stage's test predictions for one of its tasks."""
        return self._first(stage).answers(stage, task)

    def every_epoch(self, stage: Stage, task: Task) -> list[Answers]:
        """The test predictions of each epoch in order; empty where they are not kept."""
        return self._first(stage).every_epoch(stage, task)

    def _first(self, stage: Stage) -> AnswerSource:
        return next(source for source in self.sources if source.has(stage))
