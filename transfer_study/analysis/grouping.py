"""Which of all tasks to train together under a budget of models: advice from the edges.

The worth of a partition is the mean over tasks of what each gains over training alone, in points,
whatever the tasks' metrics are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from transfer_study.analysis.commands import Commands
from transfer_study.analysis.evidence import WITHOUT, Effect, by_system, effects, listed, points
from transfer_study.analysis.partition import (
    MOST_TASKS,
    NODES,
    Partition,
    Worth,
    best_partitions,
    members,
)
from transfer_study.analysis.preference import By
from transfer_study.analysis.views import at_size
from transfer_study.errors import StudyError
from transfer_study.spec.plan import Plan

_LOST = -1.0  # what is counted, by lower ends, for a pair of which nothing is known


@dataclass(frozen=True)
class Gain:
    """What a task gains in its group over training alone, and where that is known from.

    `evidence` is the arm that was measured, `pairs` for a prediction, empty for a task alone;
    `unknown` counts the pairs behind a prediction that were never run. NaN ends where there is no
    interval.
    """

    task: str
    expected: float
    low: float
    high: float
    evidence: str
    unknown: int = 0


@dataclass(frozen=True)
class Grouping:
    """The best partition of the tasks into a number of groups, with one model each.

    `expected` is the mean gain of the tasks with the interval `low` to `high`, errors of the tasks
    taken as independent; `regret` is what training each task alone could give more. `gap` is what
    another partition could be worth more by the numbers that were maximised, 0 where the search is
    complete.
    """

    groups: tuple[tuple[str, ...], ...]
    gains: tuple[Gain, ...]
    by: By
    expected: float
    low: float
    high: float
    regret: float
    gap: float

    @property
    def models(self) -> int:
        """The number of groups."""
        return len(self.groups)

    @property
    def text(self) -> str:
        """The partition and its worth as a plain sentence."""
        names = "; ".join(" + ".join(group) for group in self.groups)
        sure = (
            "interval not known"
            if math.isnan(self.low)
            else f"[{points(self.low, signed=True)}, {points(self.high, signed=True)}]"
        )
        return f"{names}: {points(self.expected, signed=True)} points a task {sure}"


@dataclass(frozen=True)
class Advice:
    """The groupings of a study by one encoder, reading and variant: one a number of models.

    `chosen` is the one to take. `prediction_error` is by how much pairs mispredict larger groups
    (root mean square, over the `n_checked` gains that were measured), NaN where none was.
    """

    encoder: str
    reading: str
    variant: str
    groupings: tuple[Grouping, ...]
    chosen: Grouping
    prediction_error: float
    n_checked: int
    why: str
    commands: tuple[str, ...]


def groupings(
    plan: Plan,
    deltas: pd.DataFrame,
    models: int | None = None,
    by: By | None = None,
    study: str = "STUDY",
    nodes: int = NODES,
) -> list[Advice]:
    """The best partitions of a study's tasks, by encoder, reading and variant.

    With at most `models` of them, else for every number. Where models are free the lower ends
    choose among all partitions, so that an undecided effect is no reason to join tasks; under a
    budget below the number of tasks some must be joined, and expectations choose. Raises StudyError
    for a number of models or tasks that is out of range.
    """
    n = len(plan.study.tasks)
    if models is not None and not 1 <= models <= n:
        raise StudyError(f"--models: found {models}; give 1 to {n}, the number of tasks")
    if n > MOST_TASKS:
        raise StudyError(f"found {n} tasks; --all looks for groups of at most {MOST_TASKS}")
    return [
        _Sources(plan, effects(edges, plan.study.margin)).advise(system, models, by, study, nodes)
        for system, edges in by_system(at_size(deltas, None))
    ]


class _Sources:
    """The effects of a study as joint training sees them: pairs, and whole groups."""

    def __init__(self, plan: Plan, found: Mapping[str, Sequence[Effect]]) -> None:
        self.plan = plan
        self.names = [task.name for task in plan.study.tasks]
        number = {name: n for n, name in enumerate(self.names)}
        self.joint: dict[tuple[int, int], Effect] = {}  # by group and task
        for target, of_target in found.items():
            for effect in of_target:
                together = effect.arm in ("pair", "full", WITHOUT) or effect.arm.startswith("group")
                if together and effect.was_run:
                    group = sum(1 << number[name] for name in (target, *effect.partners))
                    # What was measured directly comes before what was derived.
                    self.joint.setdefault((group, number[target]), effect)
        self.prediction_error, self.n_checked = self._checked()

    def _checked(self) -> tuple[float, int]:
        """By how much the mean of pairs misses what larger groups were measured to gain."""
        errors = [
            effect.delta - float(np.mean([pair.delta for pair in pairs]))
            for (group, task), effect in self.joint.items()
            for pairs in [self._pairs(group, task)]
            if group.bit_count() > 2 and len(pairs) == group.bit_count() - 1
        ]
        return (float(np.sqrt(np.mean(np.square(errors)))) if errors else math.nan), len(errors)

    def _pairs(self, group: int, task: int) -> list[Effect]:
        asked = (self.joint.get((1 << task | 1 << o, task)) for o in members(group) if o != task)
        return [effect for effect in asked if effect is not None]

    def worth(self, by: By) -> Worth:
        """The effects as numbers to maximise."""

        def number(effect: Effect) -> float:
            value = effect.expected if by is By.EXPECTED else effect.low
            return _LOST if math.isnan(value) else value

        n = len(self.names)
        pairs = np.full((n, n), 0.0 if by is By.EXPECTED else _LOST)
        measured: dict[int, dict[int, float]] = {}
        for (group, task), effect in self.joint.items():
            if group.bit_count() == 2:
                (other,) = (o for o in members(group) if o != task)
                pairs[other, task] = number(effect)
            else:
                measured.setdefault(group, {})[task] = number(effect)
        return Worth(pairs, measured)

    def advise(
        self,
        system: tuple[str, str, str],
        models: int | None,
        by: By | None,
        study: str,
        nodes: int,
    ) -> Advice:
        n = len(self.names)
        budget = models or n
        row_by = by or By.EXPECTED
        rows = self._rows(row_by, range(1, budget + 1), nodes)
        if budget < n:
            chosen_by, among = row_by, rows
            why = (
                f"With {budget} models for {n} tasks some must be joined, so the expected gains "
                "choose, those of undecided effects included."
            )
        else:
            chosen_by = by or By.LOW
            among = rows if chosen_by is row_by else self._rows(chosen_by, range(1, n + 1), nodes)
            why = (
                "Models are free, so tasks are joined only where the lower ends of the intervals "
                "say that it pays; an undecided effect is no reason."
            )
        if by is not None:
            why = f"Chosen by the {_BY[by]}, as asked."
        # Of equals the one with the most models: nothing is joined for nothing.
        chosen, _ = max(among, key=lambda row: (row[1].value, row[0].models))
        return Advice(
            *system,
            tuple(grouping for grouping, _ in rows),
            chosen,
            self.prediction_error,
            self.n_checked,
            why,
            Commands(self.plan, study, system[0], system[1]).partition(chosen.groups),
        )

    def _rows(self, by: By, counts: range, nodes: int) -> list[tuple[Grouping, Partition]]:
        found = best_partitions(self.worth(by), counts, nodes)
        return [(self._grouping(partition, by), partition) for partition in found]

    def _grouping(self, partition: Partition, by: By) -> Grouping:
        gains = [self._gain(g, task) for g in partition.groups for task in members(g)]
        n = len(gains)
        expected = sum(gain.expected for gain in gains) / n
        reach = math.sqrt(sum(((gain.high - gain.low) / 2) ** 2 for gain in gains)) / n
        low = expected - reach
        return Grouping(
            tuple(tuple(self.names[t] for t in members(g)) for g in partition.groups),
            tuple(gains),
            by,
            expected,
            low,
            expected + reach,
            low if math.isnan(low) else max(0.0, -low),
            0.0 if partition.proved else (partition.bound - partition.value) / n,
        )

    def _gain(self, group: int, task: int) -> Gain:
        name = self.names[task]
        partners = group.bit_count() - 1
        if not partners:
            return Gain(name, 0.0, 0.0, 0.0, "")
        if effect := self.joint.get((group, task)):
            # The interval keeps its width, around what is expected.
            low, high = effect.expected - effect.reach, effect.expected + effect.reach
            return Gain(name, effect.expected, low, high, effect.arm)
        pairs = self._pairs(group, task)
        unknown = partners - len(pairs)
        expected = sum(pair.expected for pair in pairs) / partners
        if unknown:
            return Gain(name, expected, math.nan, math.nan, "pairs", unknown)
        # All pairs share the single task's runs, so that their errors add up; the prediction's own
        # error, where it could be checked, comes on top.
        own = 0.0 if math.isnan(self.prediction_error) else 2 * self.prediction_error
        reach = math.hypot(float(np.mean([pair.reach for pair in pairs])), own)
        return Gain(name, expected, expected - reach, expected + reach, "pairs")


_BY = {By.EXPECTED: "expected gains", By.LOW: "lower ends of the intervals"}


def assumptions(advice: Advice) -> list[str]:
    """What a reader must know to judge the numbers, as plain sentences."""
    said = [
        advice.why,
        "A value is the mean over tasks of the gain over training alone, in points of each task's "
        "own metric; gains are drawn towards zero, since the best of many is lucky as well, and "
        "errors of different tasks are taken as independent.",
    ]
    if any(gain.evidence == "pairs" for g in advice.groupings for gain in g.gains):
        checked = (
            f"on the {advice.n_checked} gains that were measured in larger groups it was off by "
            f"{points(advice.prediction_error)} points (root mean square), which the intervals hold"
            if advice.n_checked
            else "no larger group was run to check it, so that the intervals lack its own error"
        )
        said.append(
            "Predicted means not measured: the mean of what each partner does to the task in "
            f"pairs; {checked}."
        )
    unknown = {gain.task for g in advice.groupings for gain in g.gains if gain.unknown}
    if unknown:
        said.append(
            f"Pairs that were never run count as no effect, with no interval: for "
            f"{listed(sorted(unknown))}."
        )
    if any(g.gap for g in advice.groupings):
        said.append("The search was cut short: a gap says how much better a partition could be.")
    return said
