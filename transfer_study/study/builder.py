"""What arms are made of: a study's stages, and the systems of a reading that they answer for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from transfer_study.study.encoder import Encoder
from transfer_study.study.fingerprint import Fingerprints
from transfer_study.study.reading import Reading
from transfer_study.study.recipes.changes import Changes
from transfer_study.study.recipes.pretraining import MaskedTexts
from transfer_study.study.recipes.recipe import Precision, Recipe
from transfer_study.study.recipes.sharing import recipe_of
from transfer_study.study.stage import Stage, StageKind, StageTask
from transfer_study.study.system import System
from transfer_study.study.tasks.task import Change, Task

if TYPE_CHECKING:
    from transfer_study.study.study import Study


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds the stages of a study at one of its starting points, sizes and seeds.

    `label` is the encoder as tables name it.
    """

    study: Study
    fingerprints: Fingerprints
    label: str
    encoder: Encoder
    seed: int
    size: int | None
    protocol: str
    pretrained: bool = False

    def refine(self, *tasks: str | Task) -> Stage:
        """Several tasks at once, or one by the joint recipe."""
        return self._stage(StageKind.REFINE, tasks, self.study.refine, self._start())

    def lengthened(self, name: str, *others: str) -> Stage:
        """The task alone, an epoch taking as many updates as one with the others does."""
        refine = self.study.refine
        rows = (self.fingerprints.data[n].train.n for n in (name, *others))
        updates = refine.updates_an_epoch([-(-n // refine.batch_size) for n in rows])
        recipe = refine.model_copy(update={"epoch_updates": updates})
        return self._stage(StageKind.REFINE, (name,), recipe, self._start())

    def soft(self, *names: str) -> Stage:
        """Several tasks, each with an encoder of its own, tied by a penalty."""
        return self._stage(StageKind.SOFT, names, self.study.refine, self._start())

    def distil(self, *names: str) -> Stage:
        """Several tasks at once, taught by the refinement of each alone."""
        teachers = sorted((self.refine(name) for name in names), key=lambda stage: stage.id)
        parents = (*teachers, *self._start())
        return self._stage(StageKind.DISTIL, names, self.study.refine, parents)

    def heads(self, name: str, *parents: Stage) -> Stage:
        """A head on the frozen encoder of the parent, or on the bare one."""
        recipe = Recipe(**self.study.heads.model_dump())
        return self._stage(StageKind.HEADS, (name,), recipe, parents or self._start())

    def finetune(self, task: str | Task, *parents: Stage) -> Stage:
        """One task with a fresh head, from the parent or from the bare encoder."""
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

    def _by(self, variant: str, changes: Changes, system: System) -> System:
        stage = system.stage
        tasks = [member.task for member in stage.tasks]
        recipe = recipe_of(stage.kind, self._resolved(changes.of(stage.recipe)), tasks)
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
class Reader:
    """The systems of one reading: which stage answers for a target after learning with others."""

    build: Builder
    reading: Reading
    # Every pair has two of them.
    _by_name: dict[str, Stage] = field(default_factory=dict, compare=False, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the study's tasks, in its order."""
        return tuple(task.name for task in self.build.study.tasks)

    def system(
        self,
        arm: str,
        sources: tuple[str, ...],
        target: str,
        stage: Stage,
        baseline: System | None = None,
    ) -> System:
        """The system of this reading that the stage answers for."""
        build = self.build
        return System(
            encoder=build.label,
            reading=self.reading,
            arm=arm,
            sources=sources,
            target=target,
            seed=build.seed,
            stage=stage,
            baseline=baseline,
            size=build.size,
            protocol=build.protocol,
        )

    def alone(self, target: str) -> System:
        """The single-task baseline: the joint recipe, or fine-tuning the bare encoder."""
        return replace(self.system("single", (), target, self.by_itself(target)), alone=True)

    def by_itself(self, task: str | Task) -> Stage:
        """The joint recipe on one task, or fine-tuning the bare encoder."""
        learn = self.build.refine if self.reading is Reading.REFINE else self.build.finetune
        if isinstance(task, Task):
            return learn(task)
        if task not in self._by_name:
            self._by_name[task] = learn(task)
        return self._by_name[task]

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
