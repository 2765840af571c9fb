"""What is said of the runs of others: which model each is of, and what that is held against.

A baseline, the model of a target alone, has no source (see arm_labels.py for the other arms).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

from transfer_study.errors import Problem, StudyError
from transfer_study.judge.arm_labels import label_of, reading_of, said_label
from transfer_study.judge.given import RUN_COLUMNS
from transfer_study.judge.score_pairs import RUN, effect_text, faults_of_mixes, in_readings
from transfer_study.judge.score_rows import name_of, seed_of, sources_of, task_name
from transfer_study.study.characters import composed
from transfer_study.study.joined import apart, joined

# What may stand where there is no source.
ALONE = ("", "none", "alone")
# The parts of what is said of a run.
PARTS = ("encoder", "source", "target", "seed", "arm", "reading")
_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidRun:
    """One model and target, as a row of a table or the name of a file says.

    `source` has its names in order, joined by `+`. `arm` (a label) and `reading` are empty where
    nothing is said of them; `where` is for those who read of a fault.
    """

    encoder: str
    source: str
    target: str
    seed: int
    arm: str = ""
    reading: str = ""
    where: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """The tasks that the model was trained with besides the target."""
        return apart(self.source)

    @property
    def shown(self) -> str:
        """What it is a run of, in a sentence."""
        return effect_text(self.encoder, self.source, self.target)


def said_run(said: Mapping[str, str], where: str) -> SaidRun:
    """A run from texts by the names in PARTS; raises StudyError with all that is wrong."""
    said = {part: composed(said.get(part, "").strip()) for part in PARTS}
    source = "" if said["source"].casefold() in ALONE else said["source"]
    faults: list[Problem] = []

    def read(part: Callable[[], _Part], unsaid: _Part) -> _Part:
        try:
            return part()
        except ValueError as error:
            faults.append(Problem(str(error), where))
            return unsaid

    encoder = read(lambda: name_of("encoder", said["encoder"]), "")
    target = read(lambda: task_name("target", said["target"]), "")
    sources = read(lambda: sources_of(source), tuple[str, ...]())
    seed = read(lambda: seed_of(said["seed"]), 0)
    arm = read(lambda: said_label(said["arm"]) if said["arm"] else "", "")
    if not faults:
        read(lambda: reading_of(said["reading"], label_of(arm, sources, target, set())), "")
    if faults:
        raise StudyError(*faults)
    return SaidRun(
        encoder=encoder,
        source=joined(sources),
        target=target,
        seed=seed,
        arm=arm,
        reading=said["reading"],
        where=where,
    )


def run_rows(runs: Sequence[SaidRun], metrics: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """The table of `Given` and the name of each run, as `runs` are in order.

    `metrics` are by target. A baseline stands in every reading that its target's models have.
    Raises StudyError for a run that is there twice, for several mixes of tasks under one name, and
    for a model without a baseline.
    """
    tasks: dict[str, set[str]] = {}
    for run in runs:
        tasks.setdefault(run.encoder, set()).update((*run.sources, run.target))
    labels = [label_of(run.arm, run.sources, run.target, tasks[run.encoder]) for run in runs]
    placed = [
        (run, label, reading_of(run.reading, label))
        for run, label in zip(runs, labels, strict=True)
    ]
    names = [
        ", ".join(filter(None, (run.shown, label * bool(run.source), reading, f"seed {run.seed}")))
        for run, label, reading in placed
    ]
    rows = [
        (run.encoder, reading, label, run.source, run.target, metrics.get(run.target, ""), run.seed)
        for run, label, reading in placed
    ]
    table = pd.DataFrame(rows, columns=RUN).assign(run=names, number=range(len(runs)))
    table = in_readings(table)
    problems = [
        _twice(runs[later], runs[first])
        for _, same in table[table.duplicated(RUN, keep=False)].groupby(RUN, sort=False)
        for first, *others in [same["number"]]
        for later in others
    ]
    problems += [
        Problem(message, runs[mix["number"].iloc[-1]].where)
        for message, mix in faults_of_mixes(table)
    ]
    if not any(run.source for run in runs):
        problems.append(Problem("all runs are baselines; give models that have a source"))
    problems += _without_baselines(placed)
    if problems:
        raise StudyError(*dict.fromkeys(problems))
    return table[[*RUN_COLUMNS]], names


def _twice(run: SaidRun, before: SaidRun) -> Problem:
    return Problem(
        f"found seed {run.seed} of {run.shown} twice, first in {before.where}; remove one, or give "
        "them different seeds or arms",
        run.where,
    )


def _without_baselines(placed: Sequence[tuple[SaidRun, str, str]]) -> Iterator[Problem]:
    """What to say of models whose target, or whose seed of it, has no baseline; once of each."""
    seeds: dict[tuple[str, str], dict[str, set[int]]] = {}
    for run, _, reading in placed:
        if not run.source:
            by_reading = seeds.setdefault((run.encoder, run.target), {})
            by_reading.setdefault(reading, set()).add(run.seed)
    told = set()
    for run, _, reading in placed:
        if not run.source:
            continue
        held = seeds.get((run.encoder, run.target), {})
        # What has no reading of its own is in every one.
        own = held.get(reading, set()) | held.get("", set())
        if not own and (run.encoder, run.target, reading) not in told:
            told.add((run.encoder, run.target, reading))
            yield Problem(
                f"found no baseline of {run.target} by {run.encoder}"
                + (f" in the reading {reading}" if held else "")
                + f"; give runs of {run.target} alone, without a source",
                run.where,
            )
        elif own and run.seed not in own:
            yield Problem(
                f"found seed {run.seed} of {run.shown}, of which {run.target} alone has no run; "
                f"its seeds are {', '.join(map(str, sorted(own)))}. Add the baseline's run, or "
                "leave this one out",
                run.where,
            )
