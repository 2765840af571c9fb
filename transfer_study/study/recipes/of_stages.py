"""The recipes by which a study's stages learn."""

from __future__ import annotations

from transfer_study.study.reading import Reading
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.study import Study


def recipes_of(study: Study) -> dict[str, Recipe]:
    """The recipes of a study's stages, by where the study file says them.

    A variant changes those that answer for a reading.
    """
    answering = {"refine": study.refine} if Reading.REFINE in study.readings else {}
    if Reading.FINETUNE in study.readings:
        answering |= {
            f"finetune of {task.name}": study.finetune_recipe(task.name) for task in study.tasks
        }
    sections = (arm.section for arm in study.arms if arm.section is not None)
    answering |= {section: getattr(study, section) for section in sections}
    varied = {
        f"{place} in variant {name}": variant.of(recipe)
        for name, variant in study.variants.items()
        for place, recipe in answering.items()
    }
    return {"refine": study.refine, **(varied or answering)}
