"""A task: what is predicted, from which files, and how it is scored."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import Self

from transfer_study.spec.characters import composed, fault_of_name
from transfer_study.spec.frozen import Frozen, Seed, Word

# Raised when the same words to be tagged become other pieces (data/encode.py); a part of the
# identity of tagging tasks alone, since sentences and pairs are encoded as ever.
ENCODING_VERSION = 2


class TaskKind(Word):
    """The four shapes of a task."""

    CLASSIFICATION = "classification"
    MULTILABEL = "multilabel"
    REGRESSION = "regression"
    TAGGING = "tagging"


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


# The first metric of a kind is its default.
METRICS_OF_KIND: dict[TaskKind, tuple[MetricName, ...]] = {
    TaskKind.CLASSIFICATION: (MetricName.ACCURACY, MetricName.MICRO_F1, MetricName.MACRO_F1),
    TaskKind.MULTILABEL: (MetricName.EXAMPLE_F1, MetricName.MICRO_F1, MetricName.MACRO_F1),
    TaskKind.REGRESSION: (MetricName.PEARSON, MetricName.SPEARMAN),
    TaskKind.TAGGING: (MetricName.ENTITY_F1, MetricName.LENIENT_ENTITY_F1),
}

SplitName = Literal["train", "dev", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "dev", "test")


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


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _one_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if groups == 0:
        raise ValueError("the pattern has no group; put the part that names the document in ( )")
    return pattern


def _label(name: str) -> str:
    if fault := fault_of_name(name):
        raise ValueError(f"the label has {fault}")
    return composed(name)


# Names of columns and labels are compared with those of the data in the composed form of Unicode.
Column = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(composed)]
LabelName = Annotated[str, AfterValidator(_label)]
Header = tuple[Column, ...]
DocumentPattern = Annotated[str, AfterValidator(_one_group)]
# IOB1 writes `B-` only between adjacent mentions: an `I-` that continues nothing begins one.
Scheme = Literal["iob2", "iob1"]


class Columns(Frozen):
    """Where a row keeps its parts: a column's name, or its number from 0 in CoNLL files.

    Of several names for `label`, the first that the file has is read.
    """

    text: Column = "text"
    """The text, or the first of two; the words of tagging."""
    text2: Column | None = None
    """The second text of a pair."""
    label: Column | tuple[Column, ...] = "label"
    """The label, score or tags; of several names the first that the file has."""
    id: Column | None = None
    """What names an example; rows are numbered where nothing does."""
    document: Column | None = None
    """The document of an example: rows of one document are resampled together."""


class FileSource(Frozen):
    """Local files, one a split: `folder` holds train, dev and test, or `files` names them."""

    format: Literal["tsv", "csv", "jsonl", "conll"]
    """Tables with tabs or commas, JSON lines, or a word and its tag a line."""
    folder: Path | None = None
    """The folder of train, dev and test, found by the usual names."""
    files: dict[SplitName, Path] = Field(default_factory=dict)
    """The file of each split; without dev, dev is carved from train."""
    columns: Columns = Columns()
    """Which column holds what."""
    header: Header | dict[SplitName, Header] | None = None
    """The columns of tables that have no header line: of all splits, or by split."""
    document_pattern: DocumentPattern | None = None
    """A regular expression whose first group, found in the example's id, is its document."""
    scheme: Scheme = "iob2"
    """How tags mark the words of a mention: in iob1 an I- may begin one."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.folder is None) == (not self.files):
            raise ValueError(
                "give either `folder` (holding train, dev and test files) or `files`, "
                "not both or neither"
            )
        if self.header is not None and self.format not in ("tsv", "csv"):
            raise ValueError(
                f"found `header`, but {self.format} files have no header line; remove it"
            )
        return self

    def header_of(self, split: SplitName) -> Header | None:
        """The columns of a split's file; None where its first line names them."""
        return self.header.get(split) if isinstance(self.header, dict) else self.header

    def path(self, split: SplitName) -> Path | None:
        """The file of a split; None where `files` does not name one."""
        if self.folder is not None:
            suffix = "tsv" if self.format == "conll" else self.format
            return self.folder / f"{split}.{suffix}"
        return self.files.get(split)


class DatasetsSource(Frozen):
    """A data set of the `datasets` library: a hub name or a folder saved by `save_to_disk`."""

    format: Literal["datasets"]
    """The `datasets` library."""
    name: str
    """A hub id, or a folder."""
    config: str | None = None
    """The configuration of a hub id that has several."""
    revision: str | None = None
    """The version of a hub id: a branch, tag or commit."""
    splits: dict[SplitName, str] = Field(
        default={"train": "train", "dev": "validation", "test": "test"}
    )
    """What the data set calls its splits; without dev, dev is carved from train."""
    columns: Columns = Columns()
    """Which column holds what."""
    document_pattern: DocumentPattern | None = None
    """A regular expression whose first group, found in the example's id, is its document."""
    scheme: Scheme = "iob2"
    """How tags mark the words of a mention: in iob1 an I- may begin one."""


class SyntheticSource(Frozen):
    """A task generated from a seed over a hidden lexicon of made words (see data/synthetic.py)."""

    format: Literal["synthetic"]
    """Nothing is read."""
    task: str
    """entities, relation, conflict or topics."""
    train: int = Field(gt=0)
    """Examples to learn from."""
    dev: int = Field(gt=0)
    """Examples to choose the epoch by."""
    test: int = Field(gt=0)
    """Examples to score on."""
    seed: Seed = 0
    """Of the texts."""


Source = Annotated[FileSource | DatasetsSource | SyntheticSource, Field(discriminator="format")]


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

    Several sizes of train are an axis of the study (spec/sizes.py).
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
    kind: TaskKind
    """The shape of the task; tagging finds entities."""
    domain: Name = "general"
    """A word of your own, by which `pairs` may choose and figures colour."""
    labels: tuple[LabelName, ...] = ()
    """The classes, or the entity types of a tagging task; a regression has none."""
    negative: LabelName | None = None
    """The class that F1 leaves out."""
    metric: MetricName
    """What chooses the epoch on dev and is reported; the default is the first that fits the kind:
    accuracy, example_f1, pearson, entity_f1."""
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
        if (
            isinstance(value, dict)
            and "metric" not in value
            and value.get("kind") in list(TaskKind)
        ):
            return {**value, "metric": METRICS_OF_KIND[TaskKind(value["kind"])][0]}
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.name.partition(DERIVED)[2] != (self.transform.change if self.transform else ""):
            raise ValueError(f"'{DERIVED}' in a name is for tasks that are derived from others")
        allowed = METRICS_OF_KIND[self.kind]
        if self.metric not in allowed:
            names = ", ".join(allowed)
            raise ValueError(
                f"metric {self.metric} does not fit a {self.kind} task; allowed: {names}"
            )
        if (self.kind is TaskKind.REGRESSION) != (not self.labels):
            raise ValueError(
                "a regression task has no labels; leave `labels` out"
                if self.labels
                else f"a {self.kind} task needs its `labels` listed"
            )
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels are given twice: {', '.join(self.labels)}; list each once")
        if self.kind in (TaskKind.CLASSIFICATION, TaskKind.MULTILABEL) and len(self.labels) < 2:
            raise ValueError(
                f"a {self.kind} task needs at least two labels, found {len(self.labels)}"
            )
        types = [label[2:] for label in self.labels if label[:2] == "B-"]
        both = next((name for name in types if f"I-{name}" in self.labels), None)
        if self.kind is TaskKind.TAGGING and both is not None:
            raise ValueError(
                f"found the labels 'B-{both}' and 'I-{both}', but a tagging task lists its entity "
                f"types, to which B- and I- are added; write {both!r} in place of the two, and "
                "leave O out"
            )
        divided = next((label for label in self.labels if "," in label), None)
        if self.kind is TaskKind.MULTILABEL and divided and self.source.format in ("tsv", "csv"):
            raise ValueError(
                f"found the label {divided!r}, but {self.source.format} divides the labels of an "
                "example at commas; rename it, or give lists of labels in jsonl or datasets"
            )
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
    def tags(self) -> tuple[str, ...]:
        """The IOB2 tags of a tagging task, `O` first."""
        return ("O", *(f"{prefix}-{label}" for label in self.labels for prefix in "BI"))

    @property
    def outputs(self) -> tuple[str, ...]:
        """What each output of the task's head stands for, in order."""
        if self.kind is TaskKind.TAGGING:
            return self.tags
        return self.labels or ("score",)

    def identity(self) -> dict[str, object]:
        """What of a task changes the numbers, besides its data; domain, paths and limits do not.

        The data of a derived task are its origin's, and its transform says what becomes of them.
        """
        derived = {}
        if self.transform is not None:
            derived = {"transform": {"of": self.origin, **self.transform.model_dump(mode="json")}}
        tagging = self.kind is TaskKind.TAGGING
        encoding = {"encoding": ENCODING_VERSION} if tagging else {}
        return {
            **derived,
            **encoding,
            "name": self.name,
            "kind": self.kind,
            "labels": list(self.labels),
            "negative": self.negative,
            "metric": self.metric,
        }
