"""Adapters: small parts that learn in an encoder whose own weights stay as they are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from transfer_study.study.frozen import Frozen


class LoraAdapter(Frozen):
    """A product of two thin matrices, added to every linear layer of every transformer layer.

    Hu et al., "LoRA: Low-rank adaptation of large language models" (2022); on all linear layers as
    in Dettmers et al. (2023). Once learned it is part of the weights, and costs nothing.
    """

    kind: Literal["lora"]
    """Thin matrices added to the weights."""
    rank: int = Field(default=8, gt=0)
    """The lesser side of the two matrices."""
    alpha: float = Field(default=16.0, gt=0)
    """Their product counts alpha / rank times."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout of what the two matrices read."""


class BottleneckAdapter(Frozen):
    """A narrow layer between two others behind every transformer layer, beside an open way past it.

    Houlsby et al., "Parameter-efficient transfer learning for NLP" (2019); one a layer, as
    Pfeiffer et al. (2020) found to be enough.
    """

    kind: Literal["bottleneck"]
    """A narrow layer of its own behind every transformer layer."""
    size: int = Field(default=64, gt=0)
    """The width of the narrow layer."""


Adapter = Annotated[LoraAdapter | BottleneckAdapter, Field(discriminator="kind")]
