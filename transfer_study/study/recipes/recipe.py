"""A recipe: everything that changes how a stage learns, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from transfer_study.study.frozen import Frozen, Word
from transfer_study.study.recipes.adapter import Adapter
from transfer_study.study.tasks.task import Task

# The tags of continuation pieces and of the two special pieces, where these have tags.
PIECE_TAGS = ("X", "CLS", "SEP")
# Raised when the learning code changes the numbers that a recipe leads to.
RECIPE_VERSION = 2
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
# Clean beside the default: the last epoch is chosen by nothing.
_ALSO_CLEAN = {"selection": "last"}


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


# Of some tasks by name, how much their losses count.
ByTask = Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1)]


class Recipe(Frozen):
    """How a stage learns; every field is part of the stage's identity."""

    epochs: int = Field(default=10, gt=0)
    """How often all training examples are gone over."""
    batch_size: int = Field(default=32, gt=0)
    """Examples an update."""
    learning_rate: float = Field(default=5e-5, gt=0)
    """The peak rate, after warmup."""
    optimizer: Literal["adamw", "bert_adam", "bert_adamax"] = "adamw"
    """bert_adam and bert_adamax have no bias correction (BERT's and MT-DNN's own code)."""
    schedule: Literal["linear", "constant", "warmup_linear", "warmup_constant", "warmup_cosine"] = (
        "linear"
    )
    """How the rate goes on after warmup. The warmup_ schedules of BERT's code count each
    parameter's own updates and step at their end."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """The share of all updates in which the rate rises from 0."""
    weight_decay: float = Field(default=0.01, ge=0)
    """The decay of weights, not of biases and norms."""
    max_gradient_norm: float = Field(default=1.0, ge=0)
    """Gradients are clipped to this norm over all parameters; 0 is off."""
    max_tensor_norm: float = Field(default=0.0, ge=0)
    """Gradients are clipped to this norm of each parameter tensor alone; 0 is off."""
    head_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout before a task's head."""
    pooling: Literal["pooler", "mean", "last"] = "pooler"
    """What a sentence task's head reads: the encoder's pooler on the first token; the mean of all
    tokens, which suits encoders whose pooler was never trained (sentence-transformers); or the last
    token, for encoders that read from left to right (GPT-2, Llama, Qwen)."""
    max_length: int = Field(default=128, ge=8)
    """The most word pieces of an example, special ones included; what is longer is cut, and
    sentences to be tagged are read in windows."""
    precision: Precision = Precision.AUTO
    """The arithmetic of forward and backward passes; auto is bfloat16 where it is native."""
    cpu_threads: int = Field(default=1, gt=0)
    """Threads of a stage on a CPU; other numbers sum in another order."""
    mixing: Mixing = Mixing.PROPORTIONAL
    """How often a joint stage draws from a task of n batches: in proportion to n (proportional), to
    its root (sqrt), equally (uniform), or to n to the power of 1 / temperature (temperature)."""
    temperature: float = Field(default=1.0, gt=0)
    """Of the mixing `temperature`."""
    updates: Literal["one_task", "every_task"] = "one_task"
    """What a joint stage makes an update of: a batch of one task, or one of every task. An epoch of
    these has as many batches in all, equally many of each task whatever its size, so that `mixing`
    does nothing."""
    aggregation: Literal["mean", "pcgrad", "upgrad"] = "mean"
    """With `updates: every_task`: how the gradients of the tasks on what they share become one. As
    their mean (mean); each first made orthogonal to those that it conflicts with, one after the
    other (pcgrad, Yu et al. 2020); or each first projected to where it conflicts with none (upgrad,
    Quinton and Rey 2024). Where none conflict, all three are the mean."""
    loss_weights: Literal["equal", "by_size", "uncertainty"] | ByTask = "equal"
    """How much a task's loss counts in a joint stage. by_size: inversely to the task's share of an
    epoch's batches, so that all tasks count alike in an epoch. uncertainty: by a log-variance a
    task, which is learned (Kendall et al. 2018). Or by name, such as {chemprot: 0.25}; what is not
    named has 1. Adam forgets a factor of all losses, so that only ratios count: the mean over a
    stage's tasks is made 1. Gradients of one task's batch are weighed after clipping, which would
    undo it."""
    # Not written in a study file, whose control `matched` sets it.
    epoch_updates: SkipJsonSchema[int | None] = Field(default=None, gt=0)
    """How many batches an epoch of a single task takes, going over its rows as often as that needs;
    every row once where it is None."""
    selection: Literal["best", "last", "best_test"] = "best"
    """The epoch of best dev score, the last, or (which is not honest) of best test score."""
    patience: int | None = Field(default=None, gt=0)
    """After how many epochs without a better dev score a stage ends before its `epochs`, whose
    schedule stays: of none of its tasks, nor of their mean. None goes on to the last."""
    non_finite: Literal["stop", "skip"] = "stop"
    """What becomes of an update whose loss or gradients are no finite numbers: the stage fails and
    names its examples, or it is skipped and counted, of an epoch's updates at most one in ten."""
    freeze_embeddings: bool = False
    """Leave the embeddings as they are, without dropout."""
    freeze_layers: int = Field(default=0, ge=0)
    """Leave so many of the lowest layers as they are, and the embeddings; without dropout, so that
    they are computed once a text and left out of all updates."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """A layer's learning rate over that of the next higher one."""
    reinit_layers: int = Field(default=0, ge=0)
    """Start so many of the top layers from random weights, and the pooler."""
    adapter: Adapter | None = None
    """What learns in the encoder's place, such as {kind: lora, rank: 8}: the encoder's own weights
    stay as they are, while the adapter learns, and the heads with the pooler that they read; these
    alone are kept. It takes a higher learning rate, such as 5.0e-4. None: all weights learn."""
    bias_correction: bool = True
    """Whether Adam's moments are corrected for their start at 0."""
    soft_weight: float = Field(default=1.0, ge=0)
    """Arm `soft`: the factor of the squared differences between the tasks' encoders."""
    teacher_weight: float = Field(default=0.5, ge=0, le=1)
    """Arm `distil`: the teacher's share of the loss."""
    teacher_temperature: float = Field(default=1.0, gt=0)
    """Arm `distil`: the temperature of the teacher's and the student's answers."""
    # The switches below are choices of the original study; the first value is the clean one.
    batches: Literal["every_epoch", "once"] = "every_epoch"
    """When rows are cut into batches."""
    train_on: Literal["train", "train_and_dev"] = "train"
    """The splits that are learned."""
    long_rows: Literal["keep", "drop"] = "keep"
    """What becomes of training rows of more than max_length pieces."""
    pair_order: Literal["first_second", "second_first"] = "first_second"
    """Which of two texts comes first."""
    odd_piece: Literal["longer_text", "first_text"] = "longer_text"
    """Which text keeps a piece more than the other where both of a pair are cut to an odd room."""
    windows: Literal["blind", "after_gold_outside"] = "blind"
    """Tagging: where long sentences are cut; after_gold_outside looks at the labels."""
    tagged_pieces: Literal["first", "all"] = "first"
    """Tagging: which word pieces have labels of their own."""

    def outputs(self, task: Task) -> tuple[str, ...]:
        """What each output of a task's head stands for, in order."""
        every_piece = task.kind.words and self.tagged_pieces == "all"
        return (*task.outputs, *PIECE_TAGS) if every_piece else task.outputs

    def departures(self) -> list[str]:
        """The choices of the original study that are not those of the clean protocol."""
        return [
            f"{name} {getattr(self, name)}"
            for name in _CHOICES
            if getattr(self, name)
            not in (type(self).model_fields[name].default, _ALSO_CLEAN.get(name))
        ]

    def is_over(self, epoch: int, best: int) -> bool:
        """Whether a stage ends after an epoch, `best` being the latest that made a score better."""
        stale = self.patience is not None and epoch - best >= self.patience
        return stale or epoch == self.epochs

    def updates_an_epoch(self, batches: Sequence[int]) -> int:
        """How many updates an epoch makes of tasks that have so many batches each."""
        total = sum(batches)
        return total if self.updates == "one_task" else -(-total // len(batches))

    def identity(self, tasks: Sequence[str] = ()) -> dict[str, object]:
        """The recipe as hashed; fields added since version 1 are left out at their defaults.

        So a new switch leaves alone what was learned before there was one. Weights by name are
        listed in the order of `tasks`, the names of the stage's.
        """
        values = self.model_dump(mode="json")
        if isinstance(self.loss_weights, dict):
            values["loss_weights"] = list(weights_of(self.loss_weights, tasks).values())
        usual = Recipe().model_dump(mode="json")
        named = {k: v for k, v in values.items() if k in _FIRST_FIELDS or v != usual[k]}
        return {**named, "version": RECIPE_VERSION}


def weights_of(given: Mapping[str, float], tasks: Sequence[str]) -> dict[str, float]:
    """The weights of a stage's tasks, 1 for those that are not named, with a mean of 1."""
    weights = {task: given.get(task, 1.0) for task in tasks}
    mean = sum(weights.values()) / max(len(weights), 1)
    return {task: round(weight / mean, 12) for task, weight in weights.items()}
