"""Where a parameter stands in a model: in the embeddings, in a transformer layer, or above them."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from transfer_study.errors import EncoderError

EMBEDDINGS = 0


def transformer_layers(body: nn.Module) -> nn.ModuleList:
    """An encoder's transformer layers, lowest first; raises EncoderError where there is no list.

    It is the outermost list of as many modules as its configuration counts layers.
    """
    return _find_layers(body)[1]


def parameters_by_depth(model: nn.Module) -> Iterator[tuple[int, str, nn.Parameter]]:
    """Every parameter with its name and depth: 0 the embeddings, 1 to L the layers, L + 1 the rest.

    What layers share (DeBERTa's relative positions, say) is below them all. The rest is pooler,
    heads, and a norm on top.
    """
    name, layers = _find_layers(model.get_submodule("encoder"))
    inside = f"{name}."
    holder = name.rpartition(".")[0]
    for full_name, parameter in model.named_parameters():
        part, _, rest = full_name.partition(".")
        if part != "encoder":
            depth = len(layers) + 1
        elif rest.startswith(inside):
            depth = 1 + int(rest.removeprefix(inside).partition(".")[0])
        elif "embed" in rest or (holder and rest.startswith(f"{holder}.")):
            depth = EMBEDDINGS
        else:
            depth = len(layers) + 1
        yield depth, full_name, parameter


def _find_layers(body: nn.Module) -> tuple[str, nn.ModuleList]:
    count = body.config.num_hidden_layers  # type: ignore[union-attr]
    for name, module in body.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return name, module
    raise EncoderError(
        f"{type(body).__name__} has no list of {count} transformer layers (they may share their "
        "weights); leave `freeze_embeddings`, `freeze_layers`, `layer_decay`, "
        "`reinit_layers` and `adapter` out of the recipe"
    )
