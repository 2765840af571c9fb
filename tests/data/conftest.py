"""Small tokenizers of the families that encoders use, each read from a folder as a study would."""

from __future__ import annotations

import json
from typing import Any

import pytest

TEXT = """the aspirin reduced the fever of the patients
naloxone reverses the effects of clonidine, in rats and mice
no fever was seen after treatment with lidocaine"""

FAMILIES = ("wordpiece", "byte-level", "unigram", "unigram-xlmr")


@pytest.fixture(scope="session")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A tokenizer of each family: BERT's, RoBERTa's, DeBERTa-v3's and XLM-RoBERTa's."""
    from transformers import DebertaV2Tokenizer, RobertaTokenizer, XLMRobertaTokenizer

    from transfer_study.data.tokens.tokenizer import load_tokenizer
    from transfer_study.study.encoder import Encoder, TinyConfig

    root = tmp_path_factory.mktemp("tokenizers")
    (root / "texts.txt").write_text(TEXT)
    vocabulary, merges = _byte_pairs()
    bert, xlmr = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"], ["<s>", "<pad>", "</s>", "<unk>"]
    made = {
        "byte-level": RobertaTokenizer(vocab=vocabulary, merges=merges),
        "unigram": DebertaV2Tokenizer(vocab=_unigrams(bert), unk_id=3),
        "unigram-xlmr": XLMRobertaTokenizer(vocab=[*_unigrams(xlmr), ("<mask>", 0.0)]),
    }
    for name, tokenizer in made.items():
        tokenizer.save_pretrained(root / name)
        (root / name / "config.json").write_text("{}")
    tiny = Encoder(name="tiny", source="tiny", tiny=TinyConfig(texts=(root / "texts.txt",)))
    return {
        "wordpiece": load_tokenizer(tiny),
        **{name: load_tokenizer(Encoder(name=name, source=str(root / name))) for name in made},
    }


@pytest.fixture(params=FAMILIES)
def tokenizer(request: pytest.FixtureRequest, tokenizers: dict[str, Any]) -> Any:
    return tokenizers[request.param]


def _byte_pairs() -> tuple[dict[str, int], list[tuple[str, str]]]:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator(TEXT.splitlines(), trainer)
    model = json.loads(trained.to_str())["model"]
    return model["vocab"], [(left, right) for left, right in model["merges"]]


def _unigrams(special: list[str]) -> list[tuple[str, float]]:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=60, special_tokens=special, unk_token=special[3], show_progress=False
    )
    trained.train_from_iterator(TEXT.splitlines(), trainer)
    return [(piece, score) for piece, score in json.loads(trained.to_str())["model"]["vocab"]]
