"""What belongs to one way of sharing alone: its options in the recipe."""

from __future__ import annotations

from transfer_study.spec.recipe import Recipe
from transfer_study.spec.stage import StageKind

# Options that only one kind of stage reads; an arm of the same name asks for it.
OPTIONS: dict[StageKind, tuple[str, ...]] = {
    StageKind.SOFT: ("soft_weight",),
    StageKind.DISTIL: ("teacher_weight", "teacher_temperature"),
}


def recipe_of(kind: StageKind, recipe: Recipe) -> Recipe:
    """The recipe as a kind of stage reads it: what only others read is at its default.

    So a study's baselines stay the same stages when the strength of a tie or a teacher changes.
    """
    unread = {
        name: Recipe.model_fields[name].default
        for other, names in OPTIONS.items()
        if other is not kind
        for name in names
    }
    return recipe.model_copy(update=unread)
