"""Predictions of the learning code to the files of a stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from transfer_study.records.predictions import predictions_file, write_predictions

if TYPE_CHECKING:
    from transfer_study.learn.predict import Predictions


def write_answers(folder: Path, task: str, split: str, answers: Predictions) -> None:
    """Write what was answered for one task and split below a stage's folder."""
    write_predictions(
        folder / predictions_file(task, split),
        [example.id for example in answers.examples],
        answers.documents,
        answers.gold,
        answers.labels,
        answers.scores,
    )
