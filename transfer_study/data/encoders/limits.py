"""What a recipe asks must be there: positions and layers of an encoder, an adapter's library."""

from __future__ import annotations

from importlib.util import find_spec

from transfer_study.data.encoders.find import encoder_config, reads_forward
from transfer_study.errors import EncoderError
from transfer_study.study.encoder import Encoder
from transfer_study.study.recipes.adapter import LoraAdapter
from transfer_study.study.recipes.recipe import Recipe

# Families whose first position is the one after the padding's id.
_COUNTED_AFTER_PADDING = ("roberta", "camembert", "longformer", "mpnet")
# What config.json calls the number of layers, by family.
_LAYER_COUNTS = ("num_hidden_layers", "n_layers", "num_layers", "n_layer")


def check_length(encoder: Encoder, max_length: int) -> None:
    """Raise EncoderError where texts of so many pieces have more positions than the encoder."""
    if built := encoder.tiny or encoder.scratch:
        positions = built.max_length
    else:
        config = encoder_config(encoder)
        positions = config.get("max_position_embeddings", config.get("n_positions", max_length))
        if any(name in config.get("model_type", "") for name in _COUNTED_AFTER_PADDING):
            padding = config.get("pad_token_id")
            positions -= 2 if padding is None else padding + 1
        if not config.get("position_biased_input", True):
            return  # DeBERTa with relative positions alone
    if max_length > positions:
        raise EncoderError(
            f"encoder {encoder.name}: max_length is {max_length}, but it has only {positions} "
            "positions; lower `max_length` in the recipe"
        )


def check_layers(encoder: Encoder, recipe: Recipe) -> None:
    """Raise EncoderError where a recipe freezes or renews more layers than the encoder has."""
    if encoder.layers is not None:
        held = layer_count(encoder.model_copy(update={"layers": None}))
        if encoder.layers > held:
            raise EncoderError(
                f"encoder {encoder.name}: layers is {encoder.layers}, but it has only {held}; "
                "lower `layers` or leave it out"
            )
    kept = not (recipe.freeze_embeddings or recipe.freeze_layers or recipe.reinit_layers)
    if kept and recipe.layer_decay == 1 and recipe.adapter is None:
        return
    layers = layer_count(encoder)
    for name in ("freeze_layers", "reinit_layers"):
        asked = getattr(recipe, name)
        if asked > layers:
            raise EncoderError(
                f"encoder {encoder.name}: {name} is {asked}, but it has only {layers} layers; "
                f"lower `{name}` in the recipe"
            )
    if recipe.adapter is not None and recipe.freeze_layers == layers:
        raise EncoderError(
            f"encoder {encoder.name}: freeze_layers is {layers}, but it has only {layers} layers, "
            "so that no adapter could learn; lower `freeze_layers` in the recipe, or leave "
            "`adapter` out"
        )
    if recipe.freeze_layers + recipe.reinit_layers > layers:
        raise EncoderError(
            f"encoder {encoder.name}: freeze_layers {recipe.freeze_layers} and reinit_layers "
            f"{recipe.reinit_layers} overlap in its {layers} layers, and what is new must learn; "
            "lower one of them in the recipe"
        )


def check_pooling(encoder: Encoder, recipe: Recipe) -> None:
    """Raise EncoderError where sentence tasks would read a token that has not read their texts."""
    forward = reads_forward(encoder)
    if forward and recipe.pooling == "pooler":
        raise EncoderError(
            f"encoder {encoder.name}: pooling is pooler, which is on the first token, and it reads "
            "from left to right, so that this knows nothing of a text; set `pooling: last` in the "
            "recipe, or `pooling: mean`"
        )
    if not forward and recipe.pooling == "last":
        raise EncoderError(
            f"encoder {encoder.name}: pooling is last, but it reads in both directions, and its "
            "last token is but the mark of an end; set `pooling: pooler` in the recipe, or "
            "`pooling: mean`"
        )


def check_adapter(recipe: Recipe) -> None:
    """Raise EncoderError where a recipe's adapter is made by a library that is not here."""
    if isinstance(recipe.adapter, LoraAdapter) and find_spec("peft") is None:
        raise EncoderError(
            "adapter: found kind lora, which the library peft learns, and it is not installed; "
            "install it with: pip install 'transfer-study[adapters]'; or take kind bottleneck"
        )


def layer_count(encoder: Encoder) -> int:
    """How many transformer layers of its own weights an encoder has; raises EncoderError."""
    if built := encoder.tiny or encoder.scratch:
        return built.layers
    if encoder.layers is not None:
        return encoder.layers
    config = encoder_config(encoder)
    found = [config[name] for name in _LAYER_COUNTS if isinstance(config.get(name), int)]
    if not found or config.get("num_hidden_groups", found[0]) != found[0]:
        raise EncoderError(
            f"encoder {encoder.name}: its config.json counts no layers with weights of their own "
            f"({_LAYER_COUNTS[0]}), so that they cannot be frozen, renewed, adapted or given rates "
            "of their own; leave `freeze_embeddings`, `freeze_layers`, `reinit_layers`, "
            "`layer_decay` and `adapter` out"
        )
    return int(found[0])
