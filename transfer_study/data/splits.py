"""A task's three splits as a stage uses them: dev carved, leaks left out, limits applied."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from transfer_study.data.files.readers import read_counted
from transfer_study.data.leaks.findings import Dropped
from transfer_study.data.streams import stream
from transfer_study.errors import DataError, Problem
from transfer_study.study.fingerprint import DataFingerprint, SplitFingerprint, gold_hash
from transfer_study.study.frozen import canonical_json
from transfer_study.study.stage import StageTask
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.source import SPLITS, DatasetsSource, FileSource, SplitName
from transfer_study.study.tasks.task import Task

_DEFAULT_CARVE = 0.1
# Positions of rows of a split as it was read and carved, before limits.
LeftOut = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class TaskData:
    """A task with the examples that it is learned, selected and tested on.

    `key` is that of its data (`spec.fingerprint`), of a derived task's its origin's. `left_out` are
    the rows of each split that were dropped as leaks; a study that is planned also knows why.
    `unread` counts by split what of its source was not read, by what is said of it.
    """

    task: Task
    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    key: str
    left_out: LeftOut = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = field(default=(), compare=False)
    unread: Mapping[str, Mapping[str, int]] = field(default_factory=dict, compare=False)

    def split(self, name: str) -> tuple[Example, ...]:
        """The examples of train, dev or test."""
        return {"train": self.train, "dev": self.dev, "test": self.test}[name]


def load(task: Task, planned: DataFingerprint | None = None) -> TaskData:
    """Read a task's splits, carve dev by document where needed and apply the limits.

    Rows that the plan leaves out are dropped before the limits, so that sizes hold where there is
    enough. Raises DataError with the problems of all splits together.
    """
    whole = read(task)
    if planned is None:
        return limited(whole, task)
    left_out = {str(split): getattr(planned, split).left_out or () for split in SPLITS}
    return limited(whole, task, left_out)


def load_planned(member: StageTask) -> TaskData:
    """The data of a stage's task as they were planned, of a derived task its origin's.

    Raises DataError where they are not as planned any more.
    """
    found = load(member.task.underived(), member.data)
    if fingerprint(found) != member.data:
        raise DataError(
            f"the data of {found.task.name} changed since the study was planned; put them back, "
            "or run the same command again"
        )
    return found


def load_planned_once(member: StageTask) -> TaskData:
    """`load_planned`, remembered in this process by what was planned."""
    # All that are derived from a task, in each seed anew, are of one origin's data.
    origin = StageTask(task=member.task.underived(), data=member.data)
    return _planned(origin.model_dump_json())


@lru_cache(maxsize=64)
def _planned(member: str) -> TaskData:
    return load_planned(StageTask.model_validate_json(member))


def read(task: Task) -> TaskData:
    """A task's splits with dev carved where needed, before limits; raises as `load`."""
    share = task.carve_dev or (None if _has_dev(task) else _DEFAULT_CARVE)
    problems: list[Problem] = []
    names: tuple[SplitName, ...] = SPLITS if share is None else ("train", "test")
    counted = {name: _read(task, name, problems) for name in names}
    splits = {name: examples for name, (examples, _) in counted.items()}
    if problems:
        raise DataError(*dict.fromkeys(problems))  # a task's own fault stands in every split
    key = _content(splits["train"])
    if share is not None:
        splits["train"], splits["dev"] = carve(task.name, key, splits["train"], share)
    train, dev, test = (tuple(splits[name]) for name in SPLITS)
    unread = {str(name): counts for name, (_, counts) in counted.items() if counts}
    return TaskData(task, train, dev, test, key, unread=unread)


def limited(whole: TaskData, task: Task, left_out: LeftOut | None = None) -> TaskData:
    """The splits that were read, without what is left out, and within the task's limits.

    Raises DataError where nothing is left of a split.
    """
    left_out = {name: positions for name, positions in (left_out or {}).items() if positions}
    splits = {name: _without(whole.split(name), left_out.get(name, ())) for name in SPLITS}
    for name, rows in splits.items():
        if not rows:
            raise DataError(
                Problem(
                    f"every row of {name} has a text or document that is in a test set, so that "
                    "`exclude_leaks` leaves none; check the splits and the documents' ids "
                    "(`transfer-study tasks` shows the leaks), or set `exclude_leaks: false`",
                    task.name,
                )
            )
    train, dev, test = (
        subset(whole.key, name, splits[name], task.limits.of(name)) for name in SPLITS
    )
    return TaskData(task, train, dev, test, whole.key, left_out, unread=whole.unread)


def _without(rows: Sequence[Example], positions: Collection[int]) -> Sequence[Example]:
    dropped = frozenset(positions)
    return [row for n, row in enumerate(rows) if n not in dropped] if dropped else rows


def _read(
    task: Task, split: SplitName, problems: list[Problem]
) -> tuple[list[Example], Mapping[str, int]]:
    try:
        return read_counted(task, split)
    except DataError as error:
        problems += error.problems
        return [], {}


def _has_dev(task: Task) -> bool:
    source = task.source
    if isinstance(source, FileSource):
        return source.path("dev") is not None
    return not isinstance(source, DatasetsSource) or "dev" in source.splits


def carve(
    name: str, key: str, train: Sequence[Example], share: float
) -> tuple[list[Example], list[Example]]:
    """Divide train into train and dev, whole documents at a time, both in train's order.

    `name` is the task's and `key` that of its data. Raises DataError where no document would be
    left for train.
    """
    documents = sorted({example.document for example in train})
    sizes = dict.fromkeys(documents, 0)
    for example in train:
        sizes[example.document] += 1
    chosen: set[str] = set()
    n = 0
    for i in stream(key, "carve").permutation(len(documents)):
        if n >= share * len(train):
            break
        chosen.add(documents[i])
        n += sizes[documents[i]]
    if len(chosen) == len(documents):
        raise DataError(
            Problem(
                f"dev cannot be carved from train: its {len(documents)} documents would all be"
                " taken. Give a dev file, or check the `document` column or `document_pattern`.",
                name,
            )
        )
    rest = [example for example in train if example.document not in chosen]
    return rest, [example for example in train if example.document in chosen]


def subset(
    key: str, split: str, examples: Sequence[Example], limit: int | None
) -> tuple[Example, ...]:
    """At most `limit` examples in the file's order; a smaller limit takes a part of a larger's."""
    if limit is None or limit >= len(examples):
        return tuple(examples)
    order = stream(key, split, "subset").permutation(len(examples))
    return tuple(examples[i] for i in sorted(order[:limit]))


def fingerprint(data: TaskData) -> DataFingerprint:
    """The size of each split and what its texts, labels, ids and documents hash to."""
    train, dev, test = (_fingerprint(data.split(name), data.left_out.get(name)) for name in SPLITS)
    return DataFingerprint(key=data.key, train=train, dev=dev, test=test)


def _fingerprint(examples: Sequence[Example], left_out: tuple[int, ...] | None) -> SplitFingerprint:
    gold = gold_hash(
        [e.id for e in examples], [e.document for e in examples], [e.label for e in examples]
    )
    return SplitFingerprint(
        n=len(examples), sha256=_content(examples), gold=gold, left_out=left_out
    )


def _content(examples: Sequence[Example]) -> str:
    """The sha256 over texts and labels, as canonical JSON lines."""
    digest = hashlib.sha256()
    for example in examples:
        # Others than those of multiple choice have no candidates, and their hashes none.
        candidates = [example.candidates] if example.candidates else []
        content = canonical_json([example.text, example.label, *candidates])
        digest.update(content.encode() + b"\n")
    return digest.hexdigest()
