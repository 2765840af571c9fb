"""Masked language modelling: an encoder learns from texts alone, before any task."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForMaskedLM

from transfer_study.data.encoders.find import encoder_folder
from transfer_study.data.streams import stream
from transfer_study.data.tokens.encode import IGNORED
from transfer_study.data.tokens.masking import Ids, Masker, Pieces, pieces_of
from transfer_study.data.tokens.mixing import task_batches
from transfer_study.data.tokens.tokenizer import load_tokenizer
from transfer_study.errors import EncoderError
from transfer_study.learn.clip import clip_norm
from transfer_study.learn.model import MultiTaskModel, build_model, torch_seed
from transfer_study.learn.optim import build_optimizer
from transfer_study.learn.predict import autocast
from transfer_study.learn.train import Epoch, Learned, LearningError
from transfer_study.study.encoder import Encoder
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.stage import Stage

# The name of the loss in a stage's history, where other stages have their tasks.
LOSS = "masked_lm"
# Held-out texts take no gradients: batches may be larger.
_EVALUATED = 4


def check_pretrainable(encoder: Encoder, *, whole_word: bool) -> None:
    """Raise EncoderError unless the encoder has a mask, a masked language model and words."""
    if encoder.tiny is not None or encoder.scratch is not None:
        return
    tokenizer = load_tokenizer(encoder)
    if tokenizer.mask_token_id is None:
        raise EncoderError(
            f"encoder {encoder.name}: its tokenizer has no mask token, so it cannot be pretrained "
            "by masked language modelling; remove `pretrain`, or give an encoder such as BERT"
        )
    if whole_word and tokenizer.backend_tokenizer.pre_tokenizer is None:
        raise EncoderError(
            f"encoder {encoder.name}: found `whole_word: true`, but its tokenizer does not divide "
            "texts into words; set `whole_word: false` under `pretrain`"
        )
    config = AutoConfig.from_pretrained(encoder_folder(encoder), trust_remote_code=False)
    if type(config) not in AutoModelForMaskedLM._model_mapping:
        raise EncoderError(
            f"encoder {encoder.name}: transformers has no masked language model for "
            f"{config.model_type!r}; remove `pretrain`, or give an encoder such as BERT"
        )


def pretrain(
    stage: Stage,
    tokenizer: Any,
    texts: Sequence[str],
    device: torch.device,
    on_epoch: Callable[[Epoch], None],
) -> tuple[MultiTaskModel, Learned]:
    """Predict masked pieces of the texts; hand on the epoch of lowest loss on held-out texts.

    The model returned has no heads. Masks are drawn anew in every epoch, those of the held-out
    texts once, so that its losses (nats a masked piece) compare.
    """
    masked_texts, recipe, seed = stage.masked_texts, stage.recipe, stage.seed
    assert masked_texts is not None
    model = build_model(stage.encoder, None, (), seed, recipe)
    language_model = _LanguageModel(_with_head(stage.encoder, model.encoder)).to(device)
    torch.manual_seed(torch_seed(seed, LOSS, "dropout"))
    held_out, train = _held_out(texts, masked_texts.held_out, seed)
    learn, watch = (pieces_of(part, tokenizer, recipe.max_length) for part in (train, held_out))
    masker = Masker(
        masked_texts.masked,
        masked_texts.whole_word,
        tokenizer.mask_token_id,
        np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids),
    )
    updates = math.ceil(len(learn.ids) / recipe.batch_size)
    optimizer, advance = build_optimizer(language_model, recipe, recipe.epochs * updates)
    history: list[Epoch] = []
    best: tuple[float, int, dict[str, Tensor]] | None = None
    for number in range(1, recipe.epochs + 1):
        began = time.perf_counter()
        language_model.train()
        order = task_batches(learn.lengths, recipe.batch_size, stream(seed, LOSS, "order", number))
        total = torch.zeros(2, device=device)
        random = stream(seed, LOSS, "mask", number)
        for inputs, targets in _batches(learn, order, masker, random, device):
            with autocast(device, recipe.precision):
                losses = language_model(inputs, targets)
            losses.mean().backward()
            clip_norm(language_model.parameters(), recipe.max_gradient_norm)
            optimizer.step()
            advance()
            optimizer.zero_grad(set_to_none=True)
            total += torch.stack([losses.detach().sum(), total.new_tensor(len(losses))])
        trained = time.perf_counter()
        watched = _watch(language_model, watch, masker, recipe, seed, device)
        loss = float(total[0] / total[1])
        if not math.isfinite(loss + watched):
            raise LearningError(
                f"the loss of pretraining is {loss} in epoch {number}, that of held-out texts "
                f"{watched}; lower `learning_rate`, or give more texts"
            )
        if best is None or watched < best[0]:
            state = language_model.body.state_dict()
            best = (watched, number, {n: t.detach().to("cpu", copy=True) for n, t in state.items()})
        history.append(
            {
                "epoch": number,
                "updates": updates,
                "loss": {LOSS: loss},
                "dev": {LOSS: watched},
                "train_seconds": round(trained - began, 3),
                "dev_seconds": round(time.perf_counter() - trained, 3),
            }
        )
        on_epoch(history[-1])
        if recipe.is_over(number, best[1]):
            break
    assert best is not None
    # What the language model lacks, BERT's pooler, stays as the encoder has it.
    model.encoder.load_state_dict(best[2], strict=False)
    return model, Learned(history, {}, best[1], {}, {}, {})


class _LanguageModel(nn.Module):
    """A masked language model whose prediction head reads the positions to be predicted only.

    Over a whole vocabulary the head is the dearest layer, and six of seven positions need none.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.body = model.base_model
        self.body.register_forward_hook(self._select)

    def forward(self, inputs: dict[str, Tensor], targets: Tensor) -> Tensor:
        """The cross-entropy of each piece to be predicted, [pieces]."""
        self._predicted = targets != IGNORED
        logits = self.model(**inputs).logits[0]
        return nn.functional.cross_entropy(
            logits.float(), targets[self._predicted], reduction="none"
        )

    def _select(self, _body: nn.Module, _inputs: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state[self._predicted][None]
        return output


def _with_head(encoder: Encoder, body: Any) -> Any:
    """The encoder's masked language model, beginning where any other stage begins.

    A checkpoint's own prediction head is taken where it has one.
    """
    torch.manual_seed(torch_seed(LOSS, "head"))
    if encoder.tiny is not None or encoder.scratch is not None:
        model = AutoModelForMaskedLM.from_config(body.config)
    else:
        folder: Path = encoder_folder(encoder)
        model = AutoModelForMaskedLM.from_pretrained(
            folder, dtype=torch.float32, trust_remote_code=False
        )
    model.base_model.load_state_dict(body.state_dict(), strict=False)
    return model


def _held_out(texts: Sequence[str], share: float, seed: int) -> tuple[list[str], list[str]]:
    """The texts that the loss is watched on, and the others; at least one of each."""
    count = min(max(1, round(share * len(texts))), len(texts) - 1)
    order = stream(seed, LOSS, "held out").permutation(len(texts))
    chosen, rest = np.sort(order[:count]), np.sort(order[count:])
    return [texts[n] for n in chosen], [texts[n] for n in rest]


def _batches(
    pieces: Pieces,
    order: Sequence[Ids],
    masker: Masker,
    random: np.random.Generator,
    device: torch.device,
) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
    """The encoder's inputs and the targets, both [rows, length], of batches with a target."""
    for rows in order:
        ids, words = pieces.padded(rows)
        shown, targets = masker(ids, words, random)
        if (targets != IGNORED).any():
            lengths = pieces.lengths[rows][:, None]
            mask = (np.arange(ids.shape[1]) < lengths).astype(np.int64)
            inputs = {"input_ids": shown, "attention_mask": mask}
            yield (
                {name: torch.from_numpy(array).to(device) for name, array in inputs.items()},
                torch.from_numpy(targets).to(device),
            )


def _watch(
    language_model: _LanguageModel,
    pieces: Pieces,
    masker: Masker,
    recipe: Recipe,
    seed: int,
    device: torch.device,
) -> float:
    """The mean loss a masked piece of held-out texts, NaN where none is masked."""
    language_model.eval()
    everything = np.argsort(-pieces.lengths, kind="stable")
    size = _EVALUATED * recipe.batch_size
    order = [everything[n : n + size] for n in range(0, len(everything), size)]
    random = stream(seed, LOSS, "held-out mask")
    losses = []
    with torch.inference_mode():
        for inputs, targets in _batches(pieces, order, masker, random, device):
            with autocast(device, recipe.precision):
                losses.append(language_model(inputs, targets))
    return float(torch.cat(losses).mean()) if losses else math.nan
