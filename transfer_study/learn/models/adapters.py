"""Adapters in an encoder: put in, told apart from its own weights, and merged into them.

LoRA is that of the library peft. It has no bottlenecks (Houlsby et al. 2019): theirs is in
`load_model`, for models that are taken home need it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from transfer_study.learn.models.depth import transformer_layers
from transfer_study.learn.models.load_model import add_bottleneck
from transfer_study.study.recipes.adapter import Adapter, LoraAdapter

_SAID, _TENSORS = "adapter.json", "adapter.safetensors"
_READ: TypeAdapter[Adapter] = TypeAdapter(Adapter)
_PARTS = frozenset({"lora_A", "lora_B", "bottleneck"})
# Where peft has a layer's own weights.
_INSIDE = ".base_layer"


@dataclass(frozen=True)
class Adapted:
    """The adapter in an encoder, and what became of the weights around it.

    `alone` says that these do not learn; `on_files` that they are those of the encoder's files.
    """

    adapter: Adapter
    alone: bool
    on_files: bool


@dataclass(frozen=True)
class KeptAdapter:
    """What a folder holds of an adapter; `with_weights` says that those around it are there too.

    The tensors have the names of a model's, and the poolers are among them.
    """

    adapter: Adapter
    tensors: dict[str, Tensor]
    with_weights: bool

    @classmethod
    def of(cls, folder: Path | None) -> KeptAdapter | None:
        """What was written; None where it is no adapter."""
        if folder is None or not (folder / _SAID).is_file():
            return None
        adapter = _READ.validate_json((folder / _SAID).read_bytes())
        with_weights = (folder / "config.json").is_file()
        return cls(adapter, load_file(folder / _TENSORS), with_weights)


def write_adapter(adapter: Adapter, tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Write an adapter and the poolers, for `KeptAdapter.of`."""
    (folder / _SAID).write_text(adapter.model_dump_json() + "\n", encoding="utf-8")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / _TENSORS)


def add_adapter(body: Any, adapter: Adapter, seed: int) -> None:
    """Put an adapter into an encoder, whose own weights learn no more; at first it adds nothing.

    `seed` is torch's, from which the adapter is drawn. Raises EncoderError where the encoder has no
    list of transformer layers.
    """
    layers = transformer_layers(body)
    body.requires_grad_(False)
    torch.manual_seed(seed)
    if isinstance(adapter, LoraAdapter):
        _add_lora(body, layers, adapter)
    else:
        for layer in layers:
            add_bottleneck(layer, int(body.config.hidden_size), adapter.size)


def _add_lora(body: Any, layers: nn.ModuleList, adapter: LoraAdapter) -> None:
    # Half a second, which other stages need not wait.
    from peft import LoraConfig, inject_adapter_in_model

    # GPT-2 has its linear layers transposed.
    linear = {
        m: isinstance(m, Conv1D) for m in layers.modules() if isinstance(m, nn.Linear | Conv1D)
    }
    config = LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,  # type: ignore[arg-type, unused-ignore]
        lora_dropout=adapter.dropout,
        target_modules=[name for name, module in body.named_modules() if module in linear],
        fan_in_fan_out=any(linear.values()),
    )
    inject_adapter_in_model(config, body)
    del body.peft_config  # what is saved of the encoder is an encoder like any other


def merge_lora(body: Any) -> None:
    """Add the products of LoRA to the weights that they stand beside; then all of these learn."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    adapted = [(name, m) for name, m in body.named_modules() if isinstance(m, BaseTunerLayer)]
    for name, module in adapted:
        module.merge()
        body.set_submodule(name, module.get_base_layer())
    body.requires_grad_(True)


def is_of_adapter(name: str) -> bool:
    """Whether a parameter of this name is an adapter's."""
    return not _PARTS.isdisjoint(name.split("."))


def without_adapter(body: nn.Module) -> dict[str, Tensor]:
    """The encoder's own tensors, as it names them where there is no adapter."""
    return {
        name.replace(_INSIDE, ""): tensor
        for name, tensor in body.state_dict().items()
        if not is_of_adapter(name)
    }
