"""An encoder by name, and what identifies its content."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import Self

from transfer_study.study.frozen import Frozen, Seed
from transfer_study.study.tasks.texts import Texts

BUILT_IN_TEXTS = "synthetic"


class TinyConfig(Frozen):
    """A small BERT built in place; its vocabulary comes from these texts and nothing else.

    `texts` is `synthetic` (the words of the built-in tasks) or names text files, one sentence a
    line, so that a new task does not change the vocabulary.
    """

    texts: tuple[Path, ...] | str = BUILT_IN_TEXTS
    """`synthetic`, or text files, one sentence a line, from which the vocabulary is learned."""
    vocabulary_size: int = Field(default=4000, gt=300)
    """The most word pieces."""
    hidden_size: int = Field(default=64, gt=0)
    """Numbers a token."""
    layers: int = Field(default=2, gt=0)
    """Transformer layers."""
    heads: int = Field(default=4, gt=0)
    """Attention heads a layer."""
    max_length: int = Field(default=512, ge=16)
    """The most pieces it can read."""
    seed: Seed = 0
    """Of its weights."""


class ScratchConfig(Frozen):
    """A BERT with random weights, for a study that pretrains it.

    Its WordPiece vocabulary is learned from the texts of the study's `pretrain`, which the study
    fills in as `texts`: other texts make another encoder.
    """

    vocabulary_size: int = Field(default=8000, gt=300)
    """The most word pieces."""
    hidden_size: int = Field(default=128, gt=0)
    """Numbers a token."""
    layers: int = Field(default=2, gt=0)
    """Transformer layers."""
    heads: int = Field(default=2, gt=0)
    """Attention heads a layer."""
    max_length: int = Field(default=128, ge=16)
    """The most pieces it can read."""
    seed: Seed = 0
    """Of its weights."""
    texts: SkipJsonSchema[Texts | None] = None


class Encoder(Frozen):
    """The encoder that a study starts from.

    `name` is shown in tables. `source` is `tiny`, a local folder, `package:MODULE/FOLDER` (a
    folder inside an installed Python package) or a hub id; it defaults to the name. `scratch`
    describes an encoder without any files instead. Of an encoder with files, `layers` keeps the
    lowest so many: less to compute, for little of its worth (Sajjad et al., 2023).
    """

    name: str
    """As tables show it; what it starts from too, where there is no `source`."""
    source: str
    """A hub id, a local folder, `package:MODULE/FOLDER` (a folder of an installed Python package)
    or `tiny`."""
    revision: str | None = None
    """The version of a hub id: a branch, tag or commit."""
    tiny: TinyConfig | None = None
    """The shape of `tiny`, a small BERT with random weights."""
    scratch: ScratchConfig | None = None
    """The shape of an encoder with random weights, for a study with `pretrain`."""
    layers: int | None = Field(default=None, gt=0)
    """Keep so many of the lowest layers of an encoder with files."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        """A bare name is an encoder whose source is its name; `tiny` has a configuration."""
        if isinstance(value, str):
            value = {"name": value}
        if isinstance(value, dict):
            source = "scratch" if "scratch" in value else value.get("name")
            value = {"source": source, **value}
            if value["source"] == "tiny":
                value.setdefault("tiny", {})
        return value

    @model_validator(mode="after")
    def _layers_of_files(self) -> Self:
        if self.layers is not None and (self.tiny or self.scratch):
            built = "tiny" if self.tiny else "scratch"
            raise ValueError(
                f"found layers {self.layers} beside `{built}`; give it inside: "
                f"`{built}: {{layers: {self.layers}}}`"
            )
        return self
