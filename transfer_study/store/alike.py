"""Whether two models answer alike, to within what processors and batches round otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transfer_study.store.predictions import Answers
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import Task


def is_alike(
    task: Task,
    label: Label,
    scores: Sequence[float],
    before: Answers,
    n: int,
    tolerance: float,
) -> bool:
    """Whether an answer is the n-th of those before, to within a tolerance.

    It is one of probabilities, and of a value a share of it, or of 1 where that is more. `before`
    must have scores.
    """
    assert before.scores is not None
    now, then = np.array(scores), np.array(before.scores[n].as_py())
    tolerance *= max(1.0, float(np.abs(then).max(initial=0)))
    if now.shape != then.shape or not np.allclose(now, then, rtol=0, atol=tolerance):
        return False
    if not task.kind.words:
        return True  # the scores of all classes were compared
    # Two tags may tie, each then with one half at most.
    tags = zip(np.array(label), np.array(before.predicted[n]), now, strict=True)
    return all(tag == same or score <= 0.5 + tolerance for tag, same, score in tags)
