"""From a study to its distinct stages, parents first, and the comparisons drawn from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations

from transfer_study.spec.encoder import Encoder
from transfer_study.spec.fingerprint import DataFingerprint, SplitFingerprint
from transfer_study.spec.frozen import Frozen
from transfer_study.spec.pretraining import SUFFIX, MaskedTexts
from transfer_study.spec.recipe import Precision, Recipe
from transfer_study.spec.stage import Stage, StageKind, StageTask
from transfer_study.spec.study import Arm, Pairing, Reading, Study
from transfer_study.spec.task import Task


class Fingerprints(Frozen):
    """What a plan needs to know of the world: contents by name, and the resolved precision.

    `texts` is the content of what the study pretrains on, None where it does not.
    """

    data: dict[str, DataFingerprint]
    encoders: dict[str, str]
    precision: Precision
    texts: SplitFingerprint | None = None


@dataclass(frozen=True, slots=True)
class System:
    """One trained model as a reading sees it: which stage answers for which target.

    `arm` is `single`, `control`, `pair` or `full`; `sources` are the partners of `target`.
    """

    encoder: str
    reading: Reading
    arm: str
    sources: tuple[str, ...]
    target: str
    seed: int
    stage: Stage

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

    def comparisons(self) -> Iterator[tuple[System, System]]:
        """Each pair or full system with the single-task baseline of its own reading and seed."""
        baseline = {
            (s.encoder, s.reading, s.target, s.seed): s for s in self.systems if s.arm == Arm.SINGLE
        }
        for system in self.systems:
            if system.arm in ("pair", "full"):
                key = (system.encoder, system.reading, system.target, system.seed)
                if key in baseline:
                    yield system, baseline[key]

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
        system
        for encoder in study.resolved_encoders
        for pretrained in study.starts
        for seed in study.seeds
        for system in _systems(_Builder(study, fingerprints, encoder, seed, pretrained))
    ]
    asked = [stage for system in systems for stage in _lineage(system.stage)]
    return Plan(study, fingerprints, tuple(_distinct(asked)), tuple(systems), len(asked))


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
    pretrained: bool = False

    @property
    def label(self) -> str:
        """The encoder as tables name it."""
        return self.encoder.name + (SUFFIX if self.pretrained else "")

    def refine(self, *names: str) -> Stage:
        return self._stage(StageKind.REFINE, names, self.study.refine, self._start())

    def finetune(self, name: str, *parents: Stage) -> Stage:
        recipe = self.study.finetune_recipe(name)
        return self._stage(StageKind.FINETUNE, (name,), recipe, parents or self._start())

    def _start(self) -> tuple[Stage, ...]:
        """What a stage without a parent of its own starts from: the encoder, or its pretraining."""
        section, content = self.study.pretrain, self.fingerprints.texts
        if not self.pretrained or section is None or content is None:
            return ()
        masked_texts = section.masked_texts(section.of(self.study.tasks), content)
        once = replace(self, seed=section.seed)  # for all seeds of the study
        return (once._stage(StageKind.PRETRAIN, (), section.recipe, (), masked_texts),)

    def _stage(
        self,
        kind: StageKind,
        names: Iterable[str],
        recipe: Recipe,
        parents: tuple[Stage, ...] = (),
        masked_texts: MaskedTexts | None = None,
    ) -> Stage:
        if recipe.precision is Precision.AUTO:
            recipe = recipe.model_copy(update={"precision": self.fingerprints.precision})
        tasks = {task.name: task for task in self.study.tasks}
        return Stage(
            kind=kind,
            tasks=tuple(
                StageTask(task=tasks[name], data=self.fingerprints.data[name])
                for name in sorted(names)
            ),
            encoder=self.encoder,
            encoder_hash=self.fingerprints.encoders[self.encoder.name],
            recipe=recipe,
            seed=self.seed,
            parents=parents,
            masked_texts=masked_texts,
        )


def _systems(build: _Builder) -> Iterator[System]:
    study = build.study
    for reading in study.readings:
        for arm, names in _mixtures(study):
            for target in names:
                sources = tuple(n for n in names if n != target)
                joint = build.refine(*names)
                for label, stage in _answers(build, reading, arm, target, joint):
                    yield System(build.label, reading, label, sources, target, build.seed, stage)


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
