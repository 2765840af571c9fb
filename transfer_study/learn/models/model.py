"""A shared encoder with one linear head a task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, BertConfig, BertModel
from typing_extensions import Self

from transfer_study.data.encoders.find import encoder_folder
from transfer_study.data.streams import stream
from transfer_study.data.tokens.vocabulary import tiny_vocabulary
from transfer_study.errors import EncoderError, StoreError
from transfer_study.learn.batch import STATES, by_row, for_encoder
from transfer_study.learn.models.load_model import HEADS_FILE, mean_of_tokens
from transfer_study.learn.models.prefix import Prefix
from transfer_study.study.encoder import Encoder, ScratchConfig, TinyConfig
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

    Sentence tasks read the pooled first token or the mean of the tokens, tagging every token.
    Frozen layers, the `prefix`, are not run where what they answer is among the inputs.
    """

    prefix: Prefix | None = None

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

    @property
    def body(self) -> tuple[nn.Module, ...]:
        """What is handed on: the encoder, and the pooler it was given."""
        return (self.encoder,) if self.pooler is None else (self.encoder, self.pooler)

    def freeze(self, parameters: Iterable[nn.Parameter]) -> None:
        """Take parameters out of learning; a part of which none learns has no dropout either."""
        for parameter in parameters:
            parameter.requires_grad_(False)

    def freeze_body(self) -> None:
        """Let only the heads learn."""
        self.freeze(parameter for part in self.body for parameter in part.parameters())

    def train(self, mode: bool = True) -> Self:
        """Set learning or predicting; what is frozen always predicts."""
        super().train(mode)
        for part in self.modules():
            parameters = list(part.parameters())
            if parameters and not any(parameter.requires_grad for parameter in parameters):
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
    # What a checkpoint lacks (a pooler, say) is initialised alike for every seed of a study.
    torch.manual_seed(torch_seed("encoder"))
    body = _load_body(encoder, parent)
    size = int(body.config.hidden_size)
    pooler = None
    if getattr(body, "pooler", None) is None:
        pooler = Pooler(size)
        torch.manual_seed(torch_seed("pooler"))
        _initialise(pooler.dense)
        if parent is not None:
            pooler.load_state_dict(load_file(parent / _POOLER_FILE))
    heads = nn.ModuleDict()
    for task, key in tasks:
        torch.manual_seed(torch_seed(seed, key, "head"))
        heads[head_name(task)] = head = nn.Linear(size, len(recipe.outputs(task)))
        _initialise(head)
    return MultiTaskModel(body, pooler, heads, recipe.head_dropout, recipe.pooling)


def save_body(model: MultiTaskModel, folder: Path) -> None:
    """Write what a child starts from: the encoder, and the pooler it was given."""
    model.encoder.save_pretrained(folder)  # type: ignore[operator]
    if model.pooler is not None:
        save_file(model.pooler.state_dict(), folder / _POOLER_FILE)


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

    `0.weight` and `0.bias` are the first head; `pooler.dense.*` is the pooler it was given.
    """
    model.encoder.save_pretrained(folder)  # type: ignore[operator]
    layers = nn.ModuleList(model.heads.values()).state_dict()
    if model.pooler is not None:
        layers |= {f"pooler.{name}": t for name, t in model.pooler.state_dict().items()}
    save_file(layers, folder / HEADS_FILE)


def _load_body(encoder: Encoder, parent: Path | None) -> Any:
    if parent is None and encoder.tiny is not None:
        torch.manual_seed(torch_seed(encoder.tiny.seed, "tiny"))
        return _build_bert(encoder.tiny, len(tiny_vocabulary(encoder.tiny)))
    if parent is None and encoder.scratch is not None:
        torch.manual_seed(torch_seed(encoder.scratch.seed, "scratch"))
        # As many rows as the vocabulary may have: fewer pieces change no other weight.
        return _build_bert(encoder.scratch, encoder.scratch.vocabulary_size)
    folder = parent if parent is not None else encoder_folder(encoder)
    try:
        # What a parent hands on is cut already.
        cut = {"num_hidden_layers": encoder.layers} if encoder.layers else {}
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, **cut)
        body = AutoModel.from_pretrained(
            folder, config=config, dtype=torch.float32, trust_remote_code=False
        )
    except Exception as error:  # files of all kinds, read by code of many authors
        raise EncoderError(f"encoder {encoder.name}: {folder} cannot be loaded ({error})") from None
    if not hasattr(body.config, "hidden_size") or getattr(body.config, "is_encoder_decoder", False):
        raise EncoderError(
            f"encoder {encoder.name}: {type(body).__name__} is not an encoder such as BERT, "
            "RoBERTa, ELECTRA, DeBERTa or ModernBERT"
        )
    return body


def _build_bert(config: TinyConfig | ScratchConfig, vocabulary_size: int) -> BertModel:
    return BertModel(
        BertConfig(
            vocab_size=vocabulary_size,
            hidden_size=config.hidden_size,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            intermediate_size=4 * config.hidden_size,
            max_position_embeddings=config.max_length,
        )
    )


def _initialise(layer: nn.Linear) -> None:
    nn.init.normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)


def torch_seed(*key: object) -> int:
    """The seed of torch for a purpose, named as in `data.streams`."""
    return int(stream(*key).integers(2**62))
