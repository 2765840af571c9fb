"""What a stage reads of a recipe: not what is for other ways of sharing, or for several tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transfer_study.study.recipes.recipe import Mixing, Recipe, weights_of
from transfer_study.study.stage import StageKind
from transfer_study.study.tasks.task import Task

# Options that only one kind of stage reads; an arm of the same name asks for it.
OPTIONS: dict[StageKind, tuple[str, ...]] = {
    StageKind.SOFT: ("soft_weight",),
    StageKind.DISTIL: ("teacher_weight", "teacher_temperature"),
}
# How often tasks come; and what is made of their gradients where several move one encoder.
FREQUENCY = ("mixing", "temperature")
BALANCE = ("updates", "aggregation", "loss_weights")


def recipe_of(kind: StageKind, recipe: Recipe, tasks: Sequence[Task]) -> Recipe:
    """The recipe as a stage reads it: what it does not read is at its default.

    So a study's baselines stay the same stages when the strength of a tie or a teacher changes, or
    how tasks are mixed. Of weights by name the stage reads those of its own tasks.
    """
    changes = {name: Recipe.model_fields[name].default for name in _unread(kind, recipe, tasks)}
    if isinstance(recipe.loss_weights, dict) and "loss_weights" not in changes:
        origins = {task.name: recipe.loss_weights.get(task.origin, 1.0) for task in tasks}
        weights = weights_of(origins, list(origins))
        changes["loss_weights"] = weights if {*weights.values()} != {1.0} else "equal"
    return recipe.model_copy(update=changes)


def _unread(kind: StageKind, recipe: Recipe, tasks: Sequence[Task]) -> Iterator[str]:
    for other, names in OPTIONS.items():
        if other is not kind:
            yield from names
    if len(tasks) < 2:
        yield from (*FREQUENCY, *BALANCE)
    elif kind is StageKind.SOFT:  # each task's encoder has an optimiser of its own
        yield from BALANCE
    else:
        every = recipe.updates == "every_task"
        yield from FREQUENCY if every else ("aggregation",)
        if recipe.loss_weights == "by_size" and (every or recipe.mixing is Mixing.UNIFORM):
            yield "loss_weights"  # tasks that have equally many batches weigh alike
