"""Whether models have learned: their scores against that of the best constant answer.

A model that gives every example the same answer scores alike in all runs, whatever it was trained
with: that nothing changes its score is no sign of equivalence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from transfer_study.metrics import score
from transfer_study.metrics.constant import ROUNDING, best_constant
from transfer_study.store.predictions import AnswerSource, StoredAnswers
from transfer_study.study.stage import Stage
from transfer_study.study.tasks.task import Task


def is_above(scores: pd.Series[float], constant: float | pd.Series[float]) -> pd.Series[bool]:
    """Which runs score above the constant answer; a score that is missing does not."""
    return scores > constant + ROUNDING


def has_learned(scores: Sequence[float] | pd.Series[float], constant: float) -> bool:
    """Whether a model does so in most of its runs; where nothing is known to tell by, it is so."""
    return math.isnan(constant) or bool(is_above(pd.Series(scores), constant).mean() > 0.5)


def not_learned(stage: Stage, source: AnswerSource) -> Iterator[str]:
    """The tasks of one run whose test score is no better than a constant answer's.

    Derived tasks are left out: labels that were shuffled cannot be learned.
    """
    for task in (member.task for member in stage.tasks):
        if task.transform is None:
            answers = source.answers(stage, task)
            said = task, answers.gold, answers.predicted, answers.documents
            if score(task.metric, *said) <= best_constant(task, said[1], said[3]) + ROUNDING:
                yield task.name


def dev_and_constant(stage: Stage, task: Task, source: StoredAnswers) -> tuple[float, float]:
    """The dev score by which a stage chose its epoch for a task, and the best constant answer's."""
    by_selection = task.model_copy(update={"metric": task.selection_metric})
    answers = source.answers(stage, task, "dev")
    said = by_selection, answers.gold, answers.predicted, answers.documents
    return score(by_selection.metric, *said), best_constant(by_selection, said[1], said[3])
