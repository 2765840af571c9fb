"""What the page is about: the content, its frames, and how tasks and effects are numbered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from transfer_study.analysis.graph.clustering import cluster_tasks
from transfer_study.figures.lettering import metric_name
from transfer_study.figures.naming import fit_names, one_line
from transfer_study.figures.transfer_graph import LARGEST
from transfer_study.report.content import Content
from transfer_study.report.page.frames import Frame, ShownEffect, frames
from transfer_study.report.sentences.words import source_name
from transfer_study.study.arms import arm_of

_IN_TABLES, _TABLE_TYPE = 250.0, 14.4  # widths and sizes of type in pixels
_BESIDE, _PLOT_TYPE = 162.0, 15.0


@dataclass(frozen=True, eq=False)
class Subject:
    """A report's content as the parts of the page share it."""

    content: Content

    @cached_property
    def frames(self) -> list[Frame]:
        """Everything that can be shown, the first being shown first."""
        return frames(self.content)

    @property
    def first(self) -> Frame:
        """The frame that is there without scripts."""
        return self.frames[0]

    @cached_property
    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """What is known of each task by its name, in the study's order."""
        return {
            str(task["name"]): {
                "kind": str(task["kind"]),
                "domain": str(task["domain"]),
                "metric": metric_name(str(task["metric"])),
            }
            for task in self.content.tasks.to_dict("records")
        }

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The tasks in the study's order."""
        return tuple(self.tasks)

    @cached_property
    def number(self) -> Mapping[str, int]:
        """The number of each task."""
        return {name: n for n, name in enumerate(self.names)}

    @cached_property
    def short(self) -> Mapping[str, str]:
        """The names in tables, long ones cut, with their numbers."""
        return self._cut(_IN_TABLES, _TABLE_TYPE)

    @cached_property
    def brief(self) -> Mapping[str, str]:
        """Likewise beside intervals."""
        return self._cut(_BESIDE, _PLOT_TYPE)

    def _cut(self, width: float, size: float) -> dict[str, str]:
        numbers = {name: n + 1 for name, n in self.number.items()}
        # A browser has fonts for all letters.
        fitted = fit_names(numbers, width, size, plain=lambda name, _: name)
        return {name: one_line(label) for name, label in fitted.items()}

    @cached_property
    def clustered(self) -> list[str]:
        """The tasks in the order of the matrix."""
        if not self.many:
            return list(self.names)
        domains = {name: task["domain"] for name, task in self.tasks.items()}
        return cluster_tasks(domains, {e: effect.delta for e, effect in self.first.edges.items()})

    @cached_property
    def held(self) -> frozenset[tuple[str, str]]:
        """The ends of every edge of any frame."""
        return frozenset(ends for frame in self.frames for ends in frame.edges)

    @cached_property
    def ends(self) -> list[tuple[str, str]]:
        """Those of `held`, in the order of the tasks."""
        return sorted(self.held, key=lambda ends: (self.number[ends[1]], self.number[ends[0]]))

    @cached_property
    def ringed(self) -> list[str]:
        """The tasks that have a ring in any frame."""
        held = {target for frame in self.frames for target in frame.rings}
        return [name for name in self.names if name in held]

    @property
    def many(self) -> bool:
        """Whether there are too many tasks to draw all their edges; then the matrix comes first."""
        return len(self.names) > LARGEST

    @cached_property
    def chosen(self) -> str:
        """The task whose graph is shown first where not all fits: that of most decided edges."""
        decided = [e for e in self.first.edges.values() if e.verdict in ("gain", "loss")]
        return max(self.names, key=lambda name: sum(name in (e.source, e.target) for e in decided))

    def edge_slot(self, source: str, target: str) -> int:
        """The number of the edge between two tasks."""
        return self.number[source] * len(self.names) + self.number[target]

    def ring_slot(self, target: str) -> int:
        """The number of the ring round a task."""
        return len(self.names) ** 2 + self.number[target]

    def slot(self, effect: ShownEffect, frame: Frame) -> int:
        """Where an effect of a frame is shown."""
        if frame.edges.get((effect.source, effect.target)) is effect:
            return self.edge_slot(effect.source, effect.target)
        return self.ring_slot(effect.target)

    def source(self, effect: ShownEffect) -> str:
        """The partners of an effect as readers name them."""
        return source_name(effect.source, effect.target, effect.arm)

    def base_label(self, frame: Frame) -> str:
        """What the score in a node is of."""
        return "all tasks" if frame.view.number == "score" else "alone"

    def score_of(self, frame: Frame) -> str:
        """Which number of an edge is not the one that stands in its target's node."""
        return "baseline" if frame.view.number == "score" else "score"

    def partner_label(self, frame: Frame) -> str:
        """The words before a partner's name."""
        arm = arm_of(frame.view.edges)
        assert arm is not None
        return "all but" if frame.view.number == "score" else arm.how.partition("{}")[0].strip()

    def kinds(self, frame: Frame) -> list[str]:
        """The kinds of stage that answer in a frame."""
        kinds = self.content.kinds
        models = {model for effect in frame for _, model, _ in effect.runs}
        return sorted({kinds[model] for model in models if model in kinds})
