"""By what scores are compared and what counts as an effect; no part of any stage's identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from typing_extensions import Self

from transfer_study.analysis.effects.sequential import ONCE, Sequential
from transfer_study.analysis.effects.uncertainty import ALPHA
from transfer_study.errors import Problem, StudyError
from transfer_study.metrics import reported
from transfer_study.study.correction import Correction
from transfer_study.study.margin import Margin
from transfer_study.study.plan import Plan
from transfer_study.study.spelling import choices
from transfer_study.study.study import Study
from transfer_study.study.tasks.task import MetricName


@dataclass(frozen=True)
class Judgement:
    """What makes an effect a verdict: the margin, the correction for many edges and its level.

    The level is that of all looks together, where edges are judged at several. `unmeasured` are
    edges that count beside those measured, by what is corrected together (`Plan.unmeasured`).
    """

    margin: Margin
    correction: Correction = Correction.BH
    alpha: float = ALPHA
    looks: Sequential = ONCE
    unmeasured: Mapping[tuple[str, str, bool], int] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study) -> Self:
        """As the study says."""
        return cls(study.margin, study.correction)

    def counting(self, unmeasured: Mapping[tuple[str, str, bool], int]) -> Self:
        """With edges that were left unmeasured; raises StudyError where these cannot be counted."""
        if unmeasured and self.correction is Correction.MAX_T:
            raise StudyError(
                f"correction: found {self.correction}, which resamples all edges together, in a "
                "study of which a budget has chosen the pairs; give `bh`, `by` or `holm`, which "
                "count the edges that were not measured too"
            )
        return replace(self, unmeasured=unmeasured)


@dataclass(frozen=True)
class Rejudged:
    """What is to be judged otherwise than the study says; `metrics` are by task."""

    margin: Margin | None = None
    correction: Correction | None = None
    metrics: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self != Rejudged()

    @property
    def label(self) -> str:
        """A name for a folder that says what is different."""
        said = [f"{task}={metric}" for task, metric in sorted(self.metrics.items())]
        if self.margin is not None:
            relative = self.margin.relative is not None
            size = self.margin.relative if relative else self.margin.absolute
            said.append(f"{'relative-' if relative else ''}margin={size:g}")
        if self.correction is not None:
            said.append(f"correction={self.correction}")
        return "+".join(said)

    @property
    def options(self) -> list[str]:
        """The words of a command line that ask for it."""
        words = []
        for task, metric in sorted(self.metrics.items()):
            words += ["--metric", f"{task}={metric}"]
        if self.margin is not None:
            relative = self.margin.relative
            size = f"{self.margin.absolute:g}" if relative is None else f"{100 * relative:g}%"
            words += ["--margin", size]
        if self.correction is not None:
            words += ["--correction", str(self.correction)]
        return words

    def of(self, plan: Plan) -> Plan:
        """The same stages, judged so; raises StudyError for what does not fit the study's tasks.

        The stages keep the metric that chose their epochs.
        """
        tasks = {task.name: task for task in plan.study.tasks}
        problems = []
        for name, metric in self.metrics.items():
            if name not in tasks:
                problems.append(f"--metric: found task {name!r}; {choices(name, tasks)}")
            elif metric not in reported(tasks[name]):
                allowed = choices(metric, [str(known) for known in reported(tasks[name])])
                problems.append(
                    f"--metric: found {metric!r} for {name}, a {tasks[name].kind} task; {allowed}"
                )
        if problems:
            raise StudyError(*map(Problem, problems))
        changes: dict[str, Any] = {
            "tasks": tuple(
                task.model_copy(
                    update={"metric": MetricName(self.metrics.get(task.name, task.metric))}
                )
                for task in plan.study.tasks
            )
        }
        if self.margin is not None:
            changes["margin"] = self.margin
        if self.correction is not None:
            changes["correction"] = self.correction
        return replace(plan, study=plan.study.model_copy(update=changes))
