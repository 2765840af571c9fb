"""What a search for a recipe tries: values by key, on the single tasks that a study is about.

A joint stage has one recipe for all its tasks, so recipes are searched that hold for all of them;
but each is tried on one task at a time. It is the single tasks that edges are held against, and an
edge whose baseline did not learn says nothing. A trial of one task costs what its stage costs, in
memory too, shares what frozen layers compute with the study's own stages, and can be stopped by
itself where the recipe is bad for that task.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, Literal

from transfer_study.errors import InvalidStudy, Problem, StudyError
from transfer_study.study.arms import SINGLE
from transfer_study.study.file.study_file import read_study
from transfer_study.study.fingerprint import Fingerprints
from transfer_study.study.plan import plan
from transfer_study.study.reading import Reading
from transfer_study.study.recipes.protocol import Protocol
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.spelling import choices
from transfer_study.study.stage import Stage
from transfer_study.study.study import FinetuneRecipe, Study

Section = Literal["refine", "finetune"]
Values = dict[str, Any]
Space = dict[str, tuple[Any, ...]]

# Steps of about two: finer ones are lost in the noise of a seed.
_RATES = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4)
_RATES_FROM_SCRATCH = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3)
_EPOCHS = (4, 8, 16)
_BATCH_SIZES = (8, 16, 32)
# What a single task has not, what changes the cost of a run and not what it learns, how the epoch
# is chosen (on dev, whatever the study does), and what no single word says.
_UNTRIED = frozenset(
    {
        *("mixing", "temperature", "soft_weight", "teacher_weight", "teacher_temperature"),
        *("precision", "cpu_threads", "epoch_updates", "selection", "train_on", "tasks"),
        *("patience", "adapter"),
    }
)
# Far from the seeds 0, 1, ... of studies, and from those that looks add to them.
_FIRST_SEED = 1_000_000
_TIME = re.compile(r"(?:(\d{1,3})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?")


@dataclass(frozen=True)
class Target:
    """A task as the study learns it alone, with one encoder and size: what recipes are tried on.

    `stages` are by the study's own recipe, one a seed; `fixed` are the keys that the study sets for
    this task by itself, which a common recipe does not change.
    """

    name: str
    stages: tuple[Stage, ...]
    fixed: frozenset[str]

    def tried(self, stage: Stage, values: Values) -> Stage:
        """One of the stages by the recipe with these values."""
        changes = {key: value for key, value in values.items() if key not in self.fixed}
        return stage.by(Recipe(**{**stage.recipe.model_dump(), **changes}))


@dataclass(frozen=True)
class RecipeSearch:
    """Which recipes are tried on what: the study's `own`, and the space or some of it.

    There are at most `most` of them, and as many seconds for them all.
    """

    targets: tuple[Target, ...]
    own: Values
    space: Space
    most: int
    seconds: float

    @property
    def recipes(self) -> int:
        """How many recipes there are to be tried."""
        return min(self.most, self._every)

    @property
    def whole(self) -> bool:
        """Whether they are all of the space."""
        return self.most >= self._every

    @property
    def _every(self) -> int:
        own_apart = any(self.own[key] not in values for key, values in self.space.items())
        return math.prod(map(len, self.space.values())) + own_apart


def section_of(study: Study, asked: Section | None) -> Section:
    """The recipe to search: as asked, else that of the study's first reading.

    Raises StudyError where the study has no use for it.
    """
    if study.protocol is not Protocol.CLEAN:
        raise StudyError(
            f"the study has `protocol: {study.protocol}`, whose recipe is the original's; set "
            "`protocol: clean` to search for another"
        )
    if asked is not None and Reading(asked) not in study.readings:
        raise StudyError(
            f"--recipe {asked}: no reading of the study answers by it; "
            f"{choices(asked, map(str, study.readings))}"
        )
    return asked or ("refine" if Reading.REFINE in study.readings else "finetune")


def targets(
    study: Study, fingerprints: Fingerprints, section: Section, seeds: Sequence[int]
) -> tuple[Target, ...]:
    """Every task of a study as it is learned alone, by encoder and size, with these seeds."""
    alone = study.model_copy(
        update={
            "arms": (SINGLE,),
            "readings": (Reading(section),),
            "controls": (),
            "variants": {},
            "seeds": tuple(seeds),
        }
    )
    systems = [system for system in plan(alone, fingerprints).systems if system.arm == SINGLE.label]
    several = len({system.encoder for system in systems}) > 1
    found: dict[tuple[str, str], list[Stage]] = {}
    for system in systems:
        about = [f"{system.size:,} examples"] if system.size is not None else []
        about += [system.encoder] if several else []
        name = f"{system.target} ({', '.join(about)})" if about else system.target
        honest = {"selection": "best", "train_on": "train"}
        stage = system.stage.by(system.stage.recipe.model_copy(update=honest))
        found.setdefault((name, system.target), []).append(stage)
    return tuple(
        Target(name, tuple(stages), _fixed(study, section, task))
        for (name, task), stages in found.items()
    )


def _fixed(study: Study, section: Section, task: str) -> frozenset[str]:
    own = study.finetune.tasks.get(task) if section == "finetune" else None
    return frozenset() if own is None else frozenset(own.options)


def tuning_seeds(study: Study, n: int) -> tuple[int, ...]:
    """Seeds that the study does not use, nor comes to use as seeds are added to it."""
    return tuple(islice((seed for seed in count(_FIRST_SEED) if seed not in study.seeds), n))


def usual_space(study: Study, section: Section, layers: int) -> Space:
    """What is tried where nothing is said, of encoders that have so many layers, 0 for unknown."""
    random = all(encoder.tiny or encoder.scratch for encoder in study.encoders)
    space: Space = {
        "learning_rate": _RATES_FROM_SCRATCH if random else _RATES,
        "epochs": _possible_epochs(getattr(study, section)),
        "batch_size": _BATCH_SIZES,
    }
    old = layers - getattr(study, section).reinit_layers  # new layers must learn
    if layers > 1 and old > 0:
        space["freeze_layers"] = tuple(sorted({0, min(layers // 2, old), min(layers - 1, old)}))
    if not all(task.kind.words for task in study.tasks):
        # An encoder that reads from left to right has nothing on its first token.
        last = getattr(study, section).pooling == "last"
        space["pooling"] = ("last" if last else "pooler", "mean")
    return space


def _possible_epochs(recipe: Recipe) -> tuple[int, ...]:
    """The numbers of epochs to try: with patience those of which it may spare one."""
    if recipe.patience is None:
        return _EPOCHS
    return tuple(n for n in _EPOCHS if n >= recipe.patience + 2) or (recipe.epochs,)


def asked_space(path: Path, section: Section, tried: Sequence[str]) -> Space:
    """The values of `--try KEY=VALUE,VALUE`, each checked as if the study file had it.

    Raises InvalidStudy with every fault.
    """
    space: Space = {}
    problems: list[Problem] = []
    allowed = [name for name in Recipe.model_fields if name not in _UNTRIED]
    for said in tried:
        key, _, listed = said.partition("=")
        texts = [text.strip() for text in listed.split(",")]
        if key not in allowed:
            problems.append(Problem(f"found {key!r}; {choices(key, allowed)}", f"--try {said}"))
        elif not all(texts) or len(set(texts)) < len(texts) or key in space:
            wanted = "give each key once, with different values such as --try epochs=4,8"
            problems.append(Problem(wanted, f"--try {said}"))
        else:
            space[key] = tuple(_value(path, section, key, text, problems) for text in texts)
    if problems:
        raise InvalidStudy(*problems)
    return space


def _value(path: Path, section: Section, key: str, text: str, problems: list[Problem]) -> Any:
    try:
        study = read_study(path, [f"{section}.{key}={text}"])
    except InvalidStudy as error:
        for problem in error.problems:
            where = problem.where.replace(f"--set {section}.", "--try ")
            problems.append(Problem(problem.message, where))
        return None
    return own_values(study, section, (key,))[key]


def own_values(study: Study, section: Section, keys: Sequence[str]) -> Values:
    """What the study's own recipe has for these keys, in plain values."""
    recipe = getattr(study, section).model_dump(mode="json")
    return {key: recipe[key] for key in keys}


def with_values(study: Study, section: Section, values: Values) -> Study:
    """The study with these values in its recipe."""
    recipe: Recipe = getattr(study, section)
    made = FinetuneRecipe if section == "finetune" else Recipe
    written = {**recipe.model_dump(exclude_unset=True), **values}
    return study.model_copy(update={section: made(**written)})


def seconds_of(said: str, option: str = "--budget", also: str = "") -> float:
    """A time such as 90s, 30m or 1h30m in seconds; raises StudyError for anything else.

    `also` is what else the option may be, as the error goes on.
    """
    parts = _TIME.fullmatch(said.replace(" ", ""))
    hours, minutes, seconds = (int(n or 0) for n in parts.groups()) if parts else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + seconds
    if not total:
        raise StudyError(f"{option}: found {said!r}; give a time such as 90s, 30m or 1h30m{also}")
    return float(total)


def extremes(study: Study, section: Section, space: Mapping[str, Sequence[Any]]) -> Iterator[Study]:
    """The study with each combination of values that an encoder may be too small for."""
    keys = [key for key in ("max_length", "freeze_layers", "reinit_layers") if key in space]
    combinations: list[Values] = [{}]
    for key in keys:
        combinations = [{**one, key: value} for one in combinations for value in space[key]]
    for values in combinations:
        yield with_values(study, section, values)
