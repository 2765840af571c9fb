"""What steadies fine-tuning before it begins: fresh top layers, frozen lower ones.

After Tinn et al., "Fine-tuning large neural language models for biomedical natural language
processing" (2021). Layer-wise learning rates and Adam without bias correction are in `optim`.
"""

from __future__ import annotations

import torch
from torch import nn

from transfer_study.learn.models.body import torch_seed
from transfer_study.learn.models.depth import EMBEDDINGS, parameters_by_depth, transformer_layers
from transfer_study.learn.models.model import MultiTaskModel
from transfer_study.learn.optimise.optim import is_normalisation
from transfer_study.study.recipes.recipe import Recipe

_USUAL_SPREAD = 0.02


def stabilise(model: MultiTaskModel, recipe: Recipe, seed: int) -> None:
    """Re-initialise and freeze the parts of a model that a recipe names."""
    if recipe.reinit_layers:
        _reinitialise(model, recipe.reinit_layers, seed)
    if recipe.freeze_embeddings or recipe.freeze_layers:
        freeze_lowest(model, recipe.freeze_layers)


def _reinitialise(model: MultiTaskModel, count: int, seed: int) -> None:
    """Draw the top layers and the pooler anew from (seed, their place), as before pretraining."""
    body = model.encoder
    spread = getattr(body.config, "initializer_range", _USUAL_SPREAD)
    layers = transformer_layers(body)
    for n in range(len(layers) - count, len(layers)):
        torch.manual_seed(torch_seed(seed, "layer", n))
        _draw(layers[n], spread)
    pooler = model.pooler if model.pooler is not None else body.pooler
    torch.manual_seed(torch_seed(seed, "pooler"))
    _draw(pooler, spread)  # type: ignore[arg-type]


@torch.no_grad()
def _draw(part: nn.Module, spread: float) -> None:
    """Matrices from a normal distribution, biases 0, scales of normalisation 1."""
    for module in part.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.ndim > 1:
                parameter.normal_(std=spread)
            else:
                parameter.fill_(float(is_normalisation(module) and name == "weight"))


def freeze_lowest(model: MultiTaskModel, count: int) -> None:
    """Take the embeddings and so many of the lowest layers out of training, dropout included."""
    model.freeze(
        parameter
        for depth, _, parameter in parameters_by_depth(model)
        if depth in range(EMBEDDINGS, count + 1)
    )
