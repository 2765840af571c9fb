"""What a plan must know of the world: the content of data and encoders, and the precision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from transfer_study.data.derived import check_divisible
from transfer_study.data.encoders.hash import fingerprint_encoder
from transfer_study.data.encoders.limits import (
    check_adapter,
    check_layers,
    check_length,
    check_pooling,
)
from transfer_study.data.leaks.exclude import positions, rows_in_test
from transfer_study.data.measurable import check_measurable
from transfer_study.data.splits import TaskData, fingerprint, limited, read
from transfer_study.data.texts import fingerprint_texts, read_texts
from transfer_study.errors import DataError, Problem, StudyError
from transfer_study.study.fingerprint import Fingerprints
from transfer_study.study.recipes.of_stages import recipes_of
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.sizes import data_sets
from transfer_study.study.study import Study
from transfer_study.study.tasks.task import Task

_T = TypeVar("_T")

# Processors that multiply bfloat16 matrices natively; others only emulate it.
_BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16", "bf16"}


# All rows of each task, by its name.
Rows = Mapping[str, TaskData]


def read_tasks(study: Study) -> Rows:
    """Read all rows of every task, before limits; raises DataError with all their faults."""
    return _each(study.tasks, lambda task: (task.name, read(task)))


def load_tasks(study: Study, rows: Rows | None = None) -> dict[str, TaskData]:
    """The data of every task and size, by name, from `rows` if they were read before.

    Where the study excludes leaks, they are without the rows that a test set of it has. Raises
    DataError with all their faults; a test set on which the task's metric measures nothing is one.
    """
    whole = read_tasks(study) if rows is None else rows
    dropped = rows_in_test(study, whole) if study.exclude_leaks else {}

    def as_used(item: tuple[str, Task]) -> tuple[str, TaskData]:
        name, task = item
        why = dropped.get(task.name, ())
        data = replace(limited(whole[task.name], task, positions(why)), dropped=why)
        check_measurable(data)
        if any(control.halves for control in study.controls):
            check_divisible(data)
        return name, data

    return _each(data_sets(study).items(), as_used)


def _each(items: Iterable[_T], loaded: Callable[[_T], tuple[str, TaskData]]) -> dict[str, TaskData]:
    found: dict[str, TaskData] = {}
    problems: list[Problem] = []
    for item in items:
        try:
            name, data = loaded(item)
            found[name] = data
        except StudyError as error:
            problems += error.problems
    if problems:
        raise DataError(*dict.fromkeys(problems))  # a task's faults are those of all its sizes
    return found


def take_fingerprints(study: Study, data: dict[str, TaskData]) -> Fingerprints:
    """Hash what the study's stages will read, on the machine that plans them."""
    recipes = list(recipes_of(study).values())
    texts = None
    if study.pretrain is not None:
        recipes.append(study.pretrain.recipe)
        texts = fingerprint_texts(read_texts(study.pretrain.of(study.tasks)))
    for recipe in recipes:
        check_adapter(recipe)
    longest = max(recipe.max_length for recipe in recipes)
    encoders = {}
    for encoder in study.resolved_encoders:
        encoders[encoder.name] = fingerprint_encoder(encoder)
        check_length(encoder, longest)
        for recipe in recipes:
            check_layers(encoder, recipe)
        if not all(task.kind.words for task in study.tasks):
            for recipe in recipes_of(study).values():
                check_pooling(encoder, recipe)
    return Fingerprints(
        data={name: fingerprint(task_data) for name, task_data in data.items()},
        encoders=encoders,
        precision=native_precision(),
        texts=texts,
    )


def native_precision() -> Precision:
    """What `precision: auto` means here: bfloat16 on a GPU or processor that computes it."""
    if any(Path("/dev").glob("nvidia[0-9]*")):
        import torch

        if torch.cuda.is_available():
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
            return Precision.BFLOAT16 if fast else Precision.FLOAT32
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return Precision.FLOAT32
    flags = next(
        (line.split() for line in text.splitlines() if line.startswith(("flags", "Features"))), []
    )
    return Precision.BFLOAT16 if _BFLOAT16_FLAGS & set(flags) else Precision.FLOAT32
