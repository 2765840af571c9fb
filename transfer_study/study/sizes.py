"""The training-size axis: one study of several sizes as several studies of one size each.

A list of sizes for the whole study cuts all its tasks to each size in turn. A list of one task's
own gives the sizes at which it is a target, its partners being as they are. As a partner, a task
is learned at its largest size, and a task of one size is a target once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from transfer_study.study.study import Study
from transfer_study.study.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the axis: a study of one size a task, and the targets of which it speaks.

    `size` is that of the targets, None for those of one size; `data` names each task's data.
    """

    size: int | None
    study: Study
    targets: frozenset[str]
    data: Mapping[str, str]


def points(study: Study) -> Iterator[Point]:
    """Every point of a study, one where no task has several sizes."""
    sizes = {task.name: train_sizes(task) for task in study.tasks}
    single = {name for name, several in sizes.items() if not several}
    if single:
        yield _point(study, None, single)
    shared = study.limits.max_train
    following = {name for name, several in sizes.items() if several and several == shared}
    for size in shared if following and isinstance(shared, tuple) else ():
        yield _point(study, size, following)
    for name, several in sizes.items():
        for size in () if name in following else several:
            yield _point(study, size, {name})


def train_sizes(task: Task) -> tuple[int, ...]:
    """The sizes that a task is learned at, empty where there is but one."""
    limit = task.limits.max_train
    return limit if isinstance(limit, tuple) else ()


def has_sizes(study: Study) -> bool:
    """Whether any task of the study is learned at several sizes."""
    return any(map(train_sizes, study.tasks))


def data_sets(study: Study) -> dict[str, Task]:
    """What the study reads, by name: a task for each of its sizes, the largest last."""
    return {name: of_size for task in study.tasks for name, of_size in data_sets_of(task).items()}


def data_sets_of(task: Task) -> dict[str, Task]:
    """What is read of one task, likewise."""
    sizes = train_sizes(task) or (None,)
    return {_data_name(task, size): _cut(task, size) for size in sizes}


def _point(study: Study, size: int | None, targets: set[str]) -> Point:
    chosen = {
        task.name: size if task.name in targets else max(train_sizes(task), default=None)
        for task in study.tasks
    }
    tasks = tuple(_cut(task, chosen[task.name]) for task in study.tasks)
    data = {task.name: _data_name(task, chosen[task.name]) for task in study.tasks}
    return Point(size, study.model_copy(update={"tasks": tasks}), frozenset(targets), data)


def _cut(task: Task, size: int | None) -> Task:
    if size is None:
        return task
    limits = task.limits.model_copy(update={"max_train": size})
    return task.model_copy(update={"limits": limits})


def _data_name(task: Task, size: int | None) -> str:
    return task.name if size is None else f"{task.name}@{size}"
