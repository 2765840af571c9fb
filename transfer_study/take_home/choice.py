"""Which of a study's models is the best of a task, by dev scores alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from transfer_study.errors import ExportError
from transfer_study.study.arms import Control
from transfer_study.study.frozen import canonical_json
from transfer_study.study.plan import Plan
from transfer_study.study.sizes import train_sizes
from transfer_study.study.spelling import choices
from transfer_study.study.stage import Stage, StageKind
from transfer_study.study.stage_labels import sizes_text, stage_sizes
from transfer_study.study.system import System

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


@dataclass(frozen=True)
class Asked:
    """What a model must be of; None leaves it to dev.

    `arm` is `best` for all, an arm such as `single` or `full`, or an arm with its partners, as in
    `pair:PARTNER`.
    """

    arm: str = BEST
    reading: str | None = None
    encoder: str | None = None
    variant: str | None = None
    size: int | None = None


def candidates_for(plan: Plan, task: str, asked: Asked) -> list[Candidate]:
    """The models of a task, simpler ones first; raises ExportError for a name the study lacks."""
    arm = asked.arm
    _check_known("task", task, [t.name for t in plan.study.tasks])
    of_task = [s for s in plan.systems if s.target == task and s.arm not in Control.known]
    _check_known("arm", arm, [BEST, *_arm_names(of_task)], {s.arm for s in of_task})
    _check_known("reading", asked.reading, dict.fromkeys(str(s.reading) for s in of_task))
    _check_known("encoder", asked.encoder, dict.fromkeys(s.encoder for s in of_task))
    _check_variant(plan, asked.variant)
    _check_size(asked.size, dict.fromkeys(s.size for s in of_task if s.size), f"{task} is")
    chosen = [
        system
        for system in of_task
        if arm in (BEST, system.arm, f"{system.arm}:{system.source}")
        and asked.reading in (None, system.reading)
        and asked.encoder in (None, system.encoder)
        and asked.variant in (None, system.variant)
        and asked.size in (None, system.size)
    ]
    several = len({system.encoder for system in of_task}) > 1
    by_seed: dict[str, list[System]] = {}
    for system in chosen:
        alike = [
            str(getattr(system, field.name))
            for field in fields(system)
            if field.name not in ("seed", "stage", "baseline", "controls", "alone")
        ]
        by_seed.setdefault(canonical_json(alike), []).append(system)
    if not by_seed:
        raise ExportError(f"the study has no {arm} model of {task} in the {asked.reading} reading")
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
    size = f"{system.size} examples" if system.size else ""
    what = ", ".join(filter(None, (f"{system.arm}{partners}", system.variant, size)))
    return f"{system.reading} reading, {what}{encoder}"


def full_mixes(plan: Plan, asked: Asked) -> list[Candidate]:
    """The joint stages of all the study's tasks; raises ExportError where there is none."""
    names = [name for name, *_ in plan.study.starting_points]
    sizes = {size: None for task in plan.study.tasks for size in train_sizes(task)}
    _check_known("encoder", asked.encoder, names)
    _check_variant(plan, asked.variant)
    _check_size(asked.size, sizes, "its tasks are")
    mixes = [mix for mix in _mixes(plan) if len(mix.stage.tasks) == len(plan.study.tasks)]
    if not mixes:
        raise ExportError(
            f"the study {plan.study.name} trains no model on all its tasks; add `full` to its arms "
            "and run it, or name a task with --task"
        )
    by_seed: dict[str, dict[int, Stage]] = {}
    for mix in mixes:
        if (
            asked.encoder in (None, mix.encoder)
            and asked.variant in (None, mix.variant)
            and (asked.size is None or asked.size in mix.sizes.values())
        ):
            words = ", ".join(filter(None, ("full mix", mix.variant, sizes_text(mix.sizes))))
            title = f"{words} from {mix.encoder}" if len(names) > 1 else words
            by_seed.setdefault(title, {})[mix.stage.seed] = mix.stage
    if not by_seed:
        raise ExportError(
            "the study has no full mix that is all of what was asked for; leave one of --encoder, "
            "--variant and --size out"
        )
    return [Candidate(title, tuple(stages.values())) for title, stages in by_seed.items()]


@dataclass(frozen=True)
class _Mix:
    """A stage of joint training, by what tells it from others that differ not in seed alone."""

    stage: Stage
    encoder: str
    variant: str
    sizes: Mapping[str, int]


def _mixes(plan: Plan) -> Iterator[_Mix]:
    """Each refinement of whole tasks once; no variant is of what models of all start from."""
    seen: set[str] = set()
    for system in plan.systems:
        for stage in system.stages():
            whole = all(member.task.transform is None for member in stage.tasks)
            if stage.kind is StageKind.REFINE and whole and stage.id not in seen:
                seen.add(stage.id)
                variant = system.variant if stage.id == system.stage.id else ""
                yield _Mix(stage, system.encoder, variant, stage_sizes(plan.study, stage))


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
    # A baseline has seeds that others lack, and so has an edge that was not decided at once.
    candidates = [candidate for candidate in candidates if candidate.of(seed)]
    needed = [stage for candidate in candidates for stage in candidate.of(seed)]
    absent = [stage for stage in needed if not is_done(stage)]
    if absent:
        raise ExportError(
            f"{len(absent)} of {len(needed)} stages to choose among are not in the store, such "
            f"as {absent[0].family}; run them with `transfer-study run STUDY`, where their answers "
            "are known already with --results and a folder that is new, or name what is there with "
            "--arm, --variant, --size and --seed"
        )
    compared = []
    for candidate in candidates:
        scores = [dev_score(stage) for stage in candidate.of(seed)]
        compared.append((candidate, sum(scores) / len(scores)))
    best, _ = max(compared, key=lambda pair: pair[1])
    return Choice(best, max(best.of(seed), key=dev_score), seed, tuple(compared))


def _check_variant(plan: Plan, found: str | None) -> None:
    if found is not None and not plan.study.variants:
        raise ExportError(f"found variant {found}, but the study has no `variants`; leave it out")
    _check_known("variant", found, plan.study.variants)


def _check_size(found: int | None, known: Collection[int], whose: str) -> None:
    if found is not None and not known:
        raise ExportError(f"found size {found}, but {whose} learned at one size; leave it out")
    _check_known("size", found, known)


def _check_known(
    what: str, found: object, known: Collection[object], also: Collection[object] = ()
) -> None:
    if found is not None and found not in known and found not in also:
        raise ExportError(
            f"found {what} {found}; {choices(str(found), [str(word) for word in known])}"
        )
