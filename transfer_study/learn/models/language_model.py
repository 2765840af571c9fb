"""An encoder as a masked language model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForMaskedLM

from transfer_study.data.encoders.find import encoder_folder
from transfer_study.data.tokens.encode import IGNORED
from transfer_study.learn.models.body import torch_seed
from transfer_study.study.encoder import Encoder

# The name of the loss in a stage's history, where other stages have their tasks.
LOSS = "masked_lm"


class LanguageModel(nn.Module):
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


def with_head(encoder: Encoder, body: Any) -> Any:
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
