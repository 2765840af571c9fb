"""A shared encoder with one linear head a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from typing_extensions import Self

from transfer_study.errors import StoreError
from transfer_study.learn.batch import STATES, by_row, for_encoder
from transfer_study.learn.models.adapters import (
    Adapted,
    KeptAdapter,
    add_adapter,
    is_of_adapter,
    merge_lora,
    without_adapter,
    write_adapter,
)
from transfer_study.learn.models.body import load_body, torch_seed
from transfer_study.learn.models.load_model import (
    BOTTLENECKS_FILE,
    HEADS_FILE,
    last_token,
    mean_of_tokens,
)
from transfer_study.learn.models.prefix import Prefix
from transfer_study.study.encoder import Encoder
from transfer_study.study.recipes.adapter import LoraAdapter
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks.task import Task

_POOLER_FILE = "pooler.safetensors"


class Pooler(nn.Module):
    """BERT's pooler for encoders that have none: dense and tanh on the first token."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.dense = nn.Linear(size, size)

    def forward(self, hidden: Tensor) -> Tensor:
        """Pool [batch, length, size] to [batch, size]."""
        return torch.tanh(self.dense(hidden[:, 0]))


class MultiTaskModel(nn.Module):
    """An encoder shared by all tasks; a head is dropout and one linear layer.

    Sentence tasks read the pooled first token, the mean of the tokens or the last; tagging every.
    Frozen layers, the `prefix`, are not run where what they answer is among the inputs. The encoder
    may hold an adapter, as `adapted` says.
    """

    prefix: Prefix | None = None
    adapted: Adapted | None = None

    def __init__(
        self,
        encoder: nn.Module,
        pooler: Pooler | None,
        heads: nn.ModuleDict,
        dropout: float,
        pooling: str = "pooler",
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooler = pooler
        self.heads = heads
        self.dropout = nn.Dropout(dropout)
        self._pooling = pooling
        self._still: set[str] = set()  # the names of what is frozen

    @property
    def body(self) -> tuple[nn.Module, ...]:
        """What is handed on: the encoder, and the pooler it was given."""
        return (self.encoder,) if self.pooler is None else (self.encoder, self.pooler)

    def freeze(self, parameters: Iterable[nn.Parameter]) -> None:
        """Take parameters out of learning; a part of which all are has no dropout either.

        The weights around an adapter do not learn, but are not still: dropout is what it learns by.
        """
        taken = {id(parameter.requires_grad_(False)) for parameter in parameters}
        self._still |= {name for name, p in self.named_parameters() if id(p) in taken}

    def freeze_body(self) -> None:
        """Let only the heads learn."""
        self.freeze(parameter for part in self.body for parameter in part.parameters())

    def train(self, mode: bool = True) -> Self:
        """Set learning or predicting; what is frozen always predicts."""
        super().train(mode)
        still = {id(p) for name, p in self.named_parameters() if name in self._still}
        for part in self.modules():
            parameters = list(part.parameters())
            if parameters and still.issuperset(map(id, parameters)):
                part.eval()
        return self

    def forward(self, task: Task, inputs: dict[str, Tensor]) -> Tensor:
        """Logits [batch, outputs], for tagging [batch, length, outputs].

        Of multiple choice, whose head has one output, [batch, candidates].
        """
        encoded = self._encode(inputs)
        if task.kind.words:
            features = encoded.last_hidden_state
        elif self._pooling == "mean":
            features = mean_of_tokens(encoded.last_hidden_state, inputs["attention_mask"])
        elif self._pooling == "last":
            features = last_token(encoded.last_hidden_state, inputs["attention_mask"])
        elif self.pooler is not None:
            features = self.pooler(encoded.last_hidden_state)
        else:
            features = encoded.pooler_output
        logits: Tensor = self.heads[head_name(task)](self.dropout(features))
        return by_row(logits.float(), inputs)

    def _encode(self, inputs: dict[str, Tensor]) -> Any:
        arguments = for_encoder(inputs)
        if STATES not in inputs:
            return self.encoder(**arguments)
        assert self.prefix is not None
        with self.prefix.given(inputs[STATES]):
            return self.encoder(**arguments)


def head_name(task: Task) -> str:
    """The name of a task's head among the model's heads."""
    # Torch refuses a module's name that is an attribute already, as a task's `type` would be.
    return f"{task.name} head"


def build_model(
    encoder: Encoder,
    parent: Path | None,
    tasks: Sequence[tuple[Task, str]],
    seed: int,
    recipe: Recipe,
) -> MultiTaskModel:
    """The model at the start of a stage: the encoder's or a parent's weights and fresh heads.

    `tasks` have the keys of their data. A head is drawn from (seed, key) alone: the same task
    starts alike in every mixture.
    """
    kept = KeptAdapter.of(parent)
    body = load_body(encoder, parent if kept is None or kept.with_weights else None)
    if kept is not None:
        add_adapter(body, kept.adapter, 0)
    size = int(body.config.hidden_size)
    pooler = None
    if getattr(body, "pooler", None) is None:
        pooler = Pooler(size)
        torch.manual_seed(torch_seed("pooler"))
        _initialise(pooler.dense)
        if parent is not None and kept is None:
            pooler.load_state_dict(load_file(parent / _POOLER_FILE))
    heads = nn.ModuleDict()
    for task, key in tasks:
        torch.manual_seed(torch_seed(seed, key, "head"))
        heads[head_name(task)] = head = nn.Linear(size, len(recipe.outputs(task)))
        _initialise(head)
    model = MultiTaskModel(body, pooler, heads, recipe.head_dropout, recipe.pooling)
    _adapt(model, parent, kept, recipe, seed)
    return model


def _adapt(
    model: MultiTaskModel, parent: Path | None, kept: KeptAdapter | None, recipe: Recipe, seed: int
) -> None:
    """Go on with a parent's adapter, which is in the encoder, or put in the recipe's, if any."""
    body, asked = model.encoder, recipe.adapter
    held = None if kept is None else kept.adapter
    if kept is not None:
        model.load_state_dict({**model.state_dict(), **kept.tensors})
    if asked is None and isinstance(held, LoraAdapter):
        merge_lora(body)
    elif asked is None and held is not None:
        body.requires_grad_(True)
        model.adapted = Adapted(held, alone=False, on_files=False)
    elif asked is not None:
        if held is None:
            add_adapter(body, asked, torch_seed(seed, "adapter"))
        elif held != asked:
            raise StoreError(f"found the adapter {held!r} in {parent}, where {asked!r} is to learn")
        on_files = parent is None or (kept is not None and not kept.with_weights)
        model.adapted = Adapted(asked, alone=True, on_files=on_files)
        # What heads read: made for another task, or never learned.
        if recipe.pooling == "pooler" and model.pooler is None:
            body.pooler.requires_grad_(True)


def changing(model: nn.Module) -> dict[str, Tensor]:
    """The tensors that learning may change, by name; not copies."""
    state = model.state_dict()
    if not isinstance(model, MultiTaskModel) or model.adapted is None or not model.adapted.alone:
        return state
    return {name: tensor for name, tensor in state.items() if not _is_of_encoder(name)}


def restore(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a model what `changing` gave of it, or of one like it."""
    others = model.state_dict()
    for name in changing(model):
        del others[name]
    model.load_state_dict({**others, **tensors})


def _is_of_encoder(name: str) -> bool:
    """Whether a tensor of a model is the encoder's own: of no adapter, pooler or head."""
    part, *rest = name.split(".")
    return part == "encoder" and rest[0] != "pooler" and not is_of_adapter(name)


def save_body(model: MultiTaskModel, folder: Path) -> None:
    """Write what a child starts from: the encoder, and the pooler it was given.

    Of an adapter in an encoder as its files have it, it is the adapter and the pooler alone.
    """
    adapted = model.adapted
    if adapted is None or not adapted.on_files:
        _save_encoder(model, folder)
    if adapted is not None:
        body = {n: t for n, t in model.state_dict().items() if not n.startswith("heads.")}
        kept = {name: tensor for name, tensor in body.items() if not _is_of_encoder(name)}
        write_adapter(adapted.adapter, kept, folder)
    elif model.pooler is not None:
        save_file(model.pooler.state_dict(), folder / _POOLER_FILE)


def _save_encoder(model: MultiTaskModel, folder: Path) -> None:
    """Write the encoder as any other of its class, without an adapter."""
    own = None if model.adapted is None else without_adapter(model.encoder)
    model.encoder.save_pretrained(folder, state_dict=own)  # type: ignore[operator]


def save_heads(model: MultiTaskModel, folder: Path) -> None:
    """Write the heads beside the body, for children that ask for the model's answers.

    `0.weight` is of the first.
    """
    save_file(nn.ModuleList(model.heads.values()).state_dict(), folder / HEADS_FILE)


def load_heads(model: MultiTaskModel, folder: Path) -> None:
    """Give a model the heads that were saved; raises StoreError where a store has none."""
    if not (folder / HEADS_FILE).is_file():
        raise StoreError(
            f"{folder} holds no {HEADS_FILE}: it was kept before children asked for answers; "
            "remove the folder and run again"
        )
    nn.ModuleList(model.heads.values()).load_state_dict(load_file(folder / HEADS_FILE))


def save_whole(model: MultiTaskModel, folder: Path) -> None:
    """Write the encoder, and in one file what stands on it.

    `0.weight` and `0.bias` are the first head; `pooler.dense.*` is the pooler it was given. LoRA is
    merged into the encoder, here too; bottlenecks have a file of their own.
    """
    adapted = model.adapted
    if adapted is not None and isinstance(adapted.adapter, LoraAdapter):
        merge_lora(model.encoder)
        model.adapted = None
    elif adapted is not None:
        tensors = model.encoder.state_dict().items()
        bottlenecks = {name: tensor for name, tensor in tensors if is_of_adapter(name)}
        save_file(bottlenecks, folder / BOTTLENECKS_FILE)
    _save_encoder(model, folder)
    layers = nn.ModuleList(model.heads.values()).state_dict()
    if model.pooler is not None:
        layers |= {f"pooler.{name}": t for name, t in model.pooler.state_dict().items()}
    save_file(layers, folder / HEADS_FILE)


def _initialise(layer: nn.Linear) -> None:
    nn.init.normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)
