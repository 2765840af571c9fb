"""Masked language modelling: an encoder learns from texts alone, before any task."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForMaskedLM

from transfer_study.data.encoders.find import encoder_folder
from transfer_study.data.streams import stream
from transfer_study.data.tokens.encode import IGNORED
from transfer_study.data.tokens.masking import Ids, Masker, Pieces, pieces_of
from transfer_study.data.tokens.mixing import task_batches
from transfer_study.data.tokens.tokenizer import load_tokenizer
from transfer_study.errors import EncoderError
from transfer_study.learn.checkpoint import Hold, State, random_state, set_random_state
from transfer_study.learn.losses import LearningError
from transfer_study.learn.models.body import torch_seed
from transfer_study.learn.models.language_model import LOSS, LanguageModel, with_head
from transfer_study.learn.models.model import MultiTaskModel, build_model
from transfer_study.learn.optimise.clip import clip_norm
from transfer_study.learn.optimise.optim import Course, build_course
from transfer_study.learn.predict import autocast
from transfer_study.learn.train import Epoch, Learned
from transfer_study.study.encoder import Encoder
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.stage import Stage

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
    hold: Hold | None = None,
) -> tuple[MultiTaskModel, Learned]:
    """Predict masked pieces of the texts; hand on the epoch of lowest loss on held-out texts.

    The model returned has no heads. Masks are drawn anew in every epoch, those of the held-out
    texts once, so that its losses (nats a masked piece) compare. Where `hold` has found a state,
    the stage goes on from there.
    """
    masked_texts, recipe, seed = stage.masked_texts, stage.recipe, stage.seed
    assert masked_texts is not None
    hold = hold or Hold()
    model = build_model(stage.encoder, None, (), seed, recipe)
    language_model = LanguageModel(with_head(stage.encoder, model.encoder)).to(device)
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
    course = build_course(language_model, recipe, recipe.epochs * updates)
    far = _HowFar(language_model, course, device)
    if (found := hold.found(device)) is not None:
        far.load(found)
    for number in range(far.epoch, recipe.epochs + 1):
        before, began = far.seconds, time.perf_counter()
        language_model.train()
        order = task_batches(learn.lengths, recipe.batch_size, stream(seed, LOSS, "order", number))
        random = stream(seed, LOSS, "mask", number)
        batches = _batches(learn, order, masker, random, device)
        for inputs, targets in islice(batches, len(far.losses), None):
            with autocast(device, recipe.precision):
                losses = language_model(inputs, targets)
            losses.mean().backward()
            clip_norm(language_model.parameters(), recipe.max_gradient_norm)
            course.optimizer.step()
            course.advance()
            course.optimizer.zero_grad(set_to_none=True)
            far.losses.append(torch.stack([losses.detach().sum(), losses.new_tensor(len(losses))]))
            far.seconds = before + time.perf_counter() - began
            hold(far.state)
        loss = _mean_loss(far.losses, number)
        trained, evaluated = before + time.perf_counter() - began, time.perf_counter()
        watched = _watch(language_model, watch, masker, recipe, seed, device)
        if not math.isfinite(watched):
            raise LearningError(
                f"the loss of held-out texts is {watched} in epoch {number} of pretraining; lower "
                "`learning_rate`, or give more texts"
            )
        best = far.offer(number, watched)
        far.history.append(
            {
                "epoch": number,
                "updates": updates,
                "loss": {LOSS: loss},
                "dev": {LOSS: watched},
                "train_seconds": round(trained, 3),
                "dev_seconds": round(time.perf_counter() - evaluated, 3),
            }
        )
        on_epoch(far.history[-1])
        if recipe.is_over(number, best):
            break
        far.epoch, far.losses, far.seconds = number + 1, [], 0.0
        hold(far.state)
    # What the language model lacks, BERT's pooler, stays as the encoder has it.
    model.encoder.load_state_dict(far.weights, strict=False)
    return model, Learned(far.history, {}, far.best[1], {}, {}, {})


class _HowFar:
    """How far a model was pretrained: the epoch, its updates' losses, the best epoch so far.

    `losses` are by update the sum over masked pieces and the number of these, which stay on the
    device until the epoch's end.
    """

    def __init__(self, language_model: LanguageModel, course: Course, device: torch.device) -> None:
        self._language_model = language_model
        self._course = course
        self._device = device
        self.epoch = 1
        self.losses: list[Tensor] = []
        self.seconds = 0.0
        self.history: list[Epoch] = []
        self.best = (math.inf, 0)
        self.weights: dict[str, Tensor] = {}  # of the best epoch

    def offer(self, epoch: int, watched: float) -> int:
        """Keep the weights of an epoch where its loss is the lowest so far; which epoch's is."""
        if watched < self.best[0]:
            self.best = watched, epoch
            body = self._language_model.body.state_dict()
            self.weights = {n: t.detach().to("cpu", copy=True) for n, t in body.items()}
        return self.best[1]

    def state(self) -> State:
        """All of it; not a copy."""
        return {
            "epoch": self.epoch,
            "done": len(self.losses),
            "losses": list(self.losses),
            "seconds": self.seconds,
            "history": self.history,
            "best": self.best,
            "weights": self.weights,
            "model": self._language_model.state_dict(),
            "course": self._course.state(),
            "random": random_state(self._device),
        }

    def load(self, state: State) -> None:
        """Go on from a state."""
        self.epoch, self.losses, self.seconds = state["epoch"], state["losses"], state["seconds"]
        self.history, self.best, self.weights = state["history"], state["best"], state["weights"]
        self._language_model.load_state_dict(state["model"])
        self._course.load(state["course"])
        set_random_state(state["random"], self._device)


def _mean_loss(told: Sequence[Tensor], epoch: int) -> float:
    """The mean loss of an epoch's masked pieces, by each update's sum and number of them.

    Raises LearningError for one that is no finite number.
    """
    sums = torch.stack([*told]).double().cpu() if told else torch.full((1, 2), math.nan)
    faulty = (~sums[:, 0].isfinite()).nonzero()
    if len(faulty):
        update = int(faulty[0])
        raise LearningError(
            f"the loss of pretraining is {float(sums[update, 0])} in update {update + 1} of epoch "
            f"{epoch}; lower `learning_rate`, or give more texts"
        )
    return float(sums[:, 0].sum() / sums[:, 1].sum())


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
    language_model: LanguageModel,
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
