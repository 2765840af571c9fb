"""A study: tasks x encoders x arms x seeds, and the two recipes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import Self

from transfer_study.study.arms import PAIRS, USUAL_ARMS, Arm, Control
from transfer_study.study.checks.coherence import INCOHERENT, incoherences
from transfer_study.study.correction import Correction
from transfer_study.study.encoder import Encoder
from transfer_study.study.frozen import Frozen, Seed
from transfer_study.study.margin import Margin
from transfer_study.study.pairs import Pairing
from transfer_study.study.preview import Preview
from transfer_study.study.reading import Reading
from transfer_study.study.recipes.changes import Changes
from transfer_study.study.recipes.pretraining import Pretraining, started_name, with_vocabulary
from transfer_study.study.recipes.protocol import (
    PAPER_RECIPE,
    Protocol,
    paper_finetune,
    paper_metric,
    paper_refine,
)
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.seeds import extended
from transfer_study.study.spelling import choices
from transfer_study.study.tasks.blue import BLUE
from transfer_study.study.tasks.kinds import CLASSIFICATION, KINDS
from transfer_study.study.tasks.task import Limits, Name, Task

MOST_SEEDS = 1000


class FinetuneRecipe(Recipe):
    """The recipe of fine-tuning, with changes for single tasks.

    A joint stage has one recipe for all its tasks; only fine-tuning can differ by task.
    """

    learning_rate: float = Field(default=2e-5, gt=0)
    """The peak rate, after warmup."""
    tasks: dict[str, Changes] = Field(default_factory=dict)
    """Changes of this recipe by task; only what is set there counts."""

    def of(self, task: str) -> Recipe:
        """The recipe with which a task is fine-tuned."""
        recipe = Recipe(**self.model_dump(exclude={"tasks"}))
        return self.tasks[task].of(recipe) if task in self.tasks else recipe


class HeadsRecipe(Recipe):
    """The recipe of a head on a frozen encoder: one layer alone takes, and needs, a higher rate."""

    learning_rate: float = Field(default=1e-3, gt=0)
    """The peak rate, after warmup."""


def _complete(task: object) -> object:
    """A task as written, with what its built-in name stands for; raises ValueError for no name."""
    entry = {"name": task} if isinstance(task, str) else task
    if not isinstance(entry, Mapping):
        return entry
    if "kind" not in entry and "source" not in entry and "name" in entry:
        name = str(entry["name"])
        if name not in BLUE:
            raise ValueError(
                f"found {name!r}, which is no built-in task; {choices(name, BLUE)}; or give the "
                "task inline with `kind`, `labels` and `source`"
            )
    built_in = BLUE.get(str(entry.get("name")), {}) if "kind" not in entry else {}
    complete = {**built_in, **entry}
    if isinstance(entry.get("source"), Mapping) and "source" in built_in:
        complete["source"] = {**built_in["source"], **entry["source"]}
    if str(complete.get("kind")) not in KINDS:
        # Which metric is the default cannot be said; that the kind is wrong is enough to say.
        complete.setdefault("metric", CLASSIFICATION.metrics[0])
    return complete


def _as_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


def _seeds(value: object) -> object:
    """A number n of seeds means the seeds 0 to n - 1."""
    if isinstance(value, list | tuple) and len(value) > MOST_SEEDS:
        raise ValueError(f"found {len(value)} seeds; give at most {MOST_SEEDS}")
    if not isinstance(value, int | str) or not str(value).isdecimal():
        return value
    said = str(value)
    if len(said) > 20 or int(said) > MOST_SEEDS:  # of very long numbers Python reads no value
        raise ValueError(f"found {said[:20]} seeds; give at most {MOST_SEEDS}")
    return list(range(int(said)))


class Study(Frozen):
    """Everything that decides which stages exist and how their scores are judged.

    Where and on how many devices they run is not part of it.
    """

    name: Name
    """The study's folders under results and plots."""
    data: Path | None = None
    """The root of relative data files, itself relative to the study file, whose folder it is where
    nothing is set; `--data` and TRANSFER_STUDY_DATA go before it."""
    encoders: Annotated[
        tuple[Encoder, ...], BeforeValidator(_as_list), Field(min_length=1, alias="encoder")
    ]
    """What all models start from, by name or with the keys below; a list compares several."""
    limits: Limits = Limits()
    """At most so many examples of every task; a task's own go before."""
    tasks: Annotated[tuple[Annotated[Task, BeforeValidator(_complete)], ...], Field(min_length=1)]
    """Built-in tasks by name, with changes (`name` and what differs), or tasks of your own."""
    arms: Annotated[tuple[Arm, ...], Field(min_length=1)] = Field(USUAL_ARMS, validate_default=True)
    """Which tasks are learned together, or one after the other."""
    pairs: Pairing = Pairing.ALL
    """Which pairs the arms form: all, or those within a domain."""
    groups: dict[Name, tuple[str, ...]] = Field(default_factory=dict)
    """Of the arm `groups`: the names of tasks by a name of your own, such as {ner: [a, b]}."""
    controls: tuple[Control, ...] = ()
    """Of the arm `pairs`: what else could make the gain. placebo shuffles the partner's labels,
    self pairs the task's own halves, matched trains it alone for as many updates."""
    readings: Annotated[tuple[Reading, ...], Field(min_length=1)] = (Reading.REFINE,)
    """Which models are compared: after the joint stage, or after fine-tuning from it."""
    protocol: Protocol = Protocol.CLEAN
    """How models are trained, selected and scored: honestly, as in the original study, or both."""
    exclude_leaks: bool = False
    """Whether training rows whose text or document is in a test set of the study are dropped."""
    pretrain: Pretraining | None = None
    """Masked language modelling before any task is learned."""
    refine: Recipe = Recipe()
    """The recipe of joint stages, and of their baselines."""
    finetune: FinetuneRecipe = FinetuneRecipe()
    """The recipe of fine-tuning."""
    heads: HeadsRecipe = HeadsRecipe()
    """The recipe of the arm `heads-only`."""
    variants: dict[Name, Changes] = Field(default_factory=dict)
    """Changes of the recipe, by a name of your own: the stages that answer for a reading are
    planned once a variant, the stages that they start from once. Of such a recipe only what is set
    counts, and it goes before the recipe of a single task."""
    seeds: Annotated[tuple[Seed, ...], BeforeValidator(_seeds), Field(min_length=1)] = (0, 1, 2)
    """A number n of seeds, which are 0 to n - 1, or a list of them."""
    baseline_seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS)] | None = None
    """How many seeds a task alone has where partners are held against it: `seeds` and those after
    the largest of them, or `seeds` alone where nothing is set. All effects on a task share its
    baseline, so that further runs of it may tell more, and cost less, than of every pair."""
    margin: Margin = Margin(absolute=0.01)
    """Effects up to this size do not matter: a number, `absolute:` or `relative:`."""
    correction: Correction = Correction.BH
    """How intervals and p values are adjusted for all edges of a reading."""
    # Not written in a study file: `--fidelity` makes a preview of one.
    preview: SkipJsonSchema[Preview | None] = None

    @field_validator("tasks")
    @classmethod
    def _limited(cls, tasks: tuple[Task, ...], info: ValidationInfo) -> tuple[Task, ...]:
        shared = info.data.get("limits", Limits())
        return tuple(
            task.model_copy(
                update={
                    "limits": shared.model_copy(update=task.limits.model_dump(exclude_none=True))
                }
            )
            for task in tasks
        )

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        faults = list(incoherences(self.model_dump(mode="json", by_alias=True)))
        if faults:
            raise ValidationError.from_exception_data(
                "Study",
                [
                    InitErrorDetails(type=PydanticCustomError(INCOHERENT, text), loc=key, input="")
                    for key, text in faults
                ],
            )
        return self

    @property
    def seeds_of_baselines(self) -> tuple[int, ...]:
        """The seeds that `baseline_seeds` gives to shared baselines; none where it is not set."""
        return extended(self.seeds, self.baseline_seeds or 0)

    @property
    def resolved_encoders(self) -> tuple[Encoder, ...]:
        """The encoders, those from scratch with the texts of their vocabulary."""
        if self.pretrain is None:
            return self.encoders
        texts = self.pretrain.of(self.tasks)
        return tuple(with_vocabulary(encoder, texts) for encoder in self.encoders)

    @property
    def starts(self) -> tuple[bool, ...]:
        """Whether stages start from pretraining: not, only so, or both to be compared."""
        if self.pretrain is None:
            return (False,)
        return (False, True) if self.pretrain.compare else (True,)

    @property
    def starting_points(self) -> tuple[tuple[str, Encoder, bool], ...]:
        """What stages start from: each encoder as tables name it, itself, whether pretrained."""
        return tuple(
            (started_name(encoder.name, pretrained), encoder, pretrained)
            for encoder in self.resolved_encoders
            for pretrained in self.starts
        )

    def finetune_recipe(self, task: str) -> Recipe:
        """The recipe with which a task is fine-tuned, its own changes included."""
        return self.finetune.of(task)

    def protocols(self) -> dict[str, Study]:
        """The studies that are run side by side, by the name of their protocol."""
        match self.protocol:
            case Protocol.CLEAN:
                return {Protocol.CLEAN: self}
            case Protocol.PAPER:
                return {Protocol.PAPER: self.as_in_the_paper()}
            case Protocol.BOTH:
                joint = tuple(arm for arm in self.arms if arm != PAIRS)
                recipe = self.as_in_the_paper(honest=True).model_copy(update={"arms": joint})
                return {
                    Protocol.CLEAN: self,
                    PAPER_RECIPE: recipe,
                    Protocol.PAPER: self.as_in_the_paper(),
                }

    def as_in_the_paper(self, *, honest: bool = False) -> Study:
        """This study with the original's recipes, where it writes nothing else, and metrics.

        `honest` keeps the clean protocol's splits, selection and metrics.
        """
        names = [task.name for task in self.tasks]
        refine = paper_refine(self.refine.model_dump(exclude_unset=True), honest=honest)
        finetune = self.finetune.model_dump(exclude_unset=True)
        update: dict[str, Any] = {
            "refine": Recipe(**refine),
            "finetune": FinetuneRecipe(**paper_finetune(finetune, names, honest=honest)),
        }
        if not honest:
            update["tasks"] = tuple(
                t.model_copy(update={"metric": paper_metric(t.name, t.metric)}) for t in self.tasks
            )
        return self.model_copy(update=update)
