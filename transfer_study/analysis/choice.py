"""Which of a study's models is the best of a task, by dev scores alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields

from transfer_study.errors import ExportError
from transfer_study.spec.frozen import canonical_json
from transfer_study.spec.plan import Plan, System
from transfer_study.spec.spelling import choices
from transfer_study.spec.stage import Stage, StageKind
from transfer_study.spec.study import Control

BEST = "best"


@dataclass(frozen=True)
class Candidate:
    """One way to make a model: the stages that answer for it, one a seed of the study."""

    title: str
    stages: tuple[Stage, ...]

    def of(self, seed: int | None) -> tuple[Stage, ...]:
        """The stages of a seed, or of all."""
        return tuple(s for s in self.stages if seed is None or s.seed == seed)


@dataclass(frozen=True)
class Choice:
    """What was chosen, and all that it was chosen among with their mean dev scores.

    `seed` is the one that was asked for, None where dev chose it.
    """

    candidate: Candidate
    stage: Stage
    seed: int | None
    compared: tuple[tuple[Candidate, float], ...]


def candidates_for(
    plan: Plan, task: str, arm: str, reading: str | None, encoder: str | None
) -> list[Candidate]:
    """The models of a task, simpler ones first; raises ExportError for a name the study lacks.

    `arm` is `best` for all, an arm such as `single` or `full`, or an arm with its partners, as in
    `pair:PARTNER`.
    """
    _check_known("task", task, [t.name for t in plan.study.tasks])
    of_task = [s for s in plan.systems if s.target == task and s.arm not in tuple(Control)]
    _check_known("arm", arm, [BEST, *_arm_names(of_task)], {s.arm for s in of_task})
    _check_known("reading", reading, dict.fromkeys(str(s.reading) for s in of_task))
    _check_known("encoder", encoder, dict.fromkeys(s.encoder for s in of_task))
    asked = [
        system
        for system in of_task
        if arm in (BEST, system.arm, f"{system.arm}:{system.source}")
        and reading in (None, system.reading)
        and encoder in (None, system.encoder)
    ]
    several = len({system.encoder for system in of_task}) > 1
    by_seed: dict[str, list[System]] = {}
    for system in asked:
        alike = [
            str(getattr(system, field.name))
            for field in fields(system)
            if field.name not in ("seed", "stage", "baseline", "controls")
        ]
        by_seed.setdefault(canonical_json(alike), []).append(system)
    if not by_seed:
        raise ExportError(f"the study has no {arm} model of {task} in the {reading} reading")
    # A stable sort: of the equally simple the study's own order stands.
    groups = sorted(by_seed.values(), key=_complexity)
    return [Candidate(_title(g[0], several), tuple(s.stage for s in g)) for g in groups]


def _arm_names(systems: Sequence[System]) -> list[str]:
    names = []
    for arm in dict.fromkeys(system.arm for system in systems):
        sources = dict.fromkeys(s.source for s in systems if s.arm == arm)
        names += [f"{arm}:{source}" for source in sources] if len(sources) > 1 else [arm]
    return names


def _complexity(group: Sequence[System]) -> tuple[int, int]:
    return len(group[0].sources), _stages_behind(group[0].stage)


def _stages_behind(stage: Stage) -> int:
    return len(stage.parents) + sum(map(_stages_behind, stage.parents))


def _title(system: System, several_encoders: bool) -> str:
    partners = f" with {', '.join(system.sources)}" if system.sources else ""
    encoder = f" from {system.encoder}" if several_encoders else ""
    return f"{system.reading} reading, {system.arm}{partners}{encoder}"


def full_mixes(plan: Plan, encoder: str | None) -> list[Candidate]:
    """The joint stages of all the study's tasks; raises ExportError where there is none."""
    names = [e.name for e in plan.study.encoders]
    _check_known("encoder", encoder, names)
    by_seed: dict[tuple[str, str], list[Stage]] = {}
    for stage in plan:
        whole = stage.kind is StageKind.REFINE and len(stage.tasks) == len(plan.study.tasks)
        if whole and encoder in (None, stage.encoder.name):
            key = (stage.encoder.name, canonical_json(stage.recipe.identity()))
            by_seed.setdefault(key, []).append(stage)
    if not by_seed:
        raise ExportError(
            f"the study {plan.study.name} trains no model on all its tasks; add `full` to its arms "
            "and run it, or name a task with --task"
        )
    return [
        Candidate(f"full mix from {name}" if len(names) > 1 else "full mix", tuple(stages))
        for (name, _), stages in by_seed.items()
    ]


def choose(
    candidates: Sequence[Candidate],
    seed: int | None,
    is_done: Callable[[Stage], bool],
    dev_score: Callable[[Stage], float],
) -> Choice:
    """The candidate of best mean dev score over the seeds, and of its seeds the best on dev.

    A seed restricts both. The first of equals is taken, so the simplest. Raises ExportError where
    a stage to be compared is not complete: half of a study does not tell its best.
    """
    seeds = {stage.seed for candidate in candidates for stage in candidate.stages}
    _check_known("seed", seed, sorted(seeds))
    needed = [stage for candidate in candidates for stage in candidate.of(seed)]
    absent = [stage for stage in needed if not is_done(stage)]
    if absent:
        raise ExportError(
            f"{len(absent)} of {len(needed)} stages to choose among are not in the store, such "
            f"as {absent[0].name}; run them with `transfer-study run STUDY`, or name what is there "
            "with --arm and --seed"
        )
    compared = []
    for candidate in candidates:
        scores = [dev_score(stage) for stage in candidate.of(seed)]
        compared.append((candidate, sum(scores) / len(scores)))
    best, _ = max(compared, key=lambda pair: pair[1])
    return Choice(best, max(best.of(seed), key=dev_score), seed, tuple(compared))


def _check_known(
    what: str, found: object, known: Collection[object], also: Collection[object] = ()
) -> None:
    if found is not None and found not in known and found not in also:
        raise ExportError(
            f"found {what} {found}; {choices(str(found), [str(word) for word in known])}"
        )
