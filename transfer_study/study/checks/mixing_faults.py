"""What would do nothing, or names no task, in how a study's joint stages mix their tasks."""

from __future__ import annotations

from collections.abc import Iterator

from transfer_study.study.arms import TOGETHER
from transfer_study.study.checks.written import (
    Fault,
    Written,
    finetune_recipes,
    items_of,
    known_arms,
    mapping_of,
    name_of,
    number_of,
)
from transfer_study.study.recipes.recipe import Mixing, Recipe
from transfer_study.study.recipes.sharing import BALANCE, FREQUENCY
from transfer_study.study.spelling import choices

Key = tuple[str, ...]

_BASE: Key = ("refine",)


def mixing_faults(study: Written) -> Iterator[Fault]:
    """Every such fault as (key, sentence); a default that is spelled out may stand."""
    refine = mapping_of(study.get("refine"))
    yield from _together(_BASE, refine, refine)
    changed: list[tuple[Key, Written]] = [
        (("variants", name), mapping_of(changes))
        for name, changes in mapping_of(study.get("variants")).items()
    ]
    for key, changes in changed:
        yield from _together(key, changes, {**refine, **changes})
    for key, recipe in [(_BASE, refine), *changed]:
        yield from _unknown_tasks(study, key, recipe)
        yield from _without_an_arm(study, key, recipe)
    alone = [*finetune_recipes(study), (("heads",), mapping_of(study.get("heads")))]
    for key, recipe in alone:
        for name in (*FREQUENCY, *BALANCE):
            if _is_set(recipe, name):
                what = "fine-tuning" if key[0] == "finetune" else "a head"
                yield (
                    (*key, name),
                    f"found {_said(recipe[name])}, but {what} has one task and nothing to mix; "
                    "remove it, or move it to `refine`",
                )


def _together(key: Key, written: Written, recipe: Written) -> Iterator[Fault]:
    """What is written under a key and does nothing in the recipe that this makes."""
    mixing = str(recipe.get("mixing", Mixing.PROPORTIONAL))
    every = recipe.get("updates") == "every_task"
    if _is_set(written, "temperature") and mixing != Mixing.TEMPERATURE:
        yield (
            (*key, "temperature"),
            f"found {written['temperature']}, which does nothing with `mixing: {mixing}`; set "
            "`mixing: temperature`, or remove it",
        )
    if _is_set(written, "mixing") and every:
        yield (
            (*key, "mixing"),
            f"found {mixing}, but with `updates: every_task` all tasks come equally often; remove "
            "it, or set `updates: one_task`",
        )
    if _is_set(written, "aggregation") and not every:
        yield (
            (*key, "aggregation"),
            f"found {written['aggregation']}, which does nothing with `updates: one_task`; set "
            "`updates: every_task`, or remove it",
        )
    if written.get("loss_weights") == "by_size" and (every or mixing == Mixing.UNIFORM):
        why = "updates: every_task" if every else "mixing: uniform"
        yield (
            (*key, "loss_weights"),
            f"found by_size, but with `{why}` tasks have equally many batches whatever their size; "
            "remove one of them",
        )


def _unknown_tasks(study: Written, key: Key, recipe: Written) -> Iterator[Fault]:
    names = [name for task in items_of(study, "tasks") if (name := name_of(task))]
    for name in mapping_of(recipe.get("loss_weights")):
        if names and name not in names:
            yield (
                (*key, "loss_weights", name),
                f"found {name!r}, which is not a task of this study; {choices(str(name), names)}",
            )


def _without_an_arm(study: Written, key: Key, recipe: Written) -> Iterator[Fault]:
    """What joint stages alone read, where there is none; what is in variants is read by answers."""
    readings, base = items_of(study, "readings"), key == _BASE
    arms = known_arms(study)
    for name in TOGETHER:
        if not _is_set(recipe, name):
            continue
        found = f"found {_said(recipe[name])}, "
        if not any(name in (*arm.options, *(arm.start_options if base else ())) for arm in arms):
            yield (
                (*key, name),
                f"{found}which does nothing where no encoder is shared by several tasks; add such "
                "as 'full' to `arms`, or remove it",
            )
        elif not base and readings and "refine" not in readings:
            yield (
                (*key, name),
                f"{found}but the variants of the reading 'finetune' share their joint stages; add "
                "'refine' to `readings`, or set it in `refine`",
            )


def _is_set(recipe: Written, name: str) -> bool:
    """Whether a recipe sets an option to another value than the one that it has anyway."""
    usual = Recipe.model_fields[name].default
    value = recipe.get(name, usual)
    return usual not in (value, number_of(value))


def _said(value: object) -> str:
    """A value as it is written in a file."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {weight}' for name, weight in value.items())}}}"
    return str(value)
