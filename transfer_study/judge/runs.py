"""What is said of the runs of others: which model each is of, and what that is held against.

A baseline, the model of a target alone, has no source (see arm_labels.py for the other arms).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from transfer_study.errors import Problem, StudyError
from transfer_study.judge.arm_labels import label_of, reading_of, said_label
from transfer_study.judge.given import RUN_COLUMNS
from transfer_study.judge.score_pairs import RUN, effect_text, in_readings
from transfer_study.study.characters import composed, fault_of_name

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
        return effect_text(self.encoder, self.source, self.target)


def said_run(said: Mapping[str, str], where: str) -> SaidRun:
    """A run from texts by the names in PARTS; raises StudyError with all that is wrong."""
    said = {part: composed(said.get(part, "").strip()) for part in PARTS}
    source = said["source"].casefold()
    sources = [] if source in ALONE else [n.strip() for n in said["source"].split("+")]
    faults = [*_faults_of_names(said, sources)]
    if not (said["seed"].isascii() and said["seed"].isdigit()):
        faults.append(f"found the seed {said['seed']!r}; give a whole number such as 0")
    arm = said["arm"]
    try:
        arm = said_label(arm) if arm else ""
        reading_of(said["reading"], label_of(arm, tuple(sources), said["target"], set()))
    except ValueError as error:
        faults.append(str(error))
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


def run_rows(runs: Sequence[SaidRun], metrics: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """The table of `Given` and the name of each run, as `runs` are in order.

    `metrics` are by target. A baseline stands in every reading that its target's models have.
    Raises StudyError for a run that is there twice, and for a model without a baseline.
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
