"""With which partners, if any, to train a task: advice from the edges, or what would settle it.

A partner is advised only where the adjusted interval shows a gain, so that picking the best of
many is paid for; of several the one with the highest lower end is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from transfer_study.analysis.advice.commands import Commands
from transfer_study.analysis.advice.evidence import (
    ALONE,
    Effect,
    by_system,
    effects,
    listed,
    sizes_of,
)
from transfer_study.analysis.advice.sentences import advice, evidence_words, settling, unlearned
from transfer_study.analysis.edges import VARIANT, Verdict
from transfer_study.analysis.graph.views import Shown, at_size
from transfer_study.errors import NothingRun, StudyError
from transfer_study.points import points
from transfer_study.study.arms import PAIRS
from transfer_study.study.looks import Looks
from transfer_study.study.margin import Margin
from transfer_study.study.plan import Plan
from transfer_study.study.spelling import choices

_Axes = tuple[str, str, str]  # encoder, reading, variant


@dataclass(frozen=True)
class Recommendation:
    """How to train a task, by one encoder and reading.

    `gain` is the measured gain of the advised way over the single task, `low` to `high` its
    adjusted interval, `expected` what is left of it after shrinking, and `regret` how much more
    another of `compared` could give; all fractions of 1, NaN where one seed does not tell. Without
    `enough` evidence the advice is to train alone, and `command` gets the evidence; it is empty
    where nothing can be run.
    """

    task: str
    encoder: str
    reading: str
    variant: str
    size: int | None  # the task's training size, in a study of several
    arm: str
    partners: tuple[str, ...]
    gain: float
    low: float
    high: float
    expected: float
    regret: float
    compared: tuple[Effect, ...]
    untried: tuple[str, ...]  # partners that help one by one, and were never tried together
    text: str
    command: str
    enough: bool


def recommendations(plan: Plan, deltas: pd.DataFrame, study: str = "STUDY") -> list[Recommendation]:
    """Advice for each task of a study, by encoder, reading and variant in the order of `deltas`.

    Of a task at several sizes in `deltas` the largest counts. `study` is the file, for commands.
    """

    def commands(system: _Axes, sizes: Mapping[str, int]) -> Commands:
        return Commands(plan, study, *system, sizes)

    tasks = [task.name for task in plan.study.tasks]
    return advise(at_size(deltas, None), tasks, plan.study.margin, commands, plan.looks)


def advise(
    deltas: pd.DataFrame,
    tasks: Sequence[str],
    margin: Margin,
    commands: Callable[[_Axes, Mapping[str, int]], Commands] | None = None,
    looks: Looks | None = None,
) -> list[Recommendation]:
    """Advice for each of the tasks from edges, by encoder, reading and variant in their order.

    A task has one size in `deltas`. `commands` are those of a system with the sizes of its targets;
    without, advice has none, for nothing can be run.
    """
    return [
        _recommend(
            _Of(task, *system, sizes.get(task)),
            found.get(task, []),
            None if commands is None else commands(system, sizes),
            looks,
        )
        for system, edges in by_system(deltas)
        for sizes in [sizes_of(edges)]
        for found in [effects(edges, margin)]
        for task in tasks
    ]


def check_task(names: Sequence[str], task: str) -> None:
    """Raise StudyError for a task that is not among those of a study."""
    if task not in names:
        raise StudyError(f"--task: found {task}, which is no task of it; {choices(task, names)}")


def chosen_edges(
    plan: Plan,
    deltas: pd.DataFrame,
    encoder: str | None,
    reading: str | None,
    variant: str | None = None,
    size: int | None = None,
) -> pd.DataFrame:
    """The deltas of an encoder, reading, variant and training size, each where it is asked for.

    Raises StudyError for one that the study does not have, and for a study without edges.
    """
    chosen = edges_by(plan.study.name, deltas, encoder, reading, variant)
    Shown(size=size).check(plan.study)
    return chosen if size is None else at_size(chosen, size)


def edges_by(
    study: str,
    deltas: pd.DataFrame,
    encoder: str | None,
    reading: str | None,
    variant: str | None = None,
) -> pd.DataFrame:
    """The deltas of an encoder, reading and variant of a study, each where it is asked for.

    Raises StudyError for one that the study does not have, and for a study without edges.
    """
    if deltas.empty:
        raise StudyError(
            f"the study {study} compares nothing; add `pairs` or another arm to `arms`"
        )
    if variant is not None and VARIANT not in deltas:
        raise StudyError(
            f"--variant: found {variant}, but the study has no `variants`; leave it out"
        )
    for column, asked in (("encoder", encoder), ("reading", reading), (VARIANT, variant)):
        if asked is not None:
            known = list(dict.fromkeys(deltas[column]))
            if asked not in known:
                raise StudyError(f"--{column}: found {asked}; {choices(asked, known)}")
            deltas = deltas[deltas[column] == asked]
    return deltas


def check_run(edges: pd.DataFrame, task: str | None, study: str) -> None:
    """Raise NothingRun where no edge has an answer, or none into the task that is asked for."""
    into = edges if task is None else edges[edges["target"] == task]
    if into["delta"].isna().all():
        about = "" if task is None else f" into {task}"
        raise NothingRun(
            f"nothing was run that advice could come from: none of the {len(into)} edges{about} "
            f"has an answer; give `transfer-study run {study}`, or name the store that has the "
            "answers with --store"
        )


class _Of(NamedTuple):
    """What a recommendation is of."""

    task: str
    encoder: str
    reading: str
    variant: str
    size: int | None


def _recommend(
    of: _Of, found: list[Effect], commands: Commands | None, looks: Looks | None
) -> Recommendation:
    task = of.task
    measured = [effect for effect in found if effect.is_known]
    not_learned = [effect for effect in found if effect.verdict is Verdict.NOT_LEARNED]
    gains = [effect for effect in measured if effect.verdict is Verdict.GAIN]
    undecided = [effect for effect in measured if effect.verdict is Verdict.UNDECIDED]
    # The first of equals: the order of the table has pairs before larger sets.
    best = max(gains, key=lambda effect: effect.low, default=ALONE)
    enough = bool(measured) and (bool(gains) or not undecided)
    untried = _untried(found)
    regret = regret_of(best, measured)
    words = evidence_words(undecided, looks)
    if commands is not None and not_learned and not measured:
        words = commands.longer(task)
    if enough:
        sentences = [advice(task, best, len(measured))]
    elif not_learned and not measured:
        sentences = [unlearned(task)]
    else:
        sentences = [
            f"Not enough evidence for {task}: until there is, train it alone.",
            settling(undecided, looks),
        ]
    if not math.isnan(regret):
        cost = (
            "At the far ends of the adjusted intervals, another way would give "
            f"{points(regret)} points more."
        )
        sentences.insert(1, cost)
    elif measured:
        sentences.insert(1, "What being wrong costs is not known, for want of intervals.")
    if missing := len(found) - len(measured) - len(not_learned):
        sentences.append(f"{missing} of {len(found)} ways to train it are not complete.")
    if untried:
        sentences.append(
            f"{listed(untried)} each help; together they were never tried, and the mean of pairs "
            "predicts no more than the better of them."
        )
    return Recommendation(
        **of._asdict(),
        arm=best.arm,
        partners=best.partners,
        gain=best.delta,
        low=best.low,
        high=best.high,
        expected=best.expected,
        regret=regret,
        compared=(ALONE, *measured),
        untried=untried,
        text=" ".join(sentences),
        command=_command(task, best, None if enough else words, commands),
        enough=enough,
    )


def _command(
    task: str, best: Effect, words: Sequence[str] | None, commands: Commands | None
) -> str:
    """What gets the evidence that is missing by these words, or trains and exports the best."""
    if commands is None:
        return ""
    if words is None:
        return commands.export(task, best.arm, best.partners)
    return commands.run(*words)


def regret_of(chosen: Effect, others: Sequence[Effect]) -> float:
    """How much more another way than the chosen one could give, at least 0; NaN if none is known.

    The two errors are combined as if independent, which is careful: both are held against the same
    runs on the same examples.
    """
    differences = [0.0] + [
        other.delta - chosen.delta + math.hypot(other.reach, chosen.reach)
        for other in (ALONE, *others)
        if other is not chosen
    ]
    if not others or any(map(math.isnan, differences)):
        return math.nan
    return min(max(differences), max(other.span for other in others))


def _untried(found: Sequence[Effect]) -> tuple[str, ...]:
    """The partners that are a gain one by one, if they were never trained with the task at once."""
    pairs = [e for e in found if e.arm == PAIRS.label and e.is_known]
    helping = [e.partners[0] for e in pairs if e.verdict is Verdict.GAIN]
    together = any(e.is_known and set(e.partners) == set(helping) for e in found)
    return () if len(helping) < 2 or together else tuple(helping)
