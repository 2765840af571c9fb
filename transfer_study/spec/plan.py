"""From a study to its distinct stages, parents first, and the comparisons drawn from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations

from transfer_study.spec.encoder import Encoder
from transfer_study.spec.fingerprint import DataFingerprint
from transfer_study.spec.frozen import Frozen
from transfer_study.spec.protocol import Protocol
from transfer_study.spec.recipe import Precision, Recipe
from transfer_study.spec.stage import Stage, StageKind, StageTask
from transfer_study.spec.study import Arm, Pairing, Reading, Study
from transfer_study.spec.task import Task


class Fingerprints(Frozen):
    """What a plan needs to know of the world: contents by name, and the resolved precision."""

    data: dict[str, DataFingerprint]
    encoders: dict[str, str]
    precision: Precision


@dataclass(frozen=True, slots=True)
class System:
    """One trained model as a reading sees it: which stage answers for which target.

    `arm` is `single`, `control`, `pair` or `full`; `sources` are the partners of `target`;
    `variant` names what is changed in the recipe, empty in a study without variants.
    """

    encoder: str
    reading: Reading
    arm: str
    sources: tuple[str, ...]
    target: str
    seed: int
    stage: Stage
    variant: str = ""
    protocol: str = Protocol.CLEAN

    @property
    def source(self) -> str:
        """The partners' names joined by `+`, empty for a single task."""
        return "+".join(self.sources)


@dataclass(frozen=True)
class Plan:
    """The distinct stages of a study in an order in which parents come first."""

    study: Study
    fingerprints: Fingerprints
    stages: tuple[Stage, ...]
    systems: tuple[System, ...]
    # How many stages there would be if none were shared.
    unshared: int = field(compare=False)

    def __len__(self) -> int:
        return len(self.stages)

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)

    @property
    def protocols(self) -> tuple[str, ...]:
        """The protocols that the plan runs side by side."""
        return tuple(dict.fromkeys(system.protocol for system in self.systems))

    def under(self, protocol: str) -> Plan:
        """The part of the plan that follows one protocol, as a study of its own."""
        systems = tuple(s for s in self.systems if s.protocol == protocol)
        asked = [stage for system in systems for stage in _lineage(system.stage)]
        study = self.study.protocols()[protocol]
        return Plan(study, self.fingerprints, tuple(_distinct(asked)), systems, len(asked))

    def comparisons(self) -> Iterator[tuple[System, System]]:
        """Each pair or full system with the single-task baseline learned in the same way."""
        baseline = {_conditions(s): s for s in self.systems if s.arm == Arm.SINGLE}
        for system in self.systems:
            if system.arm in ("pair", "full") and _conditions(system) in baseline:
                yield system, baseline[_conditions(system)]

    def missing(self, is_done: Callable[[Stage], bool], has_model: Callable[[Stage], bool]) -> Plan:
        """The stages still to be run: those not done, and parents whose model a child lacks."""
        needed: set[str] = set()
        wanted: set[str] = set()
        for stage in reversed(self.stages):
            if not is_done(stage) or (stage.id in wanted and not has_model(stage)):
                needed.add(stage.id)
                wanted.update(parent.id for parent in stage.parents)
        stages = tuple(s for s in self.stages if s.id in needed)
        return Plan(self.study, self.fingerprints, stages, self.systems, self.unshared)

    def parents(self) -> frozenset[str]:
        """The ids of the stages that another stage of the plan starts from."""
        return frozenset(parent.id for stage in self.stages for parent in stage.parents)


def plan(study: Study, fingerprints: Fingerprints) -> Plan:
    """Turn a study into its plan; pure: the same study and fingerprints give the same ids."""
    systems = [
        replace(system, protocol=protocol)
        for protocol, followed in study.protocols().items()
        for encoder in study.encoders
        for seed in study.seeds
        for system in _systems(_Builder(followed, fingerprints, encoder, seed))
    ]
    asked = [stage for system in systems for stage in _lineage(system.stage)]
    return Plan(study, fingerprints, tuple(_distinct(asked)), tuple(systems), len(asked))


def _conditions(system: System) -> tuple[object, ...]:
    """What a system and the baseline that it is held against have in common."""
    followed = system.protocol, system.variant
    return *followed, system.encoder, system.reading, system.target, system.seed


def _lineage(stage: Stage) -> Iterator[Stage]:
    for parent in stage.parents:
        yield from _lineage(parent)
    yield stage


def _distinct(stages: Iterable[Stage]) -> Iterator[Stage]:
    seen: set[str] = set()
    for stage in stages:
        if stage.id not in seen:
            seen.add(stage.id)
            yield stage


@dataclass(frozen=True, slots=True)
class _Builder:
    study: Study
    fingerprints: Fingerprints
    encoder: Encoder
    seed: int

    def refine(self, *names: str) -> Stage:
        return self._stage(StageKind.REFINE, names, self.study.refine)

    def finetune(self, name: str, *parents: Stage) -> Stage:
        return self._stage(StageKind.FINETUNE, (name,), self.study.finetune_recipe(name), parents)

    def varied(self, stage: Stage) -> Iterator[tuple[str, Stage]]:
        """The stage by the recipe of each variant; as it is in a study without any."""
        if not self.study.variants:
            yield "", stage
        for name, changes in self.study.variants.items():
            yield name, stage.by(self._resolved(stage.recipe.changed(changes)))

    def _resolved(self, recipe: Recipe) -> Recipe:
        if recipe.precision is Precision.AUTO:
            return recipe.model_copy(update={"precision": self.fingerprints.precision})
        return recipe

    def _stage(
        self,
        kind: StageKind,
        names: Iterable[str],
        recipe: Recipe,
        parents: tuple[Stage, ...] = (),
    ) -> Stage:
        tasks = {task.name: task for task in self.study.tasks}
        return Stage(
            kind=kind,
            tasks=tuple(
                StageTask(task=tasks[name], data=self.fingerprints.data[name])
                for name in sorted(names)
            ),
            encoder=self.encoder,
            encoder_hash=self.fingerprints.encoders[self.encoder.name],
            recipe=self._resolved(recipe),
            seed=self.seed,
            parents=parents,
        )


def _systems(build: _Builder) -> Iterator[System]:
    study = build.study
    for reading in study.readings:
        for arm, names in _mixtures(study):
            for target in names:
                sources = tuple(n for n in names if n != target)
                joint = build.refine(*names)
                for label, stage in _answers(build, reading, arm, target, joint):
                    for variant, varied in build.varied(stage):
                        yield System(
                            build.encoder.name,
                            reading,
                            label,
                            sources,
                            target,
                            build.seed,
                            varied,
                            variant,
                        )


def _mixtures(study: Study) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Which sets of tasks are learned together, by arm, in the study's order of tasks."""
    names = tuple(task.name for task in study.tasks)
    if Arm.SINGLE in study.arms:
        yield from (("single", (name,)) for name in names)
    if Arm.PAIRS in study.arms:
        yield from (
            ("pair", (a.name, b.name))
            for a, b in combinations(study.tasks, 2)
            if _may_pair(study, a, b)
        )
    if Arm.FULL in study.arms:
        yield "full", names


def _may_pair(study: Study, a: Task, b: Task) -> bool:
    return study.pairs is Pairing.ACROSS or a.domain == b.domain


def _answers(
    build: _Builder, reading: Reading, arm: str, target: str, joint: Stage
) -> Iterator[tuple[str, Stage]]:
    """The stage that answers for a target in a reading.

    Refine: the joint recipe on the mixture against the joint recipe on the target alone.
    Fine-tune: fine-tuning from the mixture against fine-tuning from the bare encoder; fine-tuning
    from the target's own refinement is the control for the longer training.
    """
    if reading is Reading.REFINE:
        yield arm, joint
    elif arm == Arm.SINGLE:
        yield arm, build.finetune(target)
        yield "control", build.finetune(target, joint)
    else:
        yield arm, build.finetune(target, joint)
