"""The `pretrain` section of a study: masked language modelling before any task is learned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from transfer_study.study.encoder import Encoder
from transfer_study.study.fingerprint import TextsFingerprint
from transfer_study.study.frozen import Frozen, Seed
from transfer_study.study.recipes.recipe import Precision, Recipe
from transfer_study.study.tasks.task import Task
from transfer_study.study.tasks.texts import Texts

# What tables add to the name of an encoder that was pretrained.
SUFFIX = "+mlm"


def started_name(encoder: str, pretrained: bool) -> str:
    """An encoder as tables name it, by whether stages start from its pretraining."""
    return f"{encoder}{SUFFIX}" if pretrained else encoder


class MaskedTexts(Frozen):
    """What a stage of pretraining reads, and how it is masked.

    `masked` is the share of pieces to be predicted: of these 80% are shown as the mask, 10% as a
    random piece and 10% as they are, drawn anew in every epoch. With `whole_word`, words are drawn
    instead of pieces. `held_out` is the share of texts on which the loss is watched.
    """

    texts: Texts
    content: TextsFingerprint
    masked: float
    whole_word: bool
    held_out: float

    def identity(self) -> dict[str, object]:
        """What of it changes the numbers: not where the texts are."""
        return self.model_dump(mode="json", exclude={"texts"}, exclude_none=True)


class Pretraining(Frozen):
    """Masked language modelling from which every stage of the study starts.

    `texts` is `tasks` (the training text of the study's tasks) or a list of text files, one text a
    line. An encoder is pretrained once for all seeds of the study, with a seed of its own: the
    spread over the study's seeds is that of learning the tasks from this one model. Tables show
    a pretrained encoder as `NAME+mlm`, and with `compare` the bare encoder beside it.
    """

    texts: Literal["tasks"] | Annotated[tuple[Path, ...], Field(min_length=1)]
    """`tasks` (the training text of the study's tasks) or text files, one text a line."""
    compare: bool = True
    """Whether the bare encoder is run beside."""
    seed: Seed = 0
    """Its own: an encoder is pretrained once for all seeds of the study."""
    masked: float = Field(default=0.15, gt=0, lt=1)
    """The share of pieces to be predicted."""
    whole_word: bool = False
    """Whether words are drawn instead of pieces."""
    held_out: float = Field(default=0.05, gt=0, lt=1)
    """The share of texts on which the loss is watched."""
    epochs: int = Field(default=3, gt=0)
    """How often all texts are gone over."""
    patience: int | None = Field(default=None, gt=0)
    """After how many epochs without a lower loss on held-out texts it ends before its `epochs`,
    whose schedule stays. None goes on to the last."""
    batch_size: int = Field(default=32, gt=0)
    """Texts an update."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """The peak rate, after warmup."""
    schedule: Literal["linear", "constant"] = "linear"
    """How the rate goes on after warmup."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """The share of all updates in which the rate rises from 0."""
    weight_decay: float = Field(default=0.01, ge=0)
    """The decay of weights, not of biases and norms."""
    max_gradient_norm: float = Field(default=1.0, gt=0)
    """Gradients are clipped to this norm over all parameters."""
    max_length: int = Field(default=128, ge=8)
    """The most word pieces of a text, special ones included."""
    precision: Precision = Precision.AUTO
    """The arithmetic of forward and backward passes; auto is bfloat16 where it is native."""
    cpu_threads: int = Field(default=1, gt=0)
    """Threads on a CPU; other numbers sum in another order."""

    @property
    def recipe(self) -> Recipe:
        """How the weights are learned, as in any other stage."""
        shared = Pretraining.model_fields.keys() & Recipe.model_fields.keys()
        return Recipe(**self.model_dump(include=shared))

    def of(self, tasks: tuple[Task, ...]) -> Texts:
        """The texts, for a study of these tasks."""
        if isinstance(self.texts, str):
            return Texts.of_tasks(tasks)
        return Texts(files=self.texts)

    def masked_texts(self, texts: Texts, content: TextsFingerprint) -> MaskedTexts:
        """These texts, masked as the section says."""
        return MaskedTexts(
            texts=texts,
            content=content,
            masked=self.masked,
            whole_word=self.whole_word,
            held_out=self.held_out,
        )


def with_vocabulary(encoder: Encoder, texts: Texts) -> Encoder:
    """The encoder, whose vocabulary is learned from these texts if it is one from scratch."""
    if encoder.scratch is None:
        return encoder
    scratch = encoder.scratch.model_copy(update={"texts": texts})
    return encoder.model_copy(update={"scratch": scratch})
