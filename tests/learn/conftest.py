"""A class for small pupils: a toy task of each kind that a tiny encoder learns in a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from transfer_study.data.splits import TaskData
from transfer_study.data.streams import stream
from transfer_study.data.tokens.encode import encode
from transfer_study.data.tokens.tokenizer import load_tokenizer
from transfer_study.learn.batch import Collator
from transfer_study.learn.material import Material
from transfer_study.learn.models.model import MultiTaskModel, build_model
from transfer_study.learn.train import Learned, train
from transfer_study.study.encoder import Encoder, TinyConfig
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks import kinds
from transfer_study.study.tasks.example import Example, Label
from transfer_study.study.tasks.task import Task

FILLERS = ("we", "saw", "a", "then", "one", "more", "near", "the", "house", "today")
CPU = torch.device("cpu")


def _draw(random: np.random.Generator, *words: str) -> list[str]:
    """Some fillers with these words among them."""
    fillers = [str(word) for word in random.choice(FILLERS, int(random.integers(3, 9)))]
    for word in words:
        fillers.insert(int(random.integers(len(fillers) + 1)), word)
    return fillers


def _colour(random: np.random.Generator) -> tuple[tuple[str, ...], Label]:
    colour = str(random.choice(["red", "blue"]))
    return (" ".join(_draw(random, colour)),), colour


def _pets(random: np.random.Generator) -> tuple[tuple[str, ...], Label]:
    pets = tuple(pet for pet in ("cat", "dog") if random.random() < 0.5)
    return (" ".join(_draw(random, *pets)),), pets


def _cats(random: np.random.Generator) -> tuple[tuple[str, ...], Label]:
    count = int(random.integers(3))
    texts = _draw(random, *["cat"] * count), _draw(random)
    return tuple(map(" ".join, texts)), count / 2


def _people(random: np.random.Generator) -> tuple[tuple[str, ...], Label]:
    words = _draw(random, str(random.choice(["anna", "bob"])))
    at = next(n for n, word in enumerate(words) if word in ("anna", "bob"))
    tags = ["O"] * len(words)
    tags[at] = "B-Person"
    if random.random() < 0.5:
        words.insert(at + 1, "smith")
        tags.insert(at + 1, "I-Person")
    return tuple(words), tuple(tags)


def _reds(random: np.random.Generator) -> tuple[Any, ...]:
    """Which of two to four texts is red."""
    right = int(random.integers(count := int(random.integers(2, 5))))
    colours = ("red" if n == right else "blue" for n in range(count))
    candidates = tuple(" ".join(_draw(random, colour)[-3:]) + f" {colour}" for colour in colours)
    return (" ".join(_draw(random)),), "ABCD"[right], False, candidates


DRAW: dict[kinds.TaskKind, tuple[str, tuple[str, ...], Callable[..., Any]]] = {
    kinds.CLASSIFICATION: ("colour", ("red", "blue"), _colour),
    kinds.MULTILABEL: ("pets", ("cat", "dog"), _pets),
    kinds.REGRESSION: ("cats", (), _cats),
    kinds.TAGGING: ("people", ("Person",), _people),
    kinds.MULTIPLE_CHOICE: ("reds", (), _reds),
}


@dataclass(frozen=True)
class School:
    """A tiny encoder, and what it is taught."""

    encoder: Encoder
    tokenizer: Any

    recipe = Recipe(
        epochs=4, batch_size=8, learning_rate=3e-3, precision="float32", max_length=24, warmup=0.1
    )

    def data(
        self, kind: kinds.TaskKind, train: int = 64, dev: int = 24, test: int = 24
    ) -> TaskData:
        """The toy task of a kind."""
        name, labels, draw = DRAW[kind]
        source = {"format": "synthetic", "task": "none", "train": 1, "dev": 1, "test": 1}
        task = Task.model_validate({"name": name, "kind": kind, "labels": labels, "source": source})
        splits = {}
        for split, size in (("train", train), ("dev", dev), ("test", test)):
            random = stream("toy", name, split)
            splits[split] = tuple(
                Example(f"{split}{n}", f"{split}{n // 2}", *draw(random)) for n in range(size)
            )
        return TaskData(task, **splits, key=name)

    def collator(self, task: Task, examples: tuple[Example, ...], max_length: int) -> Collator:
        """The examples encoded, ready to be batched."""
        tokenizer = self.tokenizer
        encoded = encode(task, examples, tokenizer, Recipe(max_length=max_length))
        ids = (tokenizer.pad_token_id, tokenizer.pad_token_type_id)
        return Collator(encoded, *ids, max_length, CPU)

    def model(self, *data: TaskData, seed: int = 0, dropout: float = 0.1) -> MultiTaskModel:
        """The model at the start of a stage."""
        return build_model(
            self.encoder, None, [(d.task, d.key) for d in data], seed, Recipe(head_dropout=dropout)
        )

    def materials(self, *data: TaskData) -> dict[str, Material]:
        """What `train` takes."""
        length = self.recipe.max_length
        return {
            d.task.name: Material(
                d,
                {s: self.collator(d.task, d.split(s), length) for s in ("train", "dev", "test")},
            )
            for d in data
        }

    def learn(
        self,
        *data: TaskData,
        seed: int = 0,
        on_epoch: Callable[[MultiTaskModel, dict[str, Any]], None] = lambda *_: None,
        **recipe: Any,
    ) -> tuple[MultiTaskModel, Learned]:
        """Train these tasks jointly, as a stage does."""
        changed = Recipe.model_validate({**self.recipe.model_dump(), **recipe})
        model = self.model(*data, seed=seed, dropout=changed.head_dropout)
        torch.manual_seed(seed)
        learned = train(
            model, self.materials(*data), changed, seed, lambda epoch: on_epoch(model, epoch)
        )
        return model, learned

    def relabelled(self, data: TaskData, split: str, label: Label) -> TaskData:
        """The same data with one label throughout a split."""
        examples = tuple(replace(example, label=label) for example in data.split(split))
        return replace(data, **{split: examples})


@pytest.fixture(scope="session")
def school(tmp_path_factory: pytest.TempPathFactory) -> School:
    torch.set_num_threads(1)
    texts: Path = tmp_path_factory.mktemp("school") / "texts.txt"
    texts.write_text(" ".join([*FILLERS, "red blue cat dog anna bob smith"]))
    sizes = {"hidden_size": 32, "layers": 1, "heads": 2, "max_length": 64}
    encoder = Encoder(name="tiny", source="tiny", tiny=TinyConfig(texts=(texts,), **sizes))
    return School(encoder, load_tokenizer(encoder))
