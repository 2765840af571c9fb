"""What a recipe asks of an encoder must be there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from transfer_study.data.encoders.limits import check_layers, check_length
from transfer_study.data.fingerprints import load_tasks, take_fingerprints
from transfer_study.errors import EncoderError
from transfer_study.study.encoder import Encoder
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.study import Study

CONFIG = {"model_type": "bert", "hidden_size": 16, "architectures": ["BertForMaskedLM"]}


@pytest.fixture
def folder(bert_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(bert_folder, tmp_path / "encoder")


def write(folder: Path, name: str, content: object) -> None:
    (folder / name).write_text(json.dumps(content))


def encoder(folder: Path) -> Encoder:
    return Encoder(name="small", source=str(folder))


@pytest.mark.parametrize(
    ("config", "positions"),
    [
        ({"model_type": "bert", "max_position_embeddings": 40}, 40),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 42, "pad_token_id": 1}, 40),
        ({"model_type": "mpnet", "max_position_embeddings": 42, "pad_token_id": None}, 40),
        ({"model_type": "deberta-v2", "max_position_embeddings": 40}, 40),
    ],
)
def test_texts_must_fit_the_positions(
    folder: Path, config: dict[str, object], positions: int
) -> None:
    write(folder, "config.json", config)
    check_length(encoder(folder), positions)
    with pytest.raises(EncoderError, match=f"it has only {positions} positions; lower"):
        check_length(encoder(folder), positions + 1)
    write(folder, "config.json", {**config, "position_biased_input": False})
    check_length(encoder(folder), positions + 1)


@pytest.mark.parametrize("count", ["num_hidden_layers", "n_layers", "num_layers"])
def test_recipes_name_no_more_layers_than_the_encoder_has(folder: Path, count: str) -> None:
    write(folder, "config.json", {**CONFIG, count: 6})
    for recipe in ({"freeze_layers": 6}, {"reinit_layers": 6}, {"layer_decay": 0.5}):
        check_layers(encoder(folder), Recipe(**recipe))
    check_layers(encoder(folder), Recipe(freeze_layers=4, reinit_layers=2))
    for name in ("freeze_layers", "reinit_layers"):
        with pytest.raises(EncoderError, match=f"{name} is 7, but it has only 6 layers; lower"):
            check_layers(encoder(folder), Recipe(**{name: 7}))
    with pytest.raises(EncoderError, match="freeze_layers 4 and reinit_layers 3 overlap"):
        check_layers(encoder(folder), Recipe(freeze_layers=4, reinit_layers=3))


def test_layers_that_share_their_weights_cannot_be_told_apart(folder: Path) -> None:
    write(folder, "config.json", {**CONFIG, "num_hidden_layers": 6, "num_hidden_groups": 1})
    check_layers(encoder(folder), Recipe())
    for recipe in ({"freeze_embeddings": True}, {"freeze_layers": 1}, {"layer_decay": 0.5}):
        with pytest.raises(EncoderError, match="counts no layers with weights of their own"):
            check_layers(encoder(folder), Recipe(**recipe))


def test_only_recipes_that_are_used_must_fit(folder: Path) -> None:
    write(folder, "config.json", {"model_type": "bert", "max_position_embeddings": 32})
    source = {"format": "synthetic", "task": "relation", "train": 9, "dev": 3, "test": 3}
    task = {"kind": "classification", "labels": ["herb", "beast", "mixed"], "source": source}
    written = {
        "name": "s",
        "encoder": {"name": "small", "source": str(folder)},
        "tasks": [{"name": "relation", **task}],
        "arms": ["single"],
        "refine": {"max_length": 32},
    }
    study = Study.model_validate(written)
    assert take_fingerprints(study, load_tasks(study)).encoders.keys() == {"small"}
    study = Study.model_validate({**written, "readings": ["finetune"]})
    with pytest.raises(EncoderError, match="max_length is 128, but it has only 32 positions"):
        take_fingerprints(study, load_tasks(study))


def test_layers_of_an_encoder_from_scratch_are_counted() -> None:
    small = Encoder.model_validate({"name": "small", "scratch": {"layers": 3}})
    check_layers(small, Recipe(freeze_layers=2, reinit_layers=1, layer_decay=0.9))
    with pytest.raises(EncoderError, match="freeze_layers is 4, but it has only 3 layers"):
        check_layers(small, Recipe(freeze_layers=4))
