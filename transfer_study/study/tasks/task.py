"""A task: what is predicted, from which files, and how it is scored."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticKnownError
from typing_extensions import Self

from transfer_study.study.characters import composed, fault_of_name
from transfer_study.study.frozen import Frozen, Word
from transfer_study.study.tasks.kinds import KINDS, TaskKind
from transfer_study.study.tasks.source import Source, SyntheticSource


class MetricName(Word):
    """The metrics a study may select and report by."""

    ACCURACY = "accuracy"
    MICRO_F1 = "micro_f1"
    MACRO_F1 = "macro_f1"
    ENTITY_F1 = "entity_f1"
    LENIENT_ENTITY_F1 = "lenient_entity_f1"
    EXAMPLE_F1 = "example_f1"
    PEARSON = "pearson"
    SPEARMAN = "spearman"


def _kind(value: object) -> TaskKind:
    kind = value if isinstance(value, TaskKind) else KINDS.get(str(value))
    if kind is None:
        raise PydanticKnownError("enum", {"expected": ", ".join(map(repr, KINDS))})
    return kind


# Written as its word.
Kind = Annotated[
    TaskKind,
    PlainValidator(_kind),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"enum": list(KINDS), "type": "string"}),
]


def _plain_name(name: str) -> str:
    # "+" joins task names into sets, "/" and "." would leave a stage's directory.
    if not name or not all(c.isalnum() or c in "-_" for c in name) or not name[0].isalnum():
        raise ValueError(
            "a name consists of letters, digits, '-' and '_' and begins with a letter or digit"
        )
    return name


def _task_name(name: str) -> str:
    _plain_name(name.partition(DERIVED)[0])
    return name


Name = Annotated[str, AfterValidator(_plain_name)]
# Joins a derived task's name of the task it is made of and of what was done to that.
DERIVED = "~"
TaskName = Annotated[str, AfterValidator(_task_name)]


def _label(name: str) -> str:
    if fault := fault_of_name(name):
        raise ValueError(f"the label has {fault}")
    return composed(name)


# Labels are compared with those of the data in the composed form of Unicode.
LabelName = Annotated[str, AfterValidator(_label)]


def _in_order(labels: tuple[str, ...]) -> tuple[str, ...]:
    # The outputs of a head follow them: the order of writing must mean nothing.
    return tuple(sorted(labels))


def _sizes(value: object) -> object:
    """Several sizes of train, ascending; raises ValueError for what is no size."""
    several = isinstance(value, list | tuple)
    items = list(value) if isinstance(value, list | tuple) else [value]
    sizes = [int(item) for item in items if isinstance(item, int | str) and _is_size(item)]
    if not sizes or len(set(sizes)) < len(items):
        raise ValueError(
            "give a whole number of at least 1, or a list of different ones such as "
            "[100, 300, 1000]"
        )
    return tuple(sorted(sizes)) if several else sizes[0]


def _is_size(item: int | str) -> bool:
    return str(item).isdecimal() and int(item) > 0


Positive = Annotated[int, Field(gt=0)]
Sizes = Annotated[tuple[Positive, ...], Field(min_length=1)]


class Limits(Frozen):
    """At most so many examples a split; a smaller limit takes a subset of a larger one's.

    Several sizes of train are an axis of the study (study/sizes.py).
    """

    max_train: Annotated[Positive | Sizes, BeforeValidator(_sizes)] | None = None
    """Of train; a list shows how edges change with the target's size."""
    max_dev: int | None = Field(default=None, gt=0)
    """Of dev."""
    max_test: int | None = Field(default=None, gt=0)
    """Of test."""

    def of(self, split: str) -> int | None:
        """The limit of a split, the largest of several, None for all of it."""
        limit: int | tuple[int, ...] | None = getattr(self, f"max_{split}")
        return max(limit) if isinstance(limit, tuple) else limit


class Change(Word):
    """What is done to a task's examples to make another task of them (data/derived.py)."""

    SHUFFLED = "shuffled"  # the labels of train and of dev change places
    HALF_1 = "half1"  # one half of train's documents
    HALF_2 = "half2"  # the other


# Of these, train is divided by its documents.
HALVES = (Change.HALF_1, Change.HALF_2)


class Transform(Frozen):
    """A change of a task, and the seed of what is random about it."""

    change: Change
    seed: int


class Task(Frozen):
    """One prediction problem with its data and its metric.

    `transform` makes a derived task, whose name is that of its origin, `~`, and the change.
    """

    name: TaskName
    """Letters, digits, - and _; as tables and figures show it."""
    kind: Kind
    """The shape of the task; tagging finds entities, multiple_choice the right candidate."""
    domain: Name = "general"
    """A word of your own, by which `pairs` may choose and figures colour."""
    labels: Annotated[tuple[LabelName, ...], AfterValidator(_in_order)] = ()
    """The classes, or the entity types of a tagging task, in any order; a regression and multiple
    choice have none."""
    negative: LabelName | None = None
    """The class that F1 leaves out."""
    metric: MetricName
    """What is reported, and chooses the epoch on dev; the default is the first that fits the kind:
    accuracy, example_f1, pearson, entity_f1."""
    select_by: MetricName | None = None
    """What chooses the epoch on dev where that is not `metric`: `metric` may then change, and
    nothing is run again."""
    source: Source
    """Where the data are, by `format`."""
    limits: Limits = Limits()
    """At most so many of its examples."""
    carve_dev: float | None = Field(default=None, gt=0, lt=1)
    """Take this share of train's documents for dev instead of the source's own dev."""
    # Not written in a study file: its `controls` ask for derived tasks.
    transform: SkipJsonSchema[Transform | None] = None

    @model_validator(mode="before")
    @classmethod
    def _default_metric(cls, value: object) -> object:
        if isinstance(value, dict) and (kind := KINDS.get(str(value.get("kind")))):
            return {"metric": kind.metrics[0], **value}
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.name.partition(DERIVED)[2] != (self.transform.change if self.transform else ""):
            raise ValueError(f"'{DERIVED}' in a name is for tasks that are derived from others")
        for key, metric in (("metric", self.metric), ("select_by", self.select_by)):
            if metric not in (None, *self.kind.metrics):
                names = ", ".join(self.kind.metrics)
                raise ValueError(
                    f"{key} {metric} does not fit a {self.kind} task; allowed: {names}"
                )
        if (self.kind.fewest_labels == 0) != (not self.labels):
            raise ValueError(
                f"a {self.kind} task has no labels; leave `labels` out"
                if self.labels
                else f"a {self.kind} task needs its `labels` listed"
            )
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels are given twice: {', '.join(self.labels)}; list each once")
        if len(self.labels) < self.kind.fewest_labels:
            raise ValueError(
                f"a {self.kind} task needs at least two labels, found {len(self.labels)}"
            )
        source = self.source
        given = None if isinstance(source, SyntheticSource) else source.columns.candidates
        if given and not self.kind.candidates:
            raise ValueError(
                "found `candidates` under the source's `columns`, which `kind: multiple_choice` "
                f"alone has; remove it from this {self.kind} task"
            )
        if self.kind.candidates and not (given or source.format == "synthetic"):
            raise ValueError(
                f"a {self.kind} task needs `candidates` under the source's `columns`: the column "
                "that lists them, or one for each such as [A, B, C, D]"
            )
        if fault := self.kind.fault(self):
            raise ValueError(fault)
        if self.negative is not None and self.negative not in self.labels:
            raise ValueError(
                f"the negative label {self.negative!r} is not one of the labels: "
                f"{', '.join(self.labels)}"
            )
        return self

    def derived(self, change: Change, seed: int) -> Task:
        """The task that this change makes of it."""
        name = f"{self.name}{DERIVED}{change}"
        transform = Transform(change=change, seed=seed)
        return self.model_copy(update={"name": name, "transform": transform})

    @property
    def origin(self) -> str:
        """The name of the task that this one is derived from, its own where it is not."""
        return self.name.partition(DERIVED)[0]

    def underived(self) -> Task:
        """The task that this one is derived from, itself where it is not."""
        return self.model_copy(update={"name": self.origin, "transform": None})

    @property
    def outputs(self) -> tuple[str, ...]:
        """What each output of the task's head stands for, in order."""
        return self.kind.outputs(self)

    @property
    def selection_metric(self) -> MetricName:
        """What chooses the epoch on dev."""
        return self.select_by or self.metric

    def identity(self) -> dict[str, object]:
        """What of a task changes its training and answers, besides its data.

        Names, domain, paths, limits, the order of labels and what is only reported do not. The data
        of a derived task are its origin's, and its transform says what becomes of them.
        """
        derived = {}
        if self.transform is not None:
            derived = {"transform": self.transform.model_dump(mode="json")}
        return {
            **derived,
            "kind": self.kind.word,
            "labels": list(self.labels),
            "negative": self.negative,
            "select_by": self.selection_metric,
        }
