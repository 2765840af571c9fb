"""Predictions of the learning code to the files of a stage."""

from __future__ import annotations

import math
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from transfer_study.errors import ExecutionError
from transfer_study.store.predictions import Answers, predictions_bytes, predictions_file
from transfer_study.store.storage.file_system import FileSystem, make_folders
from transfer_study.study.stage import Stage

if TYPE_CHECKING:
    from transfer_study.learn.predict import Predictions


def write_answers(
    disk: FileSystem, folder: Path, stage: Stage, task: str, split: str, predictions: Predictions
) -> None:
    """Write what was answered for one task and split below a stage's folder.

    Raises ExecutionError for scores that are no numbers, as of a model whose last update was lost.
    """
    if not all(map(math.isfinite, chain.from_iterable(predictions.scores))):
        raise ExecutionError(
            f"the scores of {task} on {split} are no finite numbers; lower `learning_rate`"
        )
    answers = Answers(
        [example.id for example in predictions.examples],
        predictions.documents,
        predictions.gold,
        predictions.labels,
    )
    path = folder / predictions_file(stage, task, split)
    make_folders(disk, path.parent)
    disk.write(path, predictions_bytes(stage, task, split, answers, predictions.scores))
