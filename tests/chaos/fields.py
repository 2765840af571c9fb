"""Each field of a stage is changed: what its numbers depend on runs it again, nothing else does.

Every field is in one of the two lists, so that one which is added has to be put there.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Enum
from typing import Any

from pydantic import BaseModel

from tests.chaos.cases import Place, Row, made_disk, made_world, timed
from tests.chaos.fixture import made_plan
from tests.chaos.world import Violation, run
from transfer_study.study.encoder import Encoder
from transfer_study.study.fingerprint import DataFingerprint, SplitFingerprint
from transfer_study.study.plan import Plan
from transfer_study.study.recipes.adapter import BottleneckAdapter
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.stage import Stage, StageKind, StageTask
from transfer_study.study.tasks import kinds
from transfer_study.study.tasks.task import Change, Limits, Task, Transform

# What a stage is run again for, by the fields of what it is made of; and what it is not.
TASK = {
    "kind": kinds.MULTILABEL,
    "labels": ("maybe", "no", "yes"),
    "negative": "no",
    "select_by": "micro_f1",
    "transform": Transform(change=Change.SHUFFLED, seed=1),
}
NOT_TASK = {
    "name": "called-otherwise",
    "domain": "clinical",
    "metric": "micro_f1",  # what chooses the epoch stays
    "source": None,
    "limits": Limits(max_train=5),
    "carve_dev": 0.5,
}
DATA, NOT_DATA = {"key", "train", "dev", "test"}, set[str]()
SPLIT, NOT_SPLIT = {"n": 10, "sha256": "1" * 64}, {"gold": "1", "left_out": (1,)}
ENCODER, NOT_ENCODER = set[str](), {"name", "source", "revision", "tiny", "scratch", "layers"}
STAGE = {"kind", "tasks", "encoder_hash", "recipe", "seed", "parents", "masked_texts"}
NOT_STAGE = {"encoder"}


def changes(stage: Stage) -> Iterator[tuple[str, Stage, bool]]:
    """What is changed of a stage, the stage with that change, and whether it is another."""
    _all_named(Task, TASK, NOT_TASK)
    _all_named(DataFingerprint, DATA, NOT_DATA)
    _all_named(SplitFingerprint, SPLIT, NOT_SPLIT)
    _all_named(Encoder, ENCODER, NOT_ENCODER)
    _all_named(Stage, STAGE, NOT_STAGE)
    for name, value in _other_values(stage.recipe).items():
        yield f"recipe.{name}", _with(stage, recipe=_with(stage.recipe, **{name: value})), True
    (member,) = stage.tasks
    for fields, is_other in ((TASK, True), (NOT_TASK, False)):
        for name, value in fields.items():
            if name == "source":
                value = member.task.source.model_copy(update={"folder": "/elsewhere"})  # noqa: PLW2901
            of_same = {} if name == "select_by" else {"select_by": member.task.selection_metric}
            task = member.task.model_copy(update={**of_same, name: value})
            yield f"task.{name}", _of(stage, task, member.data), is_other
    for split in ("train", "dev", "test"):
        for fields, is_other in ((SPLIT, True), (NOT_SPLIT, False)):
            for name, value in fields.items():
                new = getattr(member.data, split).model_copy(update={name: value})
                data = member.data.model_copy(update={split: new})
                yield f"data.{split}.{name}", _of(stage, member.task, data), is_other
    other_key = member.data.model_copy(update={"key": "other"})
    yield "data.key", _of(stage, member.task, other_key), True
    for name in NOT_ENCODER:
        encoder = stage.encoder.model_copy(update={name: "other" if name != "layers" else 1})
        yield f"encoder.{name}", _with(stage, encoder=encoder), False
    yield "encoder_hash", _with(stage, encoder_hash="1"), True
    yield "seed", _with(stage, seed=stage.seed + 7), True
    yield "kind", _with(stage, kind=StageKind.HEADS), True
    yield "parents", _with(stage, parents=()), True
    parent = _with(stage.parents[0], seed=99)
    yield "parents.seed", _with(stage, parents=(parent,)), True


def fields() -> Row:
    """Every change of one field of a stage with a parent; the order of a set changes nothing."""
    with timed(Row("each field of a stage changed")) as row:
        plan = made_plan(0)
        plan = replace(plan, stages=tuple(map(_anew, plan)))
        child = next(stage for stage in plan if stage.parents)
        place = Place(made_disk())
        made_world(place).start("host")
        run(plan, place.store)
        for what, changed, is_other in changes(child):
            row.faults += 1
            with row.watched(what):
                if _runs(place, plan, changed) != is_other:
                    again = "does not run" if is_other else "runs"
                    raise Violation(f"I4: a stage {again} again where its {what} has changed")
        joint = child.parents[0]
        again = Stage(**{**_fields(joint), "tasks": tuple(reversed(joint.tasks))})
        row.faults += 1
        with row.watched("the order of tasks"):
            if again.id != joint.id:
                raise Violation("I4: {A, B} is not {B, A}")
    return row


def _runs(place: Place, plan: Plan, stage: Stage) -> bool:
    """Whether a run in which a stage stands would run it."""
    store = place.store
    part = replace(plan, stages=(*stage.parents, stage)).missing(store.is_done, store.has_model)
    return stage.id in {one.id for one in part}


def _all_named(kind: type[BaseModel], *named: Any) -> None:
    fields_ = {*kind.model_fields}
    listed = {name for names in named for name in names}
    if fields_ != listed:
        raise Violation(f"I4: of {kind.__name__} nobody said what {fields_ ^ listed} changes")


def _other_values(recipe: Recipe) -> dict[str, Any]:
    """Another value for each field of a recipe."""
    found: dict[str, Any] = {}
    for name, field in Recipe.model_fields.items():
        value = getattr(recipe, name)
        words = [
            w
            for part in (field.annotation, *typing.get_args(field.annotation))
            for w in typing.get_args(part)
            if isinstance(w, str)
        ]
        if isinstance(value, bool):
            found[name] = not value
        elif isinstance(value, Enum):
            found[name] = next(word for word in type(value) if word != value)
        elif name == "adapter":
            found[name] = BottleneckAdapter(kind="bottleneck")
        elif words:
            found[name] = next(word for word in words if word != value)
        elif isinstance(value, float):
            found[name] = value / 2 if value else 0.5
        else:
            found[name] = (value or 0) + 1
    return found


def _with(value: Any, **changed: Any) -> Any:
    """A value with other fields, and nothing that was computed of the old ones."""
    return type(value).model_construct(**{**_fields(value), **changed})


def _anew(stage: Stage) -> Stage:
    """The same stage, of which nothing was computed yet."""
    tasks = tuple(map(_with, stage.tasks))
    return Stage(**{**_fields(stage), "tasks": tasks, "parents": tuple(map(_anew, stage.parents))})


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in type(value).model_fields}


def _of(stage: Stage, task: Task, data: DataFingerprint) -> Stage:
    return _with(stage, tasks=(StageTask.model_construct(task=task, data=data),))


ALL: tuple[Callable[[], Row], ...] = (fields,)
