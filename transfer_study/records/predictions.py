"""Predictions on disk: a parquet file a task and split, and the compact file of a whole study."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transfer_study.errors import StoreError
from transfer_study.records.labels import label_from_text, label_to_text
from transfer_study.records.store import Store
from transfer_study.spec.example import Label
from transfer_study.spec.stage import Stage
from transfer_study.spec.task import Change, Task

GOLD_FILE = "gold.parquet"
PREDICTIONS_FILE = "predictions.parquet"


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


def write_predictions(
    path: Path,
    ids: Sequence[str],
    documents: Sequence[str],
    gold: Sequence[Label],
    predicted: Sequence[Label],
    scores: Sequence[Sequence[float]],
) -> None:
    """Write one task and split of a stage: id, document, gold, prediction, score (float32)."""
    table = pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "document": pa.array(documents, pa.string()),
            "gold": pa.array(map(label_to_text, gold), pa.string()),
            "prediction": pa.array(map(label_to_text, predicted), pa.string()),
            "score": pa.array(scores, pa.list_(pa.float32())),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")


def predictions_file(task: str, split: str) -> str:
    """Where a stage keeps its predictions for one task and split."""
    return f"predictions/{task}.{split}.parquet"


def answers_from(content: bytes, task: Task) -> Answers:
    """What a file written by `write_predictions` holds."""
    table = pq.read_table(io.BytesIO(content))
    return Answers(
        table["id"].to_pylist(),
        table["document"].to_pylist(),
        [label_from_text(task.kind, text) for text in table["gold"].to_pylist()],
        [label_from_text(task.kind, text) for text in table["prediction"].to_pylist()],
        table["score"],
    )


@dataclass(frozen=True)
class StoredAnswers:
    """Predictions as the stages of a store hold them."""

    store: Store

    def has(self, stage: Stage) -> bool:
        """Whether the stage is complete."""
        return self.store.is_done(stage)

    def answers(self, stage: Stage, task: Task, split: str = "test") -> Answers:
        """The stage's predictions for one of its tasks, checked against the record."""
        return answers_from(self.store.read(stage, predictions_file(task.name, split)), task)

    def every_epoch(self, stage: Stage, task: Task) -> list[Answers]:
        """The test predictions of each epoch in order; none where dev selects."""
        if stage.recipe.selection != "best_test":
            return []
        epochs = range(1, stage.recipe.epochs + 1)
        return [self.answers(stage, task, epoch_split(epoch)) for epoch in epochs]


class CompactAnswers:
    """The test predictions of a whole study, read from its results folder."""

    def __init__(self, folder: Path) -> None:
        self._gold: Mapping[str, pa.Table] = {}
        self._predicted: dict[tuple[str, str], int] = {}
        if not (folder / PREDICTIONS_FILE).is_file():
            return
        try:
            gold = pq.read_table(folder / GOLD_FILE)
            self._table = pq.read_table(folder / PREDICTIONS_FILE)
        except (OSError, pa.ArrowInvalid) as error:
            raise StoreError(f"the predictions in {folder} cannot be read ({error})") from None
        names = pc.unique(gold["task"]).to_pylist()
        self._gold = {name: gold.filter(pc.equal(gold["task"], name)) for name in names}
        keys = zip(self._table["stage"].to_pylist(), self._table["task"].to_pylist(), strict=True)
        self._predicted = {key: row for row, key in enumerate(keys)}

    def has(self, stage: Stage) -> bool:
        """Whether the stage's predictions are among the compact ones."""
        return any((stage.id, name) in self._predicted for name in stage.task_names)

    def answers(self, stage: Stage, task: Task) -> Answers:
        """The stage's test predictions for one of its tasks."""
        gold = self._gold[task.origin]
        texts = self._table["prediction"][self._predicted[stage.id, task.name]].as_py()
        return Answers(
            gold["id"].to_pylist(),
            gold["document"].to_pylist(),
            [label_from_text(task.kind, text) for text in gold["gold"].to_pylist()],
            [label_from_text(task.kind, text) for text in texts],
        )

    def every_epoch(self, stage: Stage, task: Task) -> list[Answers]:  # noqa: ARG002
        """Nothing: the compact predictions are those of the chosen epochs."""
        return []


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


def write_compact(folder: Path, stages: Iterable[Stage], source: AnswerSource) -> None:
    """Write the test predictions of these stages, the gold labels once a task."""
    golds: dict[str, pa.Table] = {}
    schema = pa.schema(
        {"stage": pa.string(), "task": pa.string(), "prediction": pa.list_(pa.string())}
    )
    rows = []
    for stage in stages:
        if not source.has(stage):
            continue
        for member in stage.tasks:
            task = member.task
            if task.transform is not None and task.transform.change is not Change.HALF_1:
                continue  # partners in controls, whose answers nobody asks for
            answers = source.answers(stage, task)
            if task.origin not in golds:
                golds[task.origin] = pa.table(
                    {
                        "task": pa.array([task.origin] * len(answers.ids), pa.string()),
                        "id": pa.array(answers.ids, pa.string()),
                        "document": pa.array(answers.documents, pa.string()),
                        "gold": pa.array(map(label_to_text, answers.gold), pa.string()),
                    }
                )
            predicted = [label_to_text(label) for label in answers.predicted]
            rows.append({"stage": stage.id, "task": task.name, "prediction": predicted})
    if not rows:
        return
    gold = pa.concat_tables([golds[name] for name in sorted(golds)])
    predictions = pa.Table.from_pylist(rows, schema)
    for table, name in ((gold, GOLD_FILE), (predictions, PREDICTIONS_FILE)):
        aside = folder / f".{name}"
        pq.write_table(table, aside, compression="zstd", compression_level=15)
        aside.replace(folder / name)
