"""Loads the multi-task model of a folder; needs torch, transformers and safetensors alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

TASKS_FILE, HEADS_FILE = "tasks.json", "heads.safetensors"


def mean_of_tokens(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average [batch, length, size] over the tokens that the mask [batch, length] keeps."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)


def load(folder: str | Path, device: str = "cpu") -> tuple[dict[str, Any], Any, Any]:
    """Give the tasks by name, the tokenizer, and `logits(task, **inputs)` of tokenised texts."""
    tasks = json.loads((Path(folder) / TASKS_FILE).read_text(encoding="utf-8"))
    layers = load_file(Path(folder) / HEADS_FILE, device=device)
    encoder = AutoModel.from_pretrained(folder, dtype=torch.float32, trust_remote_code=False)
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
        if "pooler.dense.weight" in layers:
            return apply(task, apply("pooler.dense", encoded.last_hidden_state[:, 0]).tanh())
        return apply(task, encoded.pooler_output)

    return tasks, AutoTokenizer.from_pretrained(folder, trust_remote_code=False), logits
