"""The lowest layers of an encoder, where none of them learns: run once a text, then left out.

What neither learns nor has dropout answers a text alike in every epoch, and in every stage that
starts from the same weights. Its answer is given to the encoder in place of the layers. The
encoder's own code does all the rest (masks, positions, the layers above), so that nothing of any
family is written twice; what has no such layers, or does not answer as before without them, is run
whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from transfer_study.errors import EncoderError
from transfer_study.learn.models.depth import parameters_by_depth, transformer_layers

Inputs = Mapping[str, Tensor]


@dataclass(frozen=True)
class Prefix:
    """The frozen layers of an encoder, those above, and the length of the tuple they answer with.

    The length is None where a layer answers with its states alone.
    """

    frozen: tuple[nn.Module, ...]
    above: tuple[nn.Module, ...]
    answers: int | None

    @contextmanager
    def given(self, states: Tensor) -> Iterator[None]:
        """Within it the encoder has these states, [batch, length, size], for the frozen layers'."""
        with _answering(self.frozen, lambda: _answer(states, self.answers)):
            yield

    @torch.no_grad()
    def states(self, encoder: nn.Module, inputs: Inputs) -> Tensor:
        """What the frozen layers answer, [batch, length, size]; no other layer is run."""
        with (
            _watching(self.frozen[-1]) as seen,
            _answering(self.above, lambda: _answer(_states(seen[0]), self.answers)),
        ):
            encoder(**inputs)
        return _states(seen[0])


def find_prefix(model: nn.Module, example: Inputs) -> Prefix | None:
    """The frozen layers of a model; None where there is none, or the encoder cannot leave them out.

    That is tried, without dropout, with the inputs of an example of unequal lengths: all that is no
    padding must come out as before, whatever stands in the padding's place.
    """
    encoder = model.get_submodule("encoder")
    try:
        depth = min(depth for depth, _, p in parameters_by_depth(model) if p.requires_grad) - 1
        layers = tuple(transformer_layers(encoder))
    except EncoderError:
        return None
    if depth < 1:
        return None
    encoder.eval()
    with torch.no_grad():
        with _watching(layers[depth - 1]) as seen:
            whole = encoder(**example).last_hidden_state
        try:
            (answer,) = seen
            prefix = Prefix(layers[:depth], layers[depth:], _length(answer))
            there = example["attention_mask"].bool()
            with prefix.given(_states(answer) * there.unsqueeze(-1)):
                parted = encoder(**example).last_hidden_state
            alone = prefix.states(encoder, example)
        except Exception:  # code of many authors, which expects its layers to be run
            return None
    same = torch.allclose(parted[there], whole[there], rtol=1e-3, atol=1e-4)
    same &= torch.equal(alone, _states(answer))
    return prefix if same else None


def prefix_hash(model: nn.Module, prefix: Prefix) -> str:
    """The sha256 of all tensors that the frozen layers compute with, by name."""
    digest = hashlib.sha256()
    below = {
        name: parameter
        for depth, name, parameter in parameters_by_depth(model)
        if depth <= len(prefix.frozen)
    }
    for name, tensor in (*below.items(), *model.get_submodule("encoder").named_buffers()):
        values = np.ascontiguousarray(tensor.detach().cpu().numpy())
        digest.update(f"{name} {values.dtype} {values.shape}\n".encode())
        digest.update(values.data)
    return digest.hexdigest()


@contextmanager
def _answering(layers: Sequence[nn.Module], answer: Callable[[], Any]) -> Iterator[None]:
    """Within it the layers are not run, and answer with this."""
    # A module's own attribute goes before its class's method, and is no part of its state.
    for layer in layers:
        layer.forward = lambda *_, **__: answer()
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


@contextmanager
def _watching(layer: nn.Module) -> Iterator[list[Any]]:
    """Within it the list is filled with what the layer answers."""
    seen: list[Any] = []
    handle = layer.register_forward_hook(lambda _layer, _inputs, output: seen.append(output))
    try:
        yield seen
    finally:
        handle.remove()


def _length(answer: Any) -> int | None:
    return len(answer) if isinstance(answer, tuple) else None


def _states(answer: Any) -> Tensor:
    states: Tensor = answer[0] if isinstance(answer, tuple) else answer
    return states


def _answer(states: Tensor, length: int | None) -> Any:
    return states if length is None else (states, *[None] * (length - 1))
