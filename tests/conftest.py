"""What tests share: a study small enough to run for real in seconds."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Before torch is imported anywhere: tests share few cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# A machine with much to do is slow, not wrong.
settings.register_profile("calm", deadline=None)
settings.load_profile("calm")

SMALL = """\
name: small
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
tasks:
  - name: entities
    kind: tagging
    labels: [herb, beast]
    source: {format: synthetic, task: entities, train: 60, dev: 20, test: 40}
  - name: topics
    kind: multilabel
    labels: [sea, sky, war, law]
    source: {format: synthetic, task: topics, train: 60, dev: 20, test: 40}
  - name: relation
    kind: classification
    labels: [herb, beast]
    source: {format: synthetic, task: relation, train: 60, dev: 20, test: 40}
arms: [single, pairs, full]
seeds: 2
refine: {epochs: 2, learning_rate: 0.001, precision: float32}
finetune: {epochs: 1, precision: float32}
"""


@pytest.fixture
def small_study(tmp_path: Path) -> Path:
    """The path of a study of three synthetic tasks: 14 stages, about half a second each."""
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small BERT in a folder as `save_pretrained` writes it; tests that change it copy it."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    words = ["the", "a", "cat", "sat", "on", "mat", "herb", "beast", "sea", "sky", "war", "law"]
    letters = [chr(c) for c in range(33, 127) if not chr(c).isupper()]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *words]
    vocabulary = [*pieces, *(f"##{letter}" for letter in letters)]
    folder = tmp_path_factory.mktemp("encoders") / "bert"
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertConfig(
        vocab_size=len(vocabulary), intermediate_size=32, max_position_embeddings=128, **sizes
    )
    BertModel(config).save_pretrained(folder)
    vocab = {piece: n for n, piece in enumerate(vocabulary)}
    BertTokenizer(vocab=vocab, model_max_length=128).save_pretrained(folder)
    return folder


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    """Runs the command line in this process: exit code, stdout, stderr."""
    from transfer_study.cli import main

    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.delenv("TRANSFER_STUDY_DATA", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["transfer-study", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert isinstance(stopped.value.code, int)
        return (stopped.value.code, *capsys.readouterr())

    yield command
    signal.signal(signal.SIGTERM, handler)
