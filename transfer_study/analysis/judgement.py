"""By what scores are compared and what counts as an effect; no part of any stage's identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from transfer_study.analysis.uncertainty import ALPHA
from transfer_study.errors import StudyError
from transfer_study.metrics import reported
from transfer_study.spec.correction import Correction
from transfer_study.spec.margin import Margin
from transfer_study.spec.spelling import choices
from transfer_study.spec.study import Study
from transfer_study.spec.task import MetricName, Task


@dataclass(frozen=True)
class Judgement:
    """How a study's edges are judged: margin, correction, level, and metrics other than its own.

    `metrics` are by task; a task that it leaves out is judged by its own.
    """

    margin: Margin
    correction: Correction = Correction.BH
    alpha: float = ALPHA
    metrics: Mapping[str, MetricName] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study) -> Judgement:
        """As the study says."""
        return cls(study.margin, study.correction)

    def metric(self, task: Task) -> MetricName:
        """The metric by which a task is judged."""
        return self.metrics.get(task.name, task.metric)

    def reported(self, task: Task) -> tuple[MetricName, ...]:
        """All metrics of the task's kind, the one that judges it first."""
        first = self.metric(task)
        return (first, *(metric for metric in reported(task) if metric is not first))

    def check(self, study: Study) -> None:
        """Raise StudyError for a task that the study does not have, or a metric unfit for it."""
        tasks = {task.name: task for task in study.tasks}
        for name, metric in self.metrics.items():
            if name not in tasks:
                raise StudyError(f"--metric: found task {name}; {choices(name, tasks)}")
            allowed = reported(tasks[name])
            if metric not in allowed:
                raise StudyError(
                    f"--metric: found {metric} for {name}, a {tasks[name].kind} task; "
                    f"allowed: {', '.join(allowed)}"
                )
