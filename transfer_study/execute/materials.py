"""What a stage learns from, as planned: its encoder's tokenizer, and its tasks' texts encoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from torch import device

from transfer_study.data.derived import derive
from transfer_study.data.encoders.find import file_stamps
from transfer_study.data.encoders.hash import fingerprint_encoder
from transfer_study.data.splits import load_planned_once
from transfer_study.data.tokens.encode import encode_once
from transfer_study.data.tokens.tokenizer import load_tokenizer
from transfer_study.errors import EncoderError
from transfer_study.learn.batch import Collator
from transfer_study.learn.material import Material
from transfer_study.study.encoder import Encoder
from transfer_study.study.stage import Stage
from transfer_study.study.tasks.source import SPLITS, SplitName


def read_materials(
    stage: Stage, tokenizer: Any, on: device, splits: Sequence[SplitName] = SPLITS
) -> dict[str, Material]:
    """The stage's tasks by name, these splits of them read and encoded.

    Raises DataError where the data are not those that the study was planned with.
    """
    recipe = stage.recipe
    materials = {}
    for member in stage.tasks:
        task = member.task
        data = load_planned_once(member)
        contents = {split: getattr(member.data, split).sha256 for split in SPLITS}
        if task.transform is not None:
            data = derive(data, task)
            contents["train"] += task.transform.model_dump_json()
            contents["dev"] += task.transform.model_dump_json()
        if recipe.train_on == "train_and_dev":
            data = replace(data, train=data.train + data.dev)
            contents["train"] += contents["dev"]
        collators: dict[str, Collator] = {
            split: Collator(
                encode_once(
                    task,
                    data.split(split),
                    tokenizer,
                    recipe,
                    key=f"{stage.encoder_hash} {contents[split]}",
                ),
                tokenizer.pad_token_id,
                tokenizer.pad_token_type_id,
                recipe.max_length,
                on,
            )
            for split in splits
        }
        materials[task.name] = Material(data, collators)
    return materials


def tokenizer_of(stage: Stage) -> Any:
    """The tokenizer of a stage's encoder, whose files are those that the study was planned with."""
    encoder = stage.encoder.model_dump_json()
    return _verified(encoder, stage.encoder_hash, file_stamps(stage.encoder))


# A worker runs many stages over the same few tasks and one encoder. What is not as planned raises,
# and is not kept: a file that was put back is read again. Weights are loaded in every stage, so
# that an encoder is verified again whenever a file of it was written.
@lru_cache(maxsize=2)
def _verified(encoder: str, planned: str, _stamps: tuple[tuple[Any, ...], ...]) -> Any:
    known = Encoder.model_validate_json(encoder)
    if fingerprint_encoder(known) != planned:
        raise EncoderError(
            f"the files of the encoder {known.name} are not those that the study was planned with; "
            "run the same command again, and on a cluster give every machine the same files"
        )
    return load_tokenizer(known)
