"""The compact predictions of a whole study: gold labels once a task, answers once a stage."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from transfer_study.errors import StoreError
from transfer_study.files import read_regular
from transfer_study.store.check_answers import (
    Misfit,
    check_gold,
    check_predicted,
    is_planned,
    read_table,
)
from transfer_study.store.label_text import label_to_text
from transfer_study.store.predictions import (
    MOST_BYTES,
    Answers,
    AnswerSource,
    member_of,
    parquet_bytes,
)
from transfer_study.store.recorded import PREDICTIONS_FILE
from transfer_study.store.storage.file_system import DISK, replace
from transfer_study.study.stage import Stage, StageTask
from transfer_study.study.tasks.task import Change, Task

GOLD_FILE = "gold.parquet"

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
    def _predicted(self) -> dict[str, list[list[str]]]:
        """The answers as text by stage, a list for each of its tasks that is asked for answers."""
        if not (self._folder / PREDICTIONS_FILE).exists():
            return {}
        table = self._table(PREDICTIONS_FILE, _PREDICTIONS_SCHEMA)
        found: dict[str, list[list[str]]] = {}
        for stage, texts in zip(
            table["stage"].to_pylist(), table["prediction"].to_pylist(), strict=True
        ):
            found.setdefault(stage, []).append(texts)
        return found

    @cached_property
    def _golds(self) -> dict[str, list[list[str]]]:
        """Ids, documents and gold labels as text of each task, by the name that it had."""
        table = self._table(GOLD_FILE, _GOLD_SCHEMA)
        parts = {
            name: table.filter(pc.equal(table["task"], name))
            for name in pc.unique(table["task"]).to_pylist()
        }
        columns = _GOLD_SCHEMA.names[1:]
        return {name: [part[n].to_pylist() for n in columns] for name, part in parts.items()}

    def has(self, stage: Stage) -> bool:
        """Whether the stage's predictions are among the compact ones."""
        return stage.id in self._predicted

    def stages(self) -> frozenset[str]:
        """The ids of all stages with predictions here."""
        return frozenset(self._predicted)

    def answers(self, stage: Stage, task: Task) -> Answers:
        """The stage's test predictions for one of its tasks, checked against the plan."""
        member = member_of(stage, task.name)
        found, asked = self._predicted.get(stage.id, []), _asked(stage)
        if len(found) != len(asked):
            raise self._fault(
                PREDICTIONS_FILE,
                f"has answers of {stage.name} for {len(found)} tasks, not {len(asked)}",
            )
        texts = found[asked.index(member)]
        true = self._true(member)
        try:
            predicted = check_predicted(member.task, true.ids, true.gold, texts)
        except Misfit as misfit:
            raise self._fault(PREDICTIONS_FILE, f"{misfit}, in {stage.name}") from None
        return Answers(true.ids, true.documents, true.gold, predicted)

    def _true(self, member: StageTask) -> Answers:
        """The gold labels of a task, for which nothing is predicted here; checked once."""
        key = str(member.task.kind), member.data.test.gold
        if key not in self._checked:
            golds, name = self._golds, member.task.origin
            # It may have had another name when this was written.
            names = sorted(golds, key=lambda other: other != name)
            found = next((n for n in names if is_planned(member, "test", *golds[n])), name)
            said = golds.get(found, [[], [], []])
            try:
                self._checked[key] = Answers(*check_gold(member, "test", *said), ())
            except Misfit as misfit:
                raise self._fault(GOLD_FILE, str(misfit)) from None
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


def _asked(stage: Stage) -> list[StageTask]:
    """The stage's tasks without partners in controls, whose answers nobody asks for; in order."""
    answering = (None, Change.HALF_1)
    return [m for m in stage.tasks if (m.task.transform and m.task.transform.change) in answering]


def write_compact(folder: Path, stages: Iterable[Stage], source: AnswerSource) -> None:
    """Write the test predictions of these stages, the gold labels once a task."""
    golds: dict[str, pa.Table] = {}
    rows = []
    for stage in stages:
        if not source.has(stage):
            continue
        for member in _asked(stage):
            task = member.task
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
        replace(DISK, folder / name, parquet_bytes(table, 15), folder / f".{name}")
