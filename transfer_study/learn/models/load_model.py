"""Loads the multi-task model of a folder; needs torch, transformers and safetensors alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

TASKS_FILE, HEADS_FILE = "tasks.json", "heads.safetensors"
BOTTLENECKS_FILE = "bottlenecks.safetensors"
_DOWN = ".bottleneck.down.weight"


class Bottleneck(torch.nn.Module):
    """A narrow layer between two others, beside an open way past it; at first that way alone."""

    def __init__(self, hidden: int, size: int) -> None:
        super().__init__()
        self.down = torch.nn.Linear(hidden, size)
        self.up = torch.nn.Linear(size, hidden)
        torch.nn.init.normal_(self.down.weight, std=0.02)
        for start in (self.down.bias, self.up.weight, self.up.bias):
            torch.nn.init.zeros_(start)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """States [..., hidden] to such states."""
        added: torch.Tensor = self.up(torch.nn.functional.gelu(self.down(states)))
        return states + added


class _WithBottleneck:
    """What a transformer layer becomes whose states go through its `bottleneck`."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        answer = super().forward(*args, **kwargs)  # type: ignore[misc]
        through = self.bottleneck  # type: ignore[attr-defined]
        if isinstance(answer, tuple):
            return through(answer[0]), *answer[1:]
        return through(answer)


def add_bottleneck(layer: torch.nn.Module, hidden: int, size: int) -> None:
    """Send the states that a transformer layer leaves through a bottleneck of its own."""
    layer.bottleneck = Bottleneck(hidden, size)
    # A class of its own, for the encoder's code may ask the layer for anything that it had.
    made = type(layer)
    layer.__class__ = type(made.__name__, (_WithBottleneck, made), {})


def add_bottlenecks(encoder: torch.nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Put learned bottlenecks behind the layers of an encoder that the tensors are named after."""
    for name, weight in tensors.items():
        if name.endswith(_DOWN):
            size, hidden = weight.shape
            add_bottleneck(encoder.get_submodule(name.removesuffix(_DOWN)), hidden, size)
    encoder.load_state_dict(tensors, strict=False)


def mean_of_tokens(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average [batch, length, size] over the tokens that the mask [batch, length] keeps."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)


def last_token(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Of [batch, length, size] the last token that the mask [batch, length] keeps."""
    places = torch.arange(mask.shape[1], device=mask.device)
    return hidden[torch.arange(len(mask), device=mask.device), (mask * places).argmax(1)]


def load(folder: str | Path, device: str = "cpu") -> tuple[dict[str, Any], Any, Any]:
    """Give the tasks by name, the tokenizer, and `logits(task, **inputs)` of tokenised texts."""
    tasks = json.loads((Path(folder) / TASKS_FILE).read_text(encoding="utf-8"))
    layers = load_file(Path(folder) / HEADS_FILE, device=device)
    encoder = AutoModel.from_pretrained(folder, dtype=torch.float32, trust_remote_code=False)
    if (Path(folder) / BOTTLENECKS_FILE).is_file():
        add_bottlenecks(encoder, load_file(Path(folder) / BOTTLENECKS_FILE))
    encoder = encoder.to(device).eval()

    def apply(name: str, values: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(values, layers[f"{name}.weight"], layers[f"{name}.bias"])

    @torch.inference_mode()
    def logits(task: str, **inputs: torch.Tensor) -> torch.Tensor:
        encoded = encoder(**inputs)
        if tasks[task]["kind"] == "tagging":
            return apply(task, encoded.last_hidden_state)
        if tasks[task]["pooling"] == "mean":
            return apply(task, mean_of_tokens(encoded.last_hidden_state, inputs["attention_mask"]))
        if tasks[task]["pooling"] == "last":
            return apply(task, last_token(encoded.last_hidden_state, inputs["attention_mask"]))
        if "pooler.dense.weight" in layers:
            return apply(task, apply("pooler.dense", encoded.last_hidden_state[:, 0]).tanh())
        return apply(task, encoded.pooler_output)

    return tasks, AutoTokenizer.from_pretrained(folder, trust_remote_code=False), logits
