"""From a study to its distinct stages, parents first, and the comparisons drawn from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from transfer_study.study.encoder import Encoder
from transfer_study.study.fingerprint import DataFingerprint, TextsFingerprint
from transfer_study.study.frozen import Frozen
from transfer_study.study.looks import Edge, Looked, Looks
from transfer_study.study.pairs import pairs_of
from transfer_study.study.recipes.pretraining import MaskedTexts
from transfer_study.study.recipes.protocol import Protocol
from transfer_study.study.recipes.recipe import Precision, Recipe
from transfer_study.study.recipes.sharing import recipe_of
from transfer_study.study.sizes import points
from transfer_study.study.stage import Stage, StageKind, StageTask
from transfer_study.study.study import Arm, Control, Reading, Study, group_arm
from transfer_study.study.tasks.task import Change, Task


class Fingerprints(Frozen):
    """What a plan needs to know of the world: contents by name, and the resolved precision.

    The data of a task that is learned at several sizes are named by task and size (study/sizes.py).
    `texts` is the content of what the study pretrains on, None where it does not.
    """

    data: dict[str, DataFingerprint]
    encoders: dict[str, str]
    precision: Precision
    texts: TextsFingerprint | None = None


@dataclass(frozen=True, slots=True)
class System:
    """One trained model as a reading sees it: which stage answers for which target.

    `arm` is `single`, `control`, `pair`, `full`, `group:NAME`, `sequential`, `leave-one-out`,
    `without`, `heads-only`, `soft`, `distil` or one of the controls; `sources` are the tasks whose
    effect on `target` it shows. `baseline` is what it is compared with, None for what nothing is
    said of. `size` is the target's, in a study of several. `variant` names what is changed in the
    recipe, empty in a study without variants. `controls` are the systems whose effects, each over
    its own baseline, this one's is held against.
    """

    encoder: str
    reading: Reading
    arm: str
    sources: tuple[str, ...]
    target: str
    seed: int
    stage: Stage
    baseline: System | None = None
    size: int | None = None
    variant: str = ""
    protocol: str = Protocol.CLEAN
    controls: tuple[System, ...] = ()

    @property
    def source(self) -> str:
        """The partners' names joined by `+`, empty for a single task."""
        return "+".join(self.sources)

    @property
    def edge(self) -> Edge:
        """What names the comparison with the baseline, whatever the seed."""
        return Edge(
            protocol=self.protocol,
            variant=self.variant,
            encoder=self.encoder,
            reading=self.reading,
            arm=self.arm,
            source=self.source,
            target=self.target,
            size=self.size,
        )

    @property
    def is_shared_baseline(self) -> bool:
        """Whether it is a task alone that its partners' models are held against."""
        return self.arm in (Arm.SINGLE, Arm.HEADS_ONLY) and not self.sources

    def compared(self) -> Iterator[System]:
        """The system and all that it is compared with."""
        yield self
        if self.baseline is not None:
            yield from self.baseline.compared()
        for control in self.controls:
            yield from control.compared()

    def stages(self) -> Iterator[Stage]:
        """The stages behind the comparison, parents first."""
        for system in self.compared():
            yield from _lineage(system.stage)

    @property
    def task(self) -> Task:
        """The stage's task that answers for the target: itself, or the first half of it."""
        return next(
            task
            for task in (member.task for member in self.stage.tasks)
            if task.origin == self.target
            and (task.transform is None or task.transform.change is not Change.HALF_2)
        )


@dataclass(frozen=True)
class Plan:
    """The distinct stages of a study in an order in which parents come first.

    With `looks`, edges differ in their seeds and are judged look by look.
    """

    study: Study
    fingerprints: Fingerprints
    stages: tuple[Stage, ...]
    systems: tuple[System, ...]
    # How many stages there would be if none were shared.
    unshared: int = field(compare=False)
    looks: Looks | None = None
    # The ids of stages whose answers the study's results folder holds; only a child makes them run.
    answered: frozenset[str] = field(default=frozenset(), compare=False)

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
        part = self._of(s for s in self.systems if s.protocol == protocol)
        return replace(part, study=self.study.protocols()[protocol])

    def looked(self, looks: Looks) -> Plan:
        """The plan with the seeds that its edges have been given at the looks done.

        What an edge is compared with comes along; a baseline has its further seeds from the first.
        """
        study = self.study.model_copy(update={"seeds": looks.seeds[: looks.counts[looks.done - 1]]})
        every = plan(study, self.fingerprints)
        n_seeds, first = looks.n_seeds(), looks.counts[0]
        order = {seed: n for n, seed in enumerate(looks.seeds)}
        own = self.study.seeds_of_baselines
        kept = {
            (compared.edge, compared.seed)
            for system in every.systems
            if order.get(system.seed, len(order)) < n_seeds.get(system.edge, first)
            or (system.is_shared_baseline and system.seed in own)
            for compared in system.compared()
        }
        part = every._of(s for s in every.systems if (s.edge, s.seed) in kept)
        return replace(part, looks=looks, answered=self.answered)

    def at_most(self, looks: Looks) -> Plan:
        """The plan if no edge is decided before the last look, but for those that are already."""
        unjudged = {system.edge for system, *_ in self.comparisons()}
        edges = looks.edges or tuple(
            Looked(edge=edge, n_seeds=looks.counts[0], verdict="undecided", look=None)
            for edge in unjudged
        )
        known = looks.model_copy(update={"done": len(looks.counts) - 1, "edges": edges})
        return self.looked(known.another(known.undecided()))

    def ordered(self, priority: Mapping[Edge, float]) -> Plan:
        """The same stages in the order of the edges that want them, highest first."""
        systems = sorted(self.systems, key=lambda system: -priority.get(system.edge, -math.inf))
        wanted = (stage for system in systems for stage in system.stages())
        return replace(self, stages=tuple(_distinct(wanted)))

    def _of(self, systems: Iterable[System]) -> Plan:
        chosen = tuple(systems)
        asked = [stage for system in chosen for stage in _lineage(system.stage)]
        return replace(self, stages=tuple(_distinct(asked)), systems=chosen, unshared=len(asked))

    def comparisons(self) -> Iterator[tuple[System, System, System | None]]:
        """Each system that is compared, with its baseline of the same reading and seed.

        By itself (None), and once for each of its controls: system - baseline - (control - the
        control's baseline).
        """
        for system in self.systems:
            if system.baseline is not None:
                for control in (None, *system.controls):
                    yield system, system.baseline, control

    def shared_baselines(self) -> dict[Edge, list[System]]:
        """The runs of each shared baseline with the seeds of the study's `baseline_seeds`, if any.

        They are the same at every look.
        """
        found: dict[Edge, list[System]] = {}
        seeds = self.study.seeds_of_baselines
        for system in self.systems:
            if system.is_shared_baseline and system.seed in seeds:
                found.setdefault(system.edge, []).append(system)
        return found

    def missing(self, is_done: Callable[[Stage], bool], has_model: Callable[[Stage], bool]) -> Plan:
        """The stages still to be run: those not done, and parents whose model a child lacks.

        What is `answered` counts as done.
        """
        needed: set[str] = set()
        wanted: set[str] = set()
        for stage in reversed(self.stages):
            done = stage.id in self.answered or is_done(stage)
            if not done or (stage.id in wanted and not has_model(stage)):
                needed.add(stage.id)
                wanted.update(parent.id for parent in stage.parents)
        stages = tuple(s for s in self.stages if s.id in needed)
        return replace(self, stages=stages)

    def parents(self) -> frozenset[str]:
        """The ids of the stages that another stage of the plan starts from."""
        return frozenset(parent.id for stage in self.stages for parent in stage.parents)

    def possible_parents(self) -> frozenset[str]:
        """The ids of stages that another could start from if the study had every reading and arm.

        Of stages that the plan has, and of others. What a variant changes is no start of another.
        """
        every = {"readings": tuple(Reading), "arms": tuple(Arm), "variants": {}}
        return plan(self.study.model_copy(update=every), self.fingerprints).parents()


def plan(study: Study, fingerprints: Fingerprints) -> Plan:
    """Turn a study into its plan; pure: the same study and fingerprints give the same ids."""
    systems = [
        system
        for protocol, followed in study.protocols().items()
        for point in points(followed)
        for label, encoder, pretrained in study.starting_points
        for seed in dict.fromkeys((*study.seeds, *study.seeds_of_baselines))
        for system in _systems_of_seed(
            _Builder(
                point.study,
                _pick(fingerprints, point.data),
                label,
                encoder,
                seed,
                point.size,
                protocol,
                pretrained,
            )
        )
        if system.target in point.targets
    ]
    asked = [stage for system in systems for stage in _lineage(system.stage)]
    return Plan(study, fingerprints, tuple(_distinct(asked)), tuple(systems), len(asked))


def _pick(fingerprints: Fingerprints, data: Mapping[str, str]) -> Fingerprints:
    """The fingerprints with the data of every task under its own name."""
    picked = {name: fingerprints.data[key] for name, key in data.items()}
    return fingerprints.model_copy(update={"data": picked})


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
    label: str  # the encoder as tables name it
    encoder: Encoder
    seed: int
    size: int | None
    protocol: str
    pretrained: bool = False

    def refine(self, *tasks: str | Task) -> Stage:
        return self._stage(StageKind.REFINE, tasks, self.study.refine, self._start())

    def lengthened(self, name: str, *others: str) -> Stage:
        """The task alone, an epoch taking as many updates as one with the others does."""
        refine = self.study.refine
        rows = (self.fingerprints.data[n].train.n for n in (name, *others))
        updates = refine.updates_an_epoch([-(-n // refine.batch_size) for n in rows])
        recipe = refine.model_copy(update={"epoch_updates": updates})
        return self._stage(StageKind.REFINE, (name,), recipe, self._start())

    def soft(self, *names: str) -> Stage:
        return self._stage(StageKind.SOFT, names, self.study.refine, self._start())

    def distil(self, *names: str) -> Stage:
        teachers = sorted((self.refine(name) for name in names), key=lambda stage: stage.id)
        parents = (*teachers, *self._start())
        return self._stage(StageKind.DISTIL, names, self.study.refine, parents)

    def heads(self, name: str, *parents: Stage) -> Stage:
        recipe = Recipe(**self.study.heads.model_dump())
        return self._stage(StageKind.HEADS, (name,), recipe, parents or self._start())

    def finetune(self, task: str | Task, *parents: Stage) -> Stage:
        name = task.origin if isinstance(task, Task) else task
        recipe = self.study.finetune_recipe(name)
        return self._stage(StageKind.FINETUNE, (task,), recipe, parents or self._start())

    def derived(self, name: str, change: Change) -> Task:
        """A task of the study changed; what is random about it differs by seed."""
        (task,) = (task for task in self.study.tasks if task.name == name)
        return task.derived(change, self.seed)

    def _start(self) -> tuple[Stage, ...]:
        """What a stage without a parent of its own starts from: the encoder, or its pretraining."""
        section, content = self.study.pretrain, self.fingerprints.texts
        if not self.pretrained or section is None or content is None:
            return ()
        masked_texts = section.masked_texts(section.of(self.study.tasks), content)
        once = replace(self, seed=section.seed)  # for all seeds of the study
        return (once._stage(StageKind.PRETRAIN, (), section.recipe, (), masked_texts),)

    def varied(self, system: System) -> Iterator[System]:
        """The system and its baseline by the recipe of each variant; as it is where there is none.

        The stages that they start from stay as they are, so that variants share them.
        """
        if not self.study.variants:
            yield system
        for name, changes in self.study.variants.items():
            yield self._by(name, changes, system)

    def _by(self, variant: str, changes: Recipe, system: System) -> System:
        stage = system.stage
        tasks = [member.task for member in stage.tasks]
        recipe = recipe_of(stage.kind, self._resolved(stage.recipe.changed(changes)), tasks)
        baseline = system.baseline and self._by(variant, changes, system.baseline)
        return replace(system, stage=stage.by(recipe), baseline=baseline, variant=variant)

    def _resolved(self, recipe: Recipe) -> Recipe:
        if recipe.precision is Precision.AUTO:
            return recipe.model_copy(update={"precision": self.fingerprints.precision})
        return recipe

    def _stage(
        self,
        kind: StageKind,
        learned: Iterable[str | Task],
        recipe: Recipe,
        parents: tuple[Stage, ...] = (),
        masked_texts: MaskedTexts | None = None,
    ) -> Stage:
        known = {task.name: task for task in self.study.tasks}
        tasks = [task if isinstance(task, Task) else known[task] for task in learned]
        return Stage(
            kind=kind,
            tasks=tuple(
                StageTask(task=task, data=self.fingerprints.data[task.origin]) for task in tasks
            ),
            encoder=self.encoder,
            encoder_hash=self.fingerprints.encoders[self.encoder.name],
            recipe=recipe_of(kind, self._resolved(recipe), tasks),
            seed=self.seed,
            parents=parents,
            masked_texts=masked_texts,
        )


@dataclass(frozen=True, slots=True)
class _Reader:
    """The systems of one reading: which stage answers for a target after learning with others."""

    build: _Builder
    reading: Reading

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(task.name for task in self.build.study.tasks)

    def system(
        self,
        arm: str,
        sources: tuple[str, ...],
        target: str,
        stage: Stage,
        baseline: System | None = None,
    ) -> System:
        build = self.build
        return System(
            build.label,
            self.reading,
            arm,
            sources,
            target,
            build.seed,
            stage,
            baseline,
            build.size,
            protocol=build.protocol,
        )

    def alone(self, target: str) -> System:
        """The single-task baseline: the joint recipe, or fine-tuning the bare encoder."""
        return self.system("single", (), target, self.by_itself(target))

    def by_itself(self, task: str | Task) -> Stage:
        """The joint recipe on one task, or fine-tuning the bare encoder."""
        learn = self.build.refine if self.reading is Reading.REFINE else self.build.finetune
        return learn(task)

    def joint(self, target: str, *others: str) -> Stage:
        """The joint stage itself, or fine-tuning from it."""
        return self.after(self.build.refine(target, *others), target)

    def after(self, joint: Stage, target: str | Task) -> Stage:
        """The stage that answers for a target once it was learned with others."""
        return joint if self.reading is Reading.REFINE else self.build.finetune(target, joint)

    def mixture(
        self, arm: str, names: tuple[str, ...], learn: Callable[..., Stage] | None = None
    ) -> Iterator[System]:
        """Each of these tasks learned with the others, against each alone.

        `learn` gives the stage that learns them, which is the refinement where nothing is said.
        """
        joint = (learn or self.build.refine)(*names)
        for target in names:
            others = tuple(n for n in names if n != target)
            yield self.system(arm, others, target, self.after(joint, target), self.alone(target))


def _systems_of_seed(build: _Builder) -> Iterator[System]:
    """The systems of a seed: all, or of a baseline's further seeds what others are held against."""
    systems = _systems(build)
    if build.seed in build.study.seeds:
        yield from systems
        return
    every = list(systems)
    held_against = {system.baseline.edge for system in every if system.baseline is not None}
    yield from (s for s in every if s.is_shared_baseline and s.edge in held_against)


def _systems(build: _Builder) -> Iterator[System]:
    for reading in build.study.readings:
        for arm, systems in _SYSTEMS_OF_ARM.items():
            if arm in build.study.arms:
                for system in systems(_Reader(build, reading)):
                    yield from build.varied(system)


def _single(read: _Reader) -> Iterator[System]:
    """Each task alone; its fine-tuning from its own refinement tells what longer training does."""
    for target in read.names:
        yield read.alone(target)
        if read.reading is Reading.FINETUNE:
            yield read.system("control", (), target, read.joint(target))


def _pairs(read: _Reader) -> Iterator[System]:
    """The pairs, and after them the controls that the study holds them against."""
    controls: list[System] = []
    for pair in pairs_of(read.build.study):
        for system in read.mixture("pair", pair):
            own = tuple(_CONTROLS[control](read, system) for control in read.build.study.controls)
            controls += own
            yield replace(system, controls=own)
    # A task's `self` is the same whatever the partner.
    for control in {(c.arm, c.source, c.target): c for c in controls}.values():
        if control.arm == Control.SELF and control.baseline is not None:
            yield control.baseline
        yield control


def _placebo(read: _Reader, pair: System) -> System:
    """The pair with the partner's labels shuffled, against the same baseline."""
    shuffled = (read.build.derived(name, Change.SHUFFLED) for name in pair.sources)
    stage = read.after(read.build.refine(pair.target, *shuffled), pair.target)
    return read.system(str(Control.PLACEBO), pair.sources, pair.target, stage, pair.baseline)


def _self(read: _Reader, pair: System) -> System:
    """Two halves of the target as a pair, against the first half alone."""
    half, other = (read.build.derived(pair.target, c) for c in (Change.HALF_1, Change.HALF_2))
    alone = read.system(str(Control.SELF), (), pair.target, read.by_itself(half))
    stage = read.after(read.build.refine(half, other), half)
    return read.system(str(Control.SELF), (pair.target,), pair.target, stage, alone)


def _matched(read: _Reader, pair: System) -> System:
    """The target alone for the pair's number of updates, against the same baseline."""
    stage = read.after(read.build.lengthened(pair.target, *pair.sources), pair.target)
    return read.system(str(Control.MATCHED), pair.sources, pair.target, stage, pair.baseline)


_CONTROLS: dict[Control, Callable[[_Reader, System], System]] = {
    Control.PLACEBO: _placebo,
    Control.SELF: _self,
    Control.MATCHED: _matched,
}


def _full(read: _Reader) -> Iterator[System]:
    yield from read.mixture("full", read.names)


def _groups(read: _Reader) -> Iterator[System]:
    for name, members in read.build.study.groups.items():
        yield from read.mixture(group_arm(name), tuple(n for n in read.names if n in members))


def _sequential(read: _Reader) -> Iterator[System]:
    """Fine-tuning on one task, then on the other; a matter of the fine-tune reading alone."""
    if read.reading is not Reading.FINETUNE:
        return
    finetune = read.build.finetune
    for pair in pairs_of(read.build.study):
        for source, target in (pair[::-1], pair):
            stage = finetune(target, finetune(source))
            yield read.system("sequential", (source,), target, stage, read.alone(target))


def _leave_one_out(read: _Reader) -> Iterator[System]:
    """The mix of all tasks, against the mix of all but one: the worth of that one to the others."""
    for target in read.names:
        others = tuple(n for n in read.names if n != target)
        everything = read.joint(target, *others)
        for left_out in others:
            rest = tuple(n for n in others if n != left_out)
            without = read.system("without", rest, target, read.joint(target, *rest))
            yield without
            yield read.system("leave-one-out", (left_out,), target, everything, without)


def _heads_only(read: _Reader) -> Iterator[System]:
    """A head on the frozen encoder of a pair, against one on the encoder of the target alone.

    That is the target's own refinement, in the fine-tune reading the bare encoder.
    """
    heads, refine = read.build.heads, read.build.refine
    pairs = list(pairs_of(read.build.study))
    baselines: dict[str, System] = {}
    for target in dict.fromkeys(name for pair in pairs for name in pair):
        refined = read.reading is Reading.REFINE
        stage = heads(target, refine(target)) if refined else heads(target)
        baselines[target] = read.system("heads-only", (), target, stage)
    yield from baselines.values()
    for pair in pairs:
        joint = refine(*pair)
        for source, target in (pair[::-1], pair):
            stage = heads(target, joint)
            yield read.system("heads-only", (source,), target, stage, baselines[target])


def _soft(read: _Reader) -> Iterator[System]:
    for pair in pairs_of(read.build.study):
        yield from read.mixture("soft", pair, read.build.soft)


def _distil(read: _Reader) -> Iterator[System]:
    yield from read.mixture("distil", read.names, read.build.distil)


# In the order of the tables.
_SYSTEMS_OF_ARM: dict[Arm, Callable[[_Reader], Iterator[System]]] = {
    Arm.SINGLE: _single,
    Arm.PAIRS: _pairs,
    Arm.FULL: _full,
    Arm.GROUPS: _groups,
    Arm.SEQUENTIAL: _sequential,
    Arm.LEAVE_ONE_OUT: _leave_one_out,
    Arm.HEADS_ONLY: _heads_only,
    Arm.SOFT: _soft,
    Arm.DISTIL: _distil,
}
