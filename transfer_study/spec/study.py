"""A study: tasks x encoders x arms x seeds, and the two recipes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, create_model, model_validator
from typing_extensions import Self

from transfer_study.spec.blue import BLUE
from transfer_study.spec.encoder import Encoder
from transfer_study.spec.frozen import Frozen, Word
from transfer_study.spec.margin import Margin
from transfer_study.spec.recipe import Recipe
from transfer_study.spec.task import Limits, Name, Task


class Arm(Word):
    """Which sets of tasks are learned together."""

    SINGLE = "single"
    FULL = "full"
    PAIRS = "pairs"


class Pairing(Word):
    """Which pairs are formed."""

    WITHIN = "within_domain"
    ACROSS = "across_domains"


class Reading(Word):
    """Which models are compared: after the joint stage, or after fine-tuning from it."""

    REFINE = "refine"
    FINETUNE = "finetune"


# What fine-tuning may change for one task: every field of a recipe, none of them required.
RecipeOverride = create_model(
    "RecipeOverride",
    __base__=Frozen,
    **{
        name: (Annotated[(info.annotation | None, Field(), *info.metadata)], None)  # type: ignore
        for name, info in Recipe.model_fields.items()
    },
)


class FinetuneRecipe(Recipe):
    """The recipe of fine-tuning, with changes for single tasks.

    A joint stage has one recipe for all its tasks; only fine-tuning can differ by task.
    """

    learning_rate: float = Field(default=2e-5, gt=0)
    tasks: dict[str, RecipeOverride] = Field(default_factory=dict)  # type: ignore[valid-type]

    def of(self, task: str) -> Recipe:
        """The recipe with which a task is fine-tuned."""
        changes = self.tasks[task].model_dump(exclude_none=True) if task in self.tasks else {}
        return Recipe(**{**self.model_dump(exclude={"tasks"}), **changes})


def _as_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


def _seeds(value: object) -> object:
    """A number n of seeds means the seeds 0 to n - 1."""
    count = int(value) if isinstance(value, int | str) and str(value).isdecimal() else None
    return list(range(count)) if count is not None else value


class Study(Frozen):
    """Everything that decides which stages exist and how their scores are judged.

    Where and on how many devices they run is not part of it.
    """

    model_config = ConfigDict(populate_by_name=True)

    name: Name
    data: Path | None = None  # the data root of relative file names
    encoders: Annotated[tuple[Encoder, ...], BeforeValidator(_as_list), Field(min_length=1, alias="encoder")]
    tasks: tuple[Task, ...] = Field(min_length=1)
    arms: tuple[Arm, ...] = (Arm.SINGLE, Arm.FULL, Arm.PAIRS)
    pairs: Pairing = Pairing.WITHIN
    readings: tuple[Reading, ...] = Field(default=(Reading.REFINE,), min_length=1)
    refine: Recipe = Recipe()
    finetune: FinetuneRecipe = FinetuneRecipe()
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_seeds), Field(min_length=1)] = (0, 1, 2)
    limits: Limits = Limits()
    margin: Margin = Margin(absolute=0.01)

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: object) -> object:
        """Complete what is given by name: built-in tasks, and the limits all tasks share."""
        if not isinstance(value, dict) or not isinstance(value.get("tasks"), list | tuple):
            return value
        limits = value.get("limits", {})
        limits = limits.model_dump(exclude_none=True) if isinstance(limits, Limits) else limits
        return {**value, "tasks": [_expand_task(task, limits) for task in value["tasks"]]}

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        faults = list(
            incoherences(
                tasks=[t.name for t in self.tasks],
                encoders=[e.name for e in self.encoders],
                seeds=list(self.seeds),
                arms=list(self.arms),
                overrides=list(self.finetune.tasks),
            )
        )
        if faults:
            raise ValueError("\n".join(message for _, message in faults))
        return self

    def finetune_recipe(self, task: str) -> Recipe:
        """The recipe with which a task is fine-tuned, its own changes included."""
        return self.finetune.of(task)


def _expand_task(task: object, limits: object) -> object:
    if isinstance(task, Task):
        return task
    entry: object = {"name": task} if isinstance(task, str) else task
    if not isinstance(entry, Mapping):
        return entry
    built_in = BLUE.get(str(entry.get("name")), {}) if "kind" not in entry else {}
    expanded = {**built_in, **entry}
    if isinstance(entry.get("source"), Mapping) and "source" in built_in:
        expanded["source"] = {**built_in["source"], **entry["source"]}
    own = entry.get("limits", {})
    if isinstance(limits, Mapping) and isinstance(own, Mapping):
        expanded["limits"] = {**limits, **own}
    return expanded


def incoherences(
    tasks: list[Any], encoders: list[Any], seeds: list[Any], arms: list[Any], overrides: list[Any]
) -> Iterator[tuple[str, str]]:
    """What does not fit together in a study, as (key, sentence); takes names as written."""
    for key, what, values in (("tasks", "task", tasks), ("encoder", "encoder", encoders)):
        for name, count in Counter(map(str, values)).items():
            if count > 1:
                yield key, f"the {what} {name!r} is given {count} times; give each a name of its own"
    for seed, count in Counter(map(str, seeds)).items():
        if count > 1:
            yield "seeds", f"the seed {seed} is given {count} times; list each seed once"
    joint = [str(arm) for arm in arms if str(arm) in (Arm.PAIRS, Arm.FULL)]
    if joint and Arm.SINGLE not in map(str, arms):
        yield "arms", f"the arm {joint[0]!r} is compared with `single`, which is not in `arms`; add it"
    if joint and len(tasks) < 2:
        yield "tasks", f"the arm {joint[0]!r} needs at least two tasks, found {len(tasks)}"
    for name in overrides:
        if name not in tasks:
            yield f"finetune.tasks.{name}", (
                f"{name!r} is not a task of this study; its tasks: {', '.join(map(str, tasks))}"
            )
