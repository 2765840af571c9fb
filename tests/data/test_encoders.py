"""An encoder is found where it lies, and refused where it is none by itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from transfer_study.data.encoders.find import encoder_folder, prefetch_encoder
from transfer_study.data.encoders.hash import fingerprint_encoder
from transfer_study.data.tokens.tokenizer import load_tokenizer
from transfer_study.errors import EncoderError
from transfer_study.study.encoder import Encoder


def encoder(folder: Path) -> Encoder:
    return Encoder(name="small", source=str(folder))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("package:no_such_package/model", "pip install no-such-package"),
        ("package:numpy/model", "no model in 'model'"),
        ("package:", "not installed"),
        ("no-such-owner/no-such-model", "neither a local folder nor a model in the local hub"),
        ("not a/valid/name", "neither a local folder nor"),
    ],
)
def test_an_encoder_that_is_not_here_is_told_with_what_to_do(source: str, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        encoder_folder(Encoder(name="absent", source=source))


def test_a_local_encoder_needs_no_fetching(bert_folder: Path) -> None:
    assert prefetch_encoder(encoder(bert_folder)) == bert_folder


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_an_encoder_with_code_of_its_own_is_refused(
    bert_folder: Path, tmp_path: Path, name: str
) -> None:
    folder = shutil.copytree(bert_folder, tmp_path / "coded")
    settings = json.loads((folder / name).read_text())
    settings["auto_map"] = {"AutoModel": "code.Model", "AutoTokenizer": ["code.Slow", "code.Fast"]}
    (folder / name).write_text(json.dumps(settings))
    (folder / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    for use in (encoder_folder, prefetch_encoder, fingerprint_encoder, load_tokenizer):
        with pytest.raises(EncoderError, match=f"{folder / name} asks to run Python code"):
            use(encoder(folder))
    assert not (tmp_path / "ran").exists()


def test_an_adapter_is_no_encoder_by_itself(bert_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bert_folder, tmp_path / "adapter")
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(EncoderError, match="holds an adapter"):
        encoder_folder(encoder(folder))
