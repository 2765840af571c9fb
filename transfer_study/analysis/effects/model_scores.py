"""The scores of one model beside those of its like over the study's seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from transfer_study.analysis.effects.uncertainty import Interval, paired_t
from transfer_study.metrics import reported, score, score_span
from transfer_study.store.predictions import Answers
from transfer_study.study.stage import Stage
from transfer_study.study.tasks.task import MetricName, Task


@dataclass(frozen=True, slots=True)
class ModelScore:
    """A model's score, and the mean and 95% interval over the `n_seeds` runs of the study."""

    task: str
    metric: MetricName
    split: str
    value: float
    n: int
    over_seeds: Interval
    n_seeds: int


def model_scores(
    task: Task,
    own: Callable[[str], Answers],
    runs: Sequence[Stage],
    of_run: Callable[[Stage, Task, str], Answers],
) -> Iterator[ModelScore]:
    """Every metric of a task's kind on dev and test, the task's own first.

    `own` gives the model's answers for a split, `of_run` those of a run of the study.
    """
    for split in ("dev", "test"):
        mine = own(split)
        others = [of_run(stage, task, split) for stage in runs]
        for metric in reported(task):
            over_seeds = paired_t([_score(metric, task, answers) for answers in others])
            yield ModelScore(
                task.name,
                metric,
                split,
                _score(metric, task, mine),
                len(mine.gold),
                over_seeds.within(1 - score_span(metric), 1),
                len(others),
            )


def _score(metric: MetricName, task: Task, answers: Answers) -> float:
    return score(metric, task, answers.gold, answers.predicted, answers.documents)
