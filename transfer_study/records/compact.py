"""The compact predictions of a whole study: gold labels once a task, answers once a stage."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transfer_study.errors import StoreError
from transfer_study.files import read_regular
from transfer_study.records.check_answers import Misfit, check_gold, check_predicted, read_table
from transfer_study.records.labels import label_to_text
from transfer_study.records.predictions import MOST_BYTES, Answers, AnswerSource, member_of
from transfer_study.spec.stage import Stage, StageTask
from transfer_study.spec.task import Change, Task

GOLD_FILE = "gold.parquet"
PREDICTIONS_FILE = "predictions.parquet"

_GOLD_SCHEMA = pa.schema(dict.fromkeys(("task", "id", "document", "gold"), pa.string()))
_PREDICTIONS_SCHEMA = pa.schema(
    {"stage": pa.string(), "task": pa.string(), "prediction": pa.list_(pa.string())}
)


class CompactAnswers:
    """The test predictions of a whole study, read from its results folder when they are wanted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._checked: dict[tuple[str, str], Answers] = {}

    @cached_property
    def _predicted(self) -> dict[tuple[str, str], list[str]]:
        """The answers as text by stage and task."""
        if not (self._folder / PREDICTIONS_FILE).exists():
            return {}
        table = self._table(PREDICTIONS_FILE, _PREDICTIONS_SCHEMA)
        keys = list(zip(table["stage"].to_pylist(), table["task"].to_pylist(), strict=True))
        if len(set(keys)) < len(keys):
            raise self._fault(PREDICTIONS_FILE, "has a stage and task twice")
        return dict(zip(keys, table["prediction"].to_pylist(), strict=True))

    @cached_property
    def _gold(self) -> pa.Table:
        return self._table(GOLD_FILE, _GOLD_SCHEMA)

    def has(self, stage: Stage) -> bool:
        """Whether the stage's predictions are among the compact ones."""
        return any((stage.id, name) in self._predicted for name in stage.task_names)

    def answers(self, stage: Stage, task: Task) -> Answers:
        """The stage's test predictions for one of its tasks, checked against the plan."""
        member = member_of(stage, task.name)
        if (texts := self._predicted.get((stage.id, task.name))) is None:
            raise self._fault(PREDICTIONS_FILE, f"has no answers of {stage.name} for {task.name}")
        true = self._true(member)
        try:
            predicted = check_predicted(member.task, true.ids, true.gold, texts)
        except Misfit as misfit:
            raise self._fault(PREDICTIONS_FILE, f"{misfit}, in {stage.name}") from None
        return Answers(true.ids, true.documents, true.gold, predicted)

    def _true(self, member: StageTask) -> Answers:
        """The gold labels of a task, for which nothing is predicted here; checked once."""
        key = member.task.origin, member.data.test.gold
        if key not in self._checked:
            rows = self._gold.filter(pc.equal(self._gold["task"], member.task.origin))
            ids, documents, texts = (rows[n].to_pylist() for n in ("id", "document", "gold"))
            try:
                gold = check_gold(member.task, member.data.test, ids, documents, texts)
            except Misfit as misfit:
                raise self._fault(GOLD_FILE, str(misfit)) from None
            self._checked[key] = Answers(ids, documents, gold, ())
        return self._checked[key]

    def _table(self, file: str, schema: pa.Schema) -> pa.Table:
        try:
            return read_table(read_regular(self._folder / file, MOST_BYTES), schema, {})
        except FileNotFoundError:
            raise self._fault(file, "is missing") from None
        except OSError as error:
            raise self._fault(file, f"cannot be read ({error.strerror})") from None
        except Misfit as misfit:
            raise self._fault(file, str(misfit)) from None

    def _fault(self, file: str, fault: str) -> StoreError:
        return StoreError(
            f"{self._folder / file} {fault}; restore it, or remove {GOLD_FILE} and "
            f"{PREDICTIONS_FILE} there and run the study again"
        )

    def every_epoch(self, stage: Stage, task: Task) -> list[Answers]:  # noqa: ARG002
        """Nothing: the compact predictions are those of the chosen epochs."""
        return []


def write_compact(folder: Path, stages: Iterable[Stage], source: AnswerSource) -> None:
    """Write the test predictions of these stages, the gold labels once a task."""
    golds: dict[str, pa.Table] = {}
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
                        "task": [task.origin] * len(answers.ids),
                        "id": answers.ids,
                        "document": answers.documents,
                        "gold": list(map(label_to_text, answers.gold)),
                    },
                    _GOLD_SCHEMA,
                )
            predicted = [label_to_text(label) for label in answers.predicted]
            rows.append({"stage": stage.id, "task": task.name, "prediction": predicted})
    if not rows:
        return
    gold = pa.concat_tables([golds[name] for name in sorted(golds)])
    predictions = pa.Table.from_pylist(rows, _PREDICTIONS_SCHEMA)
    for table, name in ((gold, GOLD_FILE), (predictions, PREDICTIONS_FILE)):
        aside = folder / f".{name}"
        pq.write_table(table, aside, compression="zstd", compression_level=15)
        aside.replace(folder / name)
