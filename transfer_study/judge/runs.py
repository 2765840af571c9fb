"""What is said of the runs of others: which model each is of, and what that is held against.

A baseline, the model of a target alone, has no source. One source makes the arm `pair`, several
make `full` where they are all other tasks of the encoder, else a group.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from transfer_study.errors import Problem, StudyError
from transfer_study.judge.given import RUN_COLUMNS
from transfer_study.study.arms import FULL, PAIRS, SINGLE, Arm, group_label, is_against_single
from transfer_study.study.characters import composed, fault_of_name
from transfer_study.study.reading import Reading

# What may stand where there is no source.
ALONE = ("", "none", "alone")
# The parts of what is said of a run.
PARTS = ("encoder", "source", "target", "seed", "arm", "reading")


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
        return tuple(self.source.split("+")) if self.source else ()

    @property
    def shown(self) -> str:
        """What it is a run of, in a sentence."""
        effect = f"{self.source} -> {self.target}" if self.source else f"{self.target} alone"
        return f"{effect} by {self.encoder}"


def said_run(said: Mapping[str, str], where: str) -> SaidRun:
    """A run from texts by the names in PARTS; raises StudyError with all that is wrong."""
    said = {part: composed(said.get(part, "").strip()) for part in PARTS}
    source = said["source"].casefold()
    sources = [] if source in ALONE else [n.strip() for n in said["source"].split("+")]
    faults = [*_faults_of_names(said, sources)]
    if not (said["seed"].isascii() and said["seed"].isdigit()):
        faults.append(f"found the seed {said['seed']!r}; give a whole number such as 0")
    arm = said["arm"]
    if arm:
        arm = _label(arm)
        if arm == SINGLE.label and sources:
            faults.append(f"found the arm {arm!r} with the source {said['source']!r}; remove one")
        elif not sources and arm != SINGLE.label:
            faults.append(f"found the arm {arm!r} without a source; name it, or leave the arm out")
        elif arm != SINGLE.label and not is_against_single(arm):
            allowed = [a.label for a in Arm.known.values() if is_against_single(a.label)]
            faults.append(
                f"found the arm {said['arm']!r}; allowed are those whose models are held against "
                f"the target alone: {', '.join(allowed)} (a group as group:NAME)"
            )
    if said["reading"] and said["reading"] not in [*Reading]:
        faults.append(f"found the reading {said['reading']!r}; allowed: {', '.join(Reading)}")
    if faults:
        raise StudyError(*(Problem(fault, where) for fault in faults))
    return SaidRun(
        encoder=said["encoder"],
        source="+".join(sorted(sources)),
        target=said["target"],
        seed=int(said["seed"]),
        arm=arm,
        reading=said["reading"],
        where=where,
    )


def _faults_of_names(said: Mapping[str, str], sources: Sequence[str]) -> Iterator[str]:
    for part in ("encoder", "target"):
        if not said[part]:
            yield f"the {part} is empty; name it"
        elif fault := fault_of_name(said[part]):
            yield f"the {part} has {fault}"
    if "+" in said["target"]:
        yield f"found the target {said['target']!r}; '+' joins sources, give one target a run"
    if "" in sources:
        yield f"found the source {said['source']!r}; name a task on both sides of each '+'"
    for name in dict.fromkeys(sources):
        if fault := fault_of_name(name):
            yield f"the source has {fault}"
        if name == said["target"]:
            yield (
                f"found the target {name!r} among its sources; a source is another task, and a "
                f"run of the target alone has none ({', '.join(filter(None, ALONE))} or nothing)"
            )
        elif sources.count(name) > 1:
            yield f"found the source {name!r} twice; name it once"


def _label(arm: str) -> str:
    """An arm's label, by which tables know it, from that or from its word in study files."""
    return next((a.label for a in Arm.known.values() if arm == a.word and a.sets is None), arm)


def arm_and_reading(run: SaidRun, tasks: Collection[str]) -> tuple[str, str]:
    """The arm's label and the reading of a model, `tasks` being all tasks of its encoder.

    Unsaid, the reading is the arm's first; a baseline's stays empty, for it is held against
    in every one.
    """
    if not run.source:
        return SINGLE.label, run.reading
    members = {*run.sources, run.target}
    label = run.arm
    if not label:
        several = FULL.label if members == {*tasks} else group_label("+".join(sorted(members)))
        label = PAIRS.label if len(run.sources) == 1 else several
    arm = next(a for a in Arm.known.values() if a.label == label.partition(":")[0])
    return label, run.reading or str(arm.readings[0])


def run_rows(runs: Sequence[SaidRun], metrics: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """The table of `Given` and the name of each run, as `runs` are in order.

    `metrics` are by target. A baseline stands in every reading that its target's models have.
    Raises StudyError for a run that is there twice, and for a model without a baseline.
    """
    tasks: dict[str, set[str]] = {}
    for run in runs:
        tasks.setdefault(run.encoder, set()).update((*run.sources, run.target))
    placed = [(run, *arm_and_reading(run, tasks[run.encoder])) for run in runs]
    names = [
        "/".join((run.encoder, arm, reading, run.source, run.target, str(run.seed)))
        for run, arm, reading in placed
    ]
    readings: dict[tuple[str, str], dict[str, None]] = {}
    for run, _, reading in placed:
        if run.source:
            readings.setdefault((run.encoder, run.target), {})[reading] = None
    rows, first, problems = [], dict[tuple[object, ...], SaidRun](), list[Problem]()
    for (run, arm, own), name in zip(placed, names, strict=True):
        for reading in [own] if own else readings.get((run.encoder, run.target), ()):
            metric = metrics.get(run.target, "")
            row = (run.encoder, reading, arm, run.source, run.target, metric, run.seed)
            before = first.setdefault(row, run)
            if before is not run:
                problems.append(_twice(run, before))
            rows.append((*row, name))
    if not readings:
        problems.append(Problem("all runs are baselines; give models that have a source"))
    problems += _without_baselines(placed)
    if problems:
        raise StudyError(*dict.fromkeys(problems))
    return pd.DataFrame(rows, columns=list(RUN_COLUMNS)), names


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
