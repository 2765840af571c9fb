"""The states of a stage's texts after its frozen layers, for all updates and predictions.

They are computed a split at a time, in one order and in the arithmetic of the recipe, and kept as
float32, or as bfloat16 where the recipe computes so. What a stage holds of them is bounded: where
all is too much, train goes before dev and dev before test, and the layers are run for the rest.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor

from transfer_study.learn.batch import Collator, for_encoder
from transfer_study.learn.material import Material
from transfer_study.learn.models.model import MultiTaskModel
from transfer_study.learn.models.prefix import Prefix, find_prefix, prefix_hash
from transfer_study.learn.models.soft import Learner, SoftlyShared
from transfer_study.learn.predict import autocast
from transfer_study.store.prefixes import Prefixes
from transfer_study.study.frozen import content_hash
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.tasks.source import SPLITS

# Raised when the same key leads to other numbers.
_VERSION = 1
# The most bytes of states that a stage holds.
_MOST_BYTES = 2 << 30
# What of an encoder's configuration decides no number.
_DESCRIPTIVE = ("_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version")


def keep_prefixes(
    model: Learner,
    materials: Mapping[str, Material],
    precision: Precision,
    cache: Prefixes,
    splits: Sequence[str] = SPLITS,
) -> dict[str, Material]:
    """The materials with the states that the model's frozen layers, if any, leave of their texts.

    The model leaves these layers out from then on, wherever it is given states.
    """
    kept = dict(materials)
    frozen = _frozen(model, materials)
    room = _MOST_BYTES
    for split in splits:
        for name in sorted(frozen, key=lambda name: len(materials[name].collators[split].encoded)):
            collators = kept[name].collators
            part = _Part(frozen[name], collators[split], precision)
            if part.bytes <= room:
                room -= part.bytes
                with_states = {**collators, split: part.kept(cache)}
                kept[name] = replace(kept[name], collators=with_states)
    return kept


def _frozen(model: Learner, materials: Mapping[str, Material]) -> dict[str, _Frozen]:
    """What is frozen of the model of each task; tasks whose model runs all layers are left out."""
    if isinstance(model, SoftlyShared):
        found = {name: _Frozen.of(model.of(name), materials[name]) for name in materials}
    else:
        found = dict.fromkeys(materials, _Frozen.of(model, next(iter(materials.values()))))
    return {name: frozen for name, frozen in found.items() if frozen is not None}


@dataclass(frozen=True)
class _Frozen:
    """A model and its frozen layers."""

    model: MultiTaskModel
    prefix: Prefix

    @classmethod
    def of(cls, model: MultiTaskModel, material: Material) -> _Frozen | None:
        """Find the layers, with a text of the material; None where all layers are to be run."""
        collator = material.collators["train"]
        longest = int(np.argmax(collator.encoded.lengths))
        example = for_encoder(collator.inputs(np.array([longest, longest])))
        mask = example["attention_mask"]
        mask[1, mask.shape[1] // 2 :] = 0
        model.prefix = find_prefix(model, example)
        return None if model.prefix is None else cls(model, model.prefix)

    @cached_property
    def identity(self) -> dict[str, object]:
        """All that the layers' answer to a text follows from, the processor included."""
        encoder: Any = self.model.encoder
        config = encoder.config
        adapted = self.model.adapted
        settings = {k: v for k, v in config.to_dict().items() if k not in _DESCRIPTIVE}
        return {
            "version": _VERSION,
            "weights": prefix_hash(self.model, self.prefix),
            "layers": len(self.prefix.frozen),
            **({} if adapted is None else {"adapter": adapted.adapter.model_dump(mode="json")}),
            "class": type(encoder).__name__,
            "config": json.loads(json.dumps(settings, default=str)),
            "attention": config._attn_implementation,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "processor": [platform.machine(), torch.backends.cpu.get_cpu_capability()],
            "threads": torch.get_num_threads(),
        }


@dataclass(frozen=True)
class _Part:
    """The texts of a split and the layers that are to answer them."""

    frozen: _Frozen
    collator: Collator
    precision: Precision

    @property
    def _dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.precision is Precision.BFLOAT16 else torch.float32

    @property
    def _shape(self) -> tuple[int, int]:
        encoder: Any = self.frozen.model.encoder
        return sum(map(len, self.collator.encoded.ids)), int(encoder.config.hidden_size)

    @property
    def bytes(self) -> int:
        """What the states take."""
        pieces, size = self._shape
        return pieces * size * self._dtype.itemsize

    def kept(self, cache: Prefixes) -> Collator:
        """The collator with the states of its rows, from the cache or computed."""
        content = cache.get_or_compute(self._key(), self.bytes, self._computed)
        states = torch.frombuffer(content, dtype=self._dtype).view(self._shape)
        return replace(self.collator, states=self._rows(states))

    def _rows(self, states: Tensor) -> tuple[Tensor, ...]:
        return torch.split(states, list(map(len, self.collator.encoded.ids)))

    def _key(self) -> str:
        collator = self.collator
        encoded = collator.encoded
        texts = hashlib.sha256()
        for rows in (encoded.ids, encoded.types or [], encoded.parts or []):
            for row in rows:
                texts.update(len(row).to_bytes(4, "little") + row.astype("<i4").tobytes())
        device = collator.device
        return content_hash(
            {
                **self.frozen.identity,
                "texts": texts.hexdigest(),
                "types": encoded.types is not None,
                "padding": [collator.padding, collator.padding_type, collator.max_length],
                "precision": self.precision,
                "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            }
        )

    def _computed(self) -> memoryview:
        model, collator = self.frozen.model, self.collator
        states = torch.empty(self._shape, dtype=self._dtype)
        rows_of = self._rows(states)
        model.eval()
        for rows in collator.by_length():
            with autocast(collator.device, self.precision):
                inputs = for_encoder(collator.inputs(rows))
                batch = self.frozen.prefix.states(model.encoder, inputs)
            for row, values in zip(rows, collator.unpadded(rows, batch.cpu()), strict=True):
                rows_of[row].copy_(values)
        return states.view(-1).view(torch.uint8).numpy().data
