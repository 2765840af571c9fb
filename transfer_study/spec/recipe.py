"""A recipe: everything that changes how a stage learns, and nothing else."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from transfer_study.spec.frozen import Frozen, Word
from transfer_study.spec.task import Task, TaskKind

# The tags of continuation pieces and of the two special pieces, where these have tags.
PIECE_TAGS = ("X", "CLS", "SEP")
# Raised when the learning code changes the numbers that a recipe leads to.
RECIPE_VERSION = 1
# The fields that are hashed whatever their value.
_FIRST_FIELDS = frozenset(
    {
        "epochs",
        "batch_size",
        "learning_rate",
        "optimizer",
        "schedule",
        "warmup",
        "weight_decay",
        "max_gradient_norm",
        "head_dropout",
        "max_length",
        "precision",
        "cpu_threads",
        "mixing",
        "temperature",
        "selection",
    }
)
# The fields in which the original study's protocol differs in kind from the clean one.
_CHOICES = (
    *("optimizer", "schedule", "max_tensor_norm", "batches", "train_on", "selection"),
    *("long_rows", "pair_order", "odd_piece", "windows", "tagged_pieces"),
)


class Precision(Word):
    """The arithmetic of forward and backward passes; weights stay in float32."""

    AUTO = "auto"  # bfloat16 where the planning machine computes it natively
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class Mixing(Word):
    """How often a joint stage draws from a task of n batches: in proportion to n to this power."""

    PROPORTIONAL = "proportional"  # 1: every batch of every task once an epoch
    SQRT = "sqrt"  # 1/2
    UNIFORM = "uniform"  # 0
    TEMPERATURE = "temperature"  # 1 / temperature


class Recipe(Frozen):
    """How a stage learns; every field is part of the stage's identity."""

    epochs: int = Field(default=10, gt=0)
    batch_size: int = Field(default=32, gt=0)
    learning_rate: float = Field(default=5e-5, gt=0)
    # bert_adam and bert_adamax have no bias correction (BERT's and MT-DNN's own code).
    optimizer: Literal["adamw", "bert_adam", "bert_adamax"] = "adamw"
    # The warmup_ schedules of BERT's code count each parameter's own updates and step at their end.
    schedule: Literal["linear", "constant", "warmup_linear", "warmup_constant", "warmup_cosine"] = (
        "linear"
    )
    warmup: float = Field(default=0.1, ge=0, lt=1)  # share of all updates
    weight_decay: float = Field(default=0.01, ge=0)
    max_gradient_norm: float = Field(default=1.0, ge=0)  # over all parameters; 0 is off
    max_tensor_norm: float = Field(default=0.0, ge=0)  # of each parameter tensor alone; 0 is off
    head_dropout: float = Field(default=0.1, ge=0, lt=1)
    # What a sentence task's head reads: the encoder's pooler on the first token, or the mean of all
    # tokens, which suits encoders whose pooler was never trained (those of sentence-transformers).
    pooling: Literal["pooler", "mean"] = "pooler"
    max_length: int = Field(default=128, ge=8)  # word pieces, special ones included
    precision: Precision = Precision.AUTO
    cpu_threads: int = Field(default=1, gt=0)
    mixing: Mixing = Mixing.PROPORTIONAL
    temperature: float = Field(default=1.0, gt=0)
    # How many batches an epoch of a single task takes, going over its rows as often as that needs;
    # every row once where it is None. Not written in a study file, whose control `matched` sets it.
    epoch_updates: SkipJsonSchema[int | None] = Field(default=None, gt=0)
    # The epoch of best dev score, the last, or (which is not honest) of best test score.
    selection: Literal["best", "last", "best_test"] = "best"
    # What steadies fine-tuning on few examples (Tinn et al., 2021), all off.
    freeze_embeddings: bool = False
    freeze_layers: int = Field(default=0, ge=0)  # the lowest ones, the embeddings with them
    layer_decay: float = Field(default=1.0, gt=0, le=1)  # a layer's rate over the next higher one's
    reinit_layers: int = Field(default=0, ge=0)  # the top ones, the pooler with them
    bias_correction: bool = True  # of Adam's moments
    # Of a soft stage: the factor of the squared differences between the tasks' encoders.
    soft_weight: float = Field(default=1.0, ge=0)
    # Of a distillation: the teacher's share of the loss, and the temperature of both their answers.
    teacher_weight: float = Field(default=0.5, ge=0, le=1)
    teacher_temperature: float = Field(default=1.0, gt=0)
    # The switches below are choices of the original study; the first value is the clean one.
    batches: Literal["every_epoch", "once"] = "every_epoch"  # when rows are cut into batches
    train_on: Literal["train", "train_and_dev"] = "train"
    long_rows: Literal["keep", "drop"] = "keep"  # training rows of more than max_length pieces
    pair_order: Literal["first_second", "second_first"] = "first_second"
    # Which text keeps a piece more than the other where both of a pair are cut to an odd room.
    odd_piece: Literal["longer_text", "first_text"] = "longer_text"
    # Tagging: where long sentences are cut, and which word pieces have labels of their own.
    windows: Literal["blind", "after_gold_outside"] = "blind"
    tagged_pieces: Literal["first", "all"] = "first"

    def changed(self, changes: Recipe) -> Recipe:
        """This recipe with what is set in another."""
        return Recipe(**{**self.model_dump(), **changes.model_dump(exclude_unset=True)})

    def outputs(self, task: Task) -> tuple[str, ...]:
        """What each output of a task's head stands for, in order."""
        every_piece = task.kind is TaskKind.TAGGING and self.tagged_pieces == "all"
        return (*task.outputs, *PIECE_TAGS) if every_piece else task.outputs

    def departures(self) -> list[str]:
        """The choices of the original study that are not those of the clean protocol."""
        return [
            f"{name} {getattr(self, name)}"
            for name in _CHOICES
            if getattr(self, name) != type(self).model_fields[name].default
        ]

    def identity(self) -> dict[str, object]:
        """The recipe as hashed; fields added since version 1 are left out at their defaults.

        So a new switch leaves alone what was learned before there was one.
        """
        values = self.model_dump(mode="json")
        usual = Recipe().model_dump(mode="json")
        named = {k: v for k, v in values.items() if k in _FIRST_FIELDS or v != usual[k]}
        return {**named, "version": RECIPE_VERSION}
