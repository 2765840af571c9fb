"""Which of all tasks to train together under a budget of models: advice from the edges.

The worth of a partition is the mean over tasks of what each gains over training alone, in points,
whatever the tasks' metrics are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from transfer_study.analysis.advice.commands import Commands
from transfer_study.analysis.advice.evidence import by_system, effects, listed, sizes_of
from transfer_study.analysis.advice.joint_effects import Gain, JointEffects
from transfer_study.analysis.advice.partition import (
    MOST_TASKS,
    NODES,
    Partition,
    best_partitions,
    members,
)
from transfer_study.analysis.advice.preference import By
from transfer_study.analysis.edges import Verdict
from transfer_study.analysis.graph.views import at_size
from transfer_study.errors import StudyError
from transfer_study.points import points
from transfer_study.study.plan import Plan
from transfer_study.study.study import Study

_BY = {By.EXPECTED: "expected gains", By.LOW: "lower ends of the intervals"}


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
        if len(self.groups) == len(self.gains):
            return "each task alone"
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

    `sizes` are those of the tasks of several. `chosen` is the one to take. `prediction_error` is by
    how much pairs mispredict larger groups (root mean square, over the `n_checked` gains that were
    measured), NaN where none was. Of tasks that were `not_learned` no gain is known.
    """

    encoder: str
    reading: str
    variant: str
    sizes: Mapping[str, int]
    groupings: tuple[Grouping, ...]
    chosen: Grouping
    prediction_error: float
    n_checked: int
    why: str
    commands: tuple[str, ...]
    not_learned: tuple[str, ...] = ()


def check_groupable(study: Study, models: int | None) -> None:
    """Raise StudyError for a number of models or tasks that is out of range."""
    n = len(study.tasks)
    if models is not None and not 1 <= models <= n:
        raise StudyError(f"--models: found {models}; give 1 to {n}, the number of tasks")
    if n > MOST_TASKS:
        raise StudyError(f"found {n} tasks; --all looks for groups of at most {MOST_TASKS}")


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
    budget below the number of tasks some must be joined, and expectations choose. Raises what
    `check_groupable` raises.
    """
    check_groupable(plan.study, models)
    return [
        _advise(
            JointEffects(
                [task.name for task in plan.study.tasks], effects(edges, plan.study.margin)
            ),
            models,
            by,
            nodes,
            Commands(plan, study, *system, sizes_of(edges)),
            complete=not edges["verdict"].isin([Verdict.NOT_RUN, Verdict.FAILED]).any(),
        )
        for system, edges in by_system(at_size(deltas, None))
    ]


def _advise(
    joint: JointEffects,
    models: int | None,
    by: By | None,
    nodes: int,
    commands: Commands,
    *,
    complete: bool,
) -> Advice:
    n = len(joint.names)
    budget = models or n
    shown_by = by or By.EXPECTED
    chosen_by = by or (By.EXPECTED if budget < n else By.LOW)
    rows = _rows(joint, shown_by, range(1, budget + 1), nodes)
    among = rows if chosen_by is shown_by else _rows(joint, chosen_by, range(1, n + 1), nodes)
    # Of equals the one with the most models: nothing is joined for nothing.
    chosen, _ = max(among, key=lambda row: (row[1].value, row[0].models))
    return Advice(
        encoder=commands.encoder,
        reading=commands.reading,
        variant=commands.variant,
        sizes=commands.sizes,
        groupings=tuple(grouping for grouping, _ in rows),
        chosen=chosen,
        prediction_error=joint.prediction_error,
        n_checked=joint.n_checked,
        why=_why(budget, n, by),
        commands=commands.partition(chosen.groups, complete=complete),
        not_learned=joint.not_learned,
    )


def _why(budget: int, n: int, by: By | None) -> str:
    if by is not None:
        return f"Chosen by the {_BY[by]}, as asked."
    if budget < n:
        return (
            f"With {budget} models at most for {n} tasks some must be joined, so the expected "
            "gains choose, those of undecided effects included."
        )
    return (
        "Models are free, so tasks are joined only where the lower ends of the intervals say that "
        "it pays; an undecided effect is no reason."
    )


def _rows(
    joint: JointEffects, by: By, counts: range, nodes: int
) -> list[tuple[Grouping, Partition]]:
    found = best_partitions(joint.worth(by), counts, nodes)
    return [(_grouping(joint, partition, by), partition) for partition in found]


def _grouping(joint: JointEffects, partition: Partition, by: By) -> Grouping:
    gains = [joint.gain(group, task) for group in partition.groups for task in members(group)]
    n = len(gains)
    expected = sum(gain.expected for gain in gains) / n
    reach = math.sqrt(sum(((gain.high - gain.low) / 2) ** 2 for gain in gains)) / n
    low = expected - reach
    return Grouping(
        groups=tuple(tuple(joint.names[task] for task in members(g)) for g in partition.groups),
        gains=tuple(gains),
        by=by,
        expected=expected,
        low=low,
        high=expected + reach,
        regret=low if math.isnan(low) else max(0.0, -low),
        gap=0.0 if partition.proved else (partition.bound - partition.value) / n,
    )


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
    if advice.not_learned:
        said.append(
            f"{listed(advice.not_learned)} {'was' if len(advice.not_learned) == 1 else 'were'} not "
            "learned: what partners do to a task that scores no better than a constant answer is "
            "not known, and counts as no effect, with no interval. First make it learn by itself."
        )
    unknown = {gain.task for g in advice.groupings for gain in g.gains if gain.unknown}
    if unknown := unknown - set(advice.not_learned):
        said.append(
            f"Pairs that were never run count as no effect, with no interval: for "
            f"{listed(sorted(unknown))}."
        )
    if any(g.gap for g in advice.groupings):
        said.append("The search was cut short: a gap says how much better a partition could be.")
    return said
