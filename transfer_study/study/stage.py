"""A stage: one piece of learning whose id is its content."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, model_validator
from typing_extensions import Self

from transfer_study.study.encoder import Encoder
from transfer_study.study.fingerprint import DataFingerprint
from transfer_study.study.frozen import Frozen, Word, canonical_json, content_hash
from transfer_study.study.recipes.pretraining import MaskedTexts
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks.task import HALVES, Task

# Raised when the form of the pre-image changes.
STAGE_SCHEMA = 3


class StageKind(Word):
    """What a stage does to the encoder it is given."""

    PRETRAIN = "pretrain"  # masked language modelling on texts; no task
    REFINE = "refine"  # several tasks at once, or one by the joint recipe
    FINETUNE = "finetune"  # one task, from the encoder or from a parent, with a fresh head
    HEADS = "heads"  # a fresh head learns, on the encoder or a parent's, which stays as it is
    SOFT = "soft"  # several tasks, each with an encoder of its own, tied by a penalty
    DISTIL = "distil"  # several tasks at once, also from what their teachers answer


class StageTask(Frozen):
    """A task together with the content of the data it is read from."""

    task: Task
    data: DataFingerprint

    @cached_property
    def identity(self) -> dict[str, object]:
        """What the stage's numbers depend on; its name and other words for it are not among it."""
        transform = self.task.transform
        by_document = transform is not None and transform.change in HALVES
        return {**self.task.identity(), "data": self.data.identity(by_document=by_document)}


def _in_order(tasks: tuple[StageTask, ...]) -> tuple[StageTask, ...]:
    if len(tasks) < 2:
        return tasks
    return tuple(sorted(tasks, key=lambda m: (m.data.key, canonical_json(m.identity), m.task.name)))


class Stage(Frozen):
    """One training run: tasks, start, recipe and seed; equal content means equal id.

    `tasks` are put into an order of their content, so that {A, B} is {B, A} whatever their names:
    files of a stage name a task by its place. `encoder_hash` is the content of the encoder.
    Parents hand on their encoder (pooler included), never their heads;
    the refinements among a distillation's parents are its teachers, and hand on their answers.
    A stage of pretraining has no task but `masked_texts`, and leaves no predictions.
    """

    kind: StageKind
    tasks: Annotated[tuple[StageTask, ...], AfterValidator(_in_order)] = ()
    masked_texts: MaskedTexts | None = None
    encoder: Encoder
    encoder_hash: str
    recipe: Recipe
    seed: int
    parents: tuple[Stage, ...] = ()

    def by(self, recipe: Recipe) -> Stage:
        """The same stage learned by another recipe."""
        fields = {name: getattr(self, name) for name in Stage.model_fields}
        return Stage(**{**fields, "recipe": recipe})

    @model_validator(mode="after")
    def _learns_something(self) -> Self:
        pretrains = self.kind is StageKind.PRETRAIN
        if pretrains != (self.masked_texts is not None) or pretrains == bool(self.tasks):
            raise ValueError("a stage of pretraining has texts, any other has tasks")
        return self

    @cached_property
    def pre_image(self) -> dict[str, object]:
        """Everything that the id is the hash of; what only says where things are is left out."""
        texts = {} if self.masked_texts is None else {"texts": self.masked_texts.identity()}
        return {
            **texts,
            "schema": STAGE_SCHEMA,
            "kind": self.kind,
            "tasks": [member.identity for member in self.tasks],
            "encoder": self.encoder_hash,
            "recipe": self.recipe.identity([member.task.name for member in self.tasks]),
            "seed": self.seed,
            "parents": [parent.id for parent in self.parents],
        }

    @cached_property
    def id(self) -> str:
        """The first 16 hexadecimal digits (64 bits) of the pre-image's sha256."""
        return content_hash(self.pre_image)[:16]

    @property
    def task_names(self) -> tuple[str, ...]:
        """The names of the stage's tasks, sorted."""
        return tuple(sorted(member.task.name for member in self.tasks))

    def place(self, task: str) -> int:
        """The place of the task of this name among the stage's, from 0."""
        return next(n for n, member in enumerate(self.tasks) if member.task.name == task)

    @property
    def teachers(self) -> tuple[Stage, ...]:
        """The parents whose answers a distillation learns from, each on one of its tasks."""
        taught = self.kind is StageKind.DISTIL
        return tuple(p for p in self.parents if taught and p.kind is StageKind.REFINE)

    @property
    def starts(self) -> tuple[Stage, ...]:
        """The parent whose encoder the stage starts from; none where it is the bare encoder."""
        return tuple(parent for parent in self.parents if parent not in self.teachers)

    @cached_property
    def family(self) -> str:
        """What people read of the stage: kind, tasks, number of updates, parents' and seed.

        The number is that of an epoch, where it does not follow from the tasks.
        """
        updates = self.recipe.epoch_updates
        tasks = "+".join(self.task_names) + (f"-{updates}-updates" if updates else "")
        if len(tasks) > 60:
            tasks = f"{len(self.tasks)}-tasks"
        start = "".join(f"-from-{parent.family.rsplit('-s', 1)[0]}" for parent in self.starts)
        return f"{'-'.join(filter(None, (self.kind, tasks)))}{start}-s{self.seed}"

    @property
    def name(self) -> str:
        """The name of the stage's directory, which tells nothing that another study may change."""
        return f"{self.kind}-s{self.seed}-{self.id}"
