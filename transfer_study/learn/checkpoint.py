"""The state of a stage in mid-training: one file, from which it goes on as if nothing had been.

The order of the data is not part of it, for that follows from the stage alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

# Dictionaries, lists, tuples, numbers, texts, None and tensors, nested as they come.
State = dict[str, Any]
# The name of the tensor that holds, as JSON, what is around the others.
_FRAME = "frame"


class Hold:
    """Where a stage's state is kept in mid-training; by itself keeps nothing and begins anew."""

    def found(self, device: torch.device) -> State | None:
        """The state that an attempt which was broken off has left, if any."""

    def __call__(self, state: Callable[[], State]) -> None:
        """After an update or an epoch, where `state` gives the state to be kept, if it is asked.

        May raise to break the stage off.
        """


def write_state(path: Path, state: State) -> None:
    """Write a state as one file; a tensor that stands in it twice is written once."""
    tensors: dict[str, Tensor] = {}
    known: dict[tuple[Any, ...], str] = {}

    def frame(value: Any) -> Any:
        if isinstance(value, Tensor):
            same = (value.data_ptr(), value.dtype, value.shape, value.stride())
            name = known.setdefault(same, str(len(known))) if value.numel() else f"{len(tensors)}-"
            if name not in tensors:
                whole = value.untyped_storage().nbytes() == value.nbytes
                tensors[name] = (value if whole else value.clone()).detach().contiguous()
            return {"tensor": name, "on": value.device.type}
        if isinstance(value, Mapping):
            return {"items": [[frame(key), frame(item)] for key, item in value.items()]}
        if isinstance(value, tuple):
            return {"tuple": [frame(item) for item in value]}
        return [frame(item) for item in value] if isinstance(value, list) else value

    around = json.dumps(frame(state)).encode()
    tensors[_FRAME] = torch.frombuffer(bytearray(around), dtype=torch.uint8)
    save_file(tensors, path)


def read_state(path: Path, device: torch.device) -> State:
    """A state as it was written; what was on a GPU comes to this device."""
    tensors = load_file(path)

    def value(framed: Any) -> Any:
        match framed:
            case {"tensor": name, "on": was_on}:
                return tensors[name] if was_on == "cpu" else tensors[name].to(device)
            case {"items": items}:
                return {value(key): value(item) for key, item in items}
            case {"tuple": items}:
                return tuple(map(value, items))
            case list():
                return list(map(value, framed))
        return framed

    state: State = value(json.loads(tensors.pop(_FRAME).numpy().tobytes()))
    return state


def random_state(device: torch.device) -> State:
    """What torch's random numbers go on from."""
    on_gpu = {"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {}
    return {"cpu": torch.get_rng_state(), **on_gpu}


def set_random_state(state: State, device: torch.device) -> None:
    """Go on from it."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
