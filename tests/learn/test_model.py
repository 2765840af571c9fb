"""Encoders of every family start a stage, are handed on exactly, and get heads by seed and task."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    AutoModel,
    BartConfig,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    RobertaConfig,
    T5Config,
)
from transformers.utils import logging

from transfer_study.data.encoders.hash import fingerprint_encoder
from transfer_study.data.encoders.limits import check_layers
from transfer_study.data.tokens.tokenizer import load_tokenizer
from transfer_study.errors import EncoderError
from transfer_study.learn.models.model import (
    MultiTaskModel,
    build_model,
    head_name,
    save_body,
)
from transfer_study.study.encoder import Encoder
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks.task import Task

logging.set_verbosity_error()
logging.disable_progress_bar()

SIZES: dict[str, Any] = {
    "vocab_size": 90,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
}
ENDS = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
FAMILIES: dict[str, Callable[[], Any]] = {
    "bert": lambda: BertConfig(**SIZES),
    "roberta": lambda: RobertaConfig(**SIZES, **ENDS),
    "electra": lambda: ElectraConfig(**SIZES, embedding_size=8),
    "deberta-v2": lambda: DebertaV2Config(
        **SIZES, relative_attention=True, pos_att_type=["p2c", "c2p"], type_vocab_size=0
    ),
    "modernbert": lambda: ModernBertConfig(**SIZES, **ENDS, cls_token_id=0, sep_token_id=2),
    "distilbert": lambda: DistilBertConfig(
        vocab_size=90, dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=40
    ),
}
WITHOUT_POOLER = {"electra", "deberta-v2", "modernbert", "distilbert"}


def task(name: str, kind: str = "classification", *labels: str) -> Task:
    source = {"format": "synthetic", "task": "none", "train": 1, "dev": 1, "test": 1}
    labels = labels or ("yes", "no")
    return Task.model_validate({"name": name, "kind": kind, "labels": labels, "source": source})


PAIR = task("nli", "classification", "a", "b", "c")
TAGS = task("ner", "tagging", "Gene")


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Encoder]:
    root = tmp_path_factory.mktemp("encoders")
    for name, config in FAMILIES.items():
        torch.manual_seed(7)
        AutoModel.from_config(config()).save_pretrained(root / name)
    return {name: Encoder(name=name, source=str(root / name)) for name in FAMILIES}


@pytest.fixture(params=FAMILIES)
def encoder(request: pytest.FixtureRequest, encoders: dict[str, Encoder]) -> Encoder:
    return encoders[request.param]


def start(
    encoder: Encoder, *tasks: Task, parent: Path | None = None, seed: int = 0
) -> MultiTaskModel:
    return build_model(encoder, parent, [(t, t.name) for t in tasks], seed, Recipe())


def inputs() -> dict[str, Tensor]:
    mask = torch.ones(3, 11, dtype=torch.long)
    mask[1, 6:] = 0
    ids = torch.randint(5, 90, (3, 11), generator=torch.Generator().manual_seed(1))
    return {"input_ids": ids * mask + (1 - mask), "attention_mask": mask}


def body(model: MultiTaskModel) -> dict[str, Tensor]:
    return {n: p for n, p in model.state_dict().items() if not n.startswith("heads.")}


def heads(model: MultiTaskModel, task: Task) -> list[Tensor]:
    """The parameters that only this task has."""
    return [p for n, p in model.named_parameters() if n.startswith(f"heads.{task.name} ")]


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


def answers(model: MultiTaskModel) -> list[Tensor]:
    model.eval()
    with torch.no_grad():
        return [model(t, inputs()) for t in (PAIR, TAGS)]


def moved(model: MultiTaskModel) -> MultiTaskModel:
    """The model after some learning: none of its parameters is as it was."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model


def test_the_logits_have_the_shape_of_their_kind(encoder: Encoder) -> None:
    sentence, tags = answers(start(encoder, PAIR, TAGS))
    assert sentence.shape == (3, 3)
    assert tags.shape == (3, 11, 3)
    assert sentence.isfinite().all()
    assert tags.isfinite().all()


def test_padding_changes_no_answer(encoder: Encoder) -> None:
    model = start(encoder, PAIR, TAGS).eval()
    batch = inputs()
    alone = {name: tensor[1:2, :6] for name, tensor in batch.items()}
    with torch.no_grad():
        for t in (PAIR, TAGS):
            padded = model(t, batch)[1:2]
            padded = padded[:, :6] if t is TAGS else padded
            torch.testing.assert_close(model(t, alone), padded, atol=1e-5, rtol=1e-4)


def test_a_child_starts_from_exactly_what_its_parent_hands_on(
    encoder: Encoder, tmp_path: Path
) -> None:
    parent = moved(start(encoder, PAIR, TAGS))
    save_body(parent, tmp_path)
    child = start(encoder, PAIR, TAGS, parent=tmp_path)
    assert equal(body(child), body(parent))
    assert not equal(body(child), body(start(encoder, PAIR, TAGS)))
    # With the parent's heads, which it never gets, it would answer alike.
    fresh = answers(child)
    child.heads.load_state_dict(parent.heads.state_dict())
    assert all(map(torch.equal, answers(child), answers(parent)))
    assert not any(map(torch.equal, answers(child), fresh))


def test_the_heads_of_a_child_are_fresh(encoder: Encoder, tmp_path: Path) -> None:
    save_body(moved(start(encoder, PAIR)), tmp_path)
    child = start(encoder, PAIR, parent=tmp_path)
    assert all(map(torch.equal, heads(child, PAIR), heads(start(encoder, PAIR), PAIR)))


def test_encoders_without_a_pooler_get_one_alike_for_every_seed(
    encoders: dict[str, Encoder],
) -> None:
    for name, encoder in encoders.items():
        model = start(encoder, PAIR)
        assert (model.pooler is not None) == (name in WITHOUT_POOLER)
        assert equal(body(model), body(start(encoder, TAGS, seed=5)))


def test_a_checkpoint_that_lacks_its_pooler_gets_the_same_each_time(
    encoders: dict[str, Encoder], tmp_path: Path
) -> None:
    """As those saved by masked language modelling do."""
    config = BertConfig(**SIZES)
    AutoModel.from_config(config, add_pooling_layer=False).save_pretrained(tmp_path)
    encoder = Encoder(name="bare", source=str(tmp_path))
    torch.manual_seed(11)
    first = body(start(encoder, PAIR))
    torch.manual_seed(12)
    assert equal(first, body(start(encoder, PAIR, seed=3)))
    assert "encoder.pooler.dense.weight" in first


def test_a_head_depends_on_seed_and_task_alone(encoders: dict[str, Encoder]) -> None:
    encoder = encoders["bert"]
    alone = heads(start(encoder, PAIR), PAIR)
    assert len(alone) == 2
    for company in ((PAIR, TAGS), (TAGS, PAIR), (task("a"), TAGS, PAIR, task("z"))):
        assert all(map(torch.equal, heads(start(encoder, *company), PAIR), alone))
    weight, bias = alone
    assert not torch.equal(heads(start(encoder, PAIR, seed=1), PAIR)[0], weight)
    other = task("other", "classification", "a", "b", "c")
    assert not torch.equal(heads(start(encoder, other), other)[0], weight)
    assert 0.015 < weight.std() < 0.025
    assert not bias.any()


def test_predicting_in_between_does_not_disturb_learning(encoder: Encoder) -> None:
    """What an encoder keeps from inference mode must not enter a backward pass."""
    model = start(encoder, PAIR, TAGS)
    with torch.inference_mode():
        model.eval()(PAIR, inputs())
    model.train()
    for t in (PAIR, TAGS):
        model(t, inputs()).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in heads(model, PAIR))
    learned = [n for n, p in model.encoder.named_parameters() if p.grad is not None]
    assert len(learned) >= len(list(model.encoder.parameters())) - 2


def test_segment_ids_that_an_encoder_does_not_know_are_no_fault(encoder: Encoder) -> None:
    batch = {**inputs(), "token_type_ids": torch.zeros(3, 11, dtype=torch.long)}
    assert start(encoder, PAIR).eval()(PAIR, batch).isfinite().all()


@pytest.mark.parametrize("name", ["type", "values", "half", "train", "keys", "0"])
def test_a_task_may_have_any_name(encoders: dict[str, Encoder], name: str) -> None:
    model = start(encoders["bert"], task(name))
    assert model(task(name), inputs()).shape == (3, 2)


@pytest.mark.parametrize(
    "config",
    [
        lambda: T5Config(vocab_size=90, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2),
        lambda: BartConfig(
            vocab_size=90,
            d_model=8,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=8,
            decoder_ffn_dim=8,
            max_position_embeddings=40,
        ),
    ],
    ids=["t5", "bart"],
)
def test_models_that_are_not_encoders_are_refused(
    config: Callable[[], Any], tmp_path: Path
) -> None:
    AutoModel.from_config(config()).save_pretrained(tmp_path)
    with pytest.raises(EncoderError, match=r"encoder big: .* is not an encoder such as BERT"):
        start(Encoder(name="big", source=str(tmp_path)), PAIR)


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors"])
def test_files_that_cannot_be_loaded_are_told(damage: str, tmp_path: Path) -> None:
    AutoModel.from_config(BertConfig(**SIZES)).save_pretrained(tmp_path)
    content = (tmp_path / damage).read_bytes()
    (tmp_path / damage).write_bytes(content[: len(content) // 2])
    with pytest.raises(
        EncoderError, match=f"encoder half: {tmp_path}.* (cannot be loaded|is not valid JSON)"
    ):
        start(Encoder(name="half", source=str(tmp_path)), PAIR)


def test_a_tokenizer_without_padding_is_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>"))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(EncoderError, match="encoder gpt: its tokenizer has no padding token"):
        load_tokenizer(Encoder(name="gpt", source=str(tmp_path)))


def test_a_broken_tokenizer_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "tokenizer.json").write_text('{"model": ')
    with pytest.raises(EncoderError, match=r"encoder b: the tokenizer in .* cannot be loaded"):
        load_tokenizer(Encoder(name="b", source=str(tmp_path)))


def test_tiny_is_the_same_encoder_each_time(school: Any) -> None:
    first, second = (body(start(school.encoder, PAIR, seed=seed)) for seed in (0, 1))
    assert equal(first, second)
    other = school.encoder.model_copy(
        update={"tiny": school.encoder.tiny.model_copy(update={"seed": 1})}
    )
    assert not equal(first, body(start(other, PAIR)))


def test_mean_pooling_reads_every_token_and_no_padding(encoder: Encoder) -> None:
    model = build_model(encoder, None, [(PAIR, "pair")], 0, Recipe(pooling="mean")).eval()
    given = inputs()
    with torch.no_grad():
        hidden = model.encoder(**given).last_hidden_state
        mean = torch.stack([hidden[0].mean(0), hidden[1, :6].mean(0), hidden[2].mean(0)])
        expected = model.heads[head_name(PAIR)](mean)
        torch.testing.assert_close(model(PAIR, given), expected, atol=1e-6, rtol=1e-5)


def test_the_lowest_layers_are_kept_as_they_are(
    encoders: dict[str, Encoder], tmp_path: Path
) -> None:
    folder = shutil.copytree(encoders["bert"].source, tmp_path / "bert")
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\na\n", encoding="utf-8")
    whole = Encoder(name="bert", source=str(folder))
    cut = whole.model_copy(update={"layers": 1})
    assert fingerprint_encoder(cut) != fingerprint_encoder(whole)
    kept, all_of_it = (body(start(of, PAIR)) for of in (cut, whole))
    assert kept.keys() < all_of_it.keys()
    assert not any("layer.1." in name for name in kept)
    assert all(torch.equal(tensor, all_of_it[name]) for name, tensor in kept.items())
    with pytest.raises(EncoderError, match="layers is 9, but it has only 2"):
        check_layers(whole.model_copy(update={"layers": 9}), Recipe())
