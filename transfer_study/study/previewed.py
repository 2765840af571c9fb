"""The study that previews another, from what is to be left of that one."""

from __future__ import annotations

from typing import TypeVar

from transfer_study.study.preview import Preview, preview_name
from transfer_study.study.recipes.changes import Changes
from transfer_study.study.recipes.pretraining import Pretraining
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.sizes import data_sets_of, train_sizes
from transfer_study.study.study import FinetuneRecipe, Study
from transfer_study.study.tasks.task import Limits, Task

_Learning = TypeVar("_Learning", Recipe, FinetuneRecipe, Pretraining)


def previewed(study: Study, left: Preview) -> Study:
    """The study with what is left of its seeds, epochs and rows, under a name of its own."""
    baselines = study.baseline_seeds
    if baselines is not None:
        baselines = round(baselines * left.seeds / len(study.seeds))
    return study.model_copy(
        update={
            "name": preview_name(study.name, left.share),
            "preview": left,
            "limits": _limits(study.limits, left),
            "tasks": tuple(_task(task, left) for task in study.tasks),
            "refine": _shorter(study.refine, left),
            "finetune": _finetune(study.finetune, left),
            "heads": _shorter(study.heads, left),
            "pretrain": None if study.pretrain is None else _shorter(study.pretrain, left),
            "variants": {
                name: _changes(changes, study.refine, left)
                for name, changes in study.variants.items()
            },
            "seeds": study.seeds[: left.seeds],
            "baseline_seeds": baselines if (baselines or 0) > left.seeds else None,
        }
    )


def _shorter(recipe: _Learning, left: Preview) -> _Learning:
    epochs = left.epochs_of(recipe.epochs)
    update: dict[str, int | None] = {"epochs": epochs}
    if recipe.patience is not None:
        update["patience"] = _patience(recipe.patience, recipe.epochs, epochs)
    return recipe.model_copy(update=update)


def _patience(patience: int, epochs: int, left: int) -> int | None:
    """The patience where so many of the epochs are left; None where these can spare none."""
    return None if left < 3 else min(left - 2, max(1, round(patience * left / epochs)))


def _finetune(recipe: FinetuneRecipe, left: Preview) -> FinetuneRecipe:
    tasks = {name: _changes(changes, recipe, left) for name, changes in recipe.tasks.items()}
    return _shorter(recipe, left).model_copy(update={"tasks": tasks})


def _changes(changes: Changes, base: Recipe, left: Preview) -> Changes:
    """Changes of a recipe, their epochs and patience shortened like its own."""
    whole = changes.of(Recipe(**base.model_dump(exclude={"tasks"})))
    shorter = _shorter(whole, left)
    names = {"epochs", "patience"} & {*changes.options}
    if "epochs" in names and whole.patience is not None:
        names.add("patience")  # which the recipe's own epochs allow, and these may not
    return Changes.to(**{**changes.options, **{name: getattr(shorter, name) for name in names}})


def _task(task: Task, left: Preview) -> Task:
    train, dev, test = left.whole[list(data_sets_of(task))[-1]]  # of several sizes the largest
    limits: dict[str, object] = {
        "max_train": left.train_rows(train),
        "max_dev": left.dev_rows(dev, train),
        "max_test": min(test, left.test),
    }
    if sizes := train_sizes(task):
        limits["max_train"] = _sizes(sizes, left)
    return task.model_copy(update={"limits": task.limits.model_copy(update=limits)})


def _limits(limits: Limits, left: Preview) -> Limits:
    """The limits of all tasks, by whose list of sizes those are known that follow it."""
    if not isinstance(limits.max_train, tuple):
        return limits
    return limits.model_copy(update={"max_train": _sizes(limits.max_train, left)})


def _sizes(sizes: tuple[int, ...], left: Preview) -> tuple[int, ...]:
    return tuple(sorted({left.train_rows(size) for size in sizes}))
