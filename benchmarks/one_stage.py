"""One stage's training and prediction: by this project, by a plain loop, by transformers' Trainer.

All take the same rows, which come tokenised, the same start, recipe and number of updates; a
classification task, for which transformers has a model of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from side_by_side import clock, write_study
from torch import Tensor, nn
from torch.optim import AdamW
from torch.utils.data import DataLoader
from transformers import (
    AutoModelForSequenceClassification,
    DataCollatorWithPadding,
    PrinterCallback,
    Trainer,
    TrainingArguments,
    get_linear_schedule_with_warmup,
)
from where_time_goes import shares

from transfer_study.data.encoders.find import encoder_folder
from transfer_study.data.tokens.encode import targets
from transfer_study.data.tokens.mixing import mixed_batches
from transfer_study.execute.materials import read_materials, tokenizer_of
from transfer_study.execute.start import begin
from transfer_study.learn.material import Material
from transfer_study.learn.models.soft import Learner
from transfer_study.learn.predict import autocast, row_logits
from transfer_study.learn.train import train
from transfer_study.session.plans import make_plan
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.stage import Stage

TASK = "chemprot"
HELD = 2  # rows of dev, which training also predicts once: as few as may be

Row = dict[str, Any]
Shape = tuple[int, int]


@dataclass
class Subject:
    """What is learned: a stage, its rows as the others want them, and where it runs."""

    stage: Stage
    device: torch.device
    folder: Path  # of all that is written
    pad_to: int | None  # the others' widths are multiples of it
    rows: list[Row] = field(init=False)
    held: list[Row] = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(self.folder / "store")
        self.tokenizer = tokenizer_of(self.stage)
        self.materials = read_materials(self.stage, self.tokenizer, self.device)
        self.encoder = encoder_folder(self.stage.encoder)
        self.rows, self.held = self._rows("train"), self._rows("test")

    def _rows(self, split: str) -> list[Row]:
        (material,) = self.materials.values()
        encoded = material.collators[split].encoded
        labels = targets(material.task, material.data.split(split), encoded, self.stage.recipe)
        return [
            {"input_ids": ids.tolist(), "attention_mask": [1] * len(ids), "labels": int(label)}
            for ids, label in zip(encoded.ids, labels, strict=True)
        ]

    @property
    def bfloat16(self) -> bool:
        """Whether passes are computed in bfloat16."""
        return self.stage.recipe.precision == "bfloat16"

    @property
    def updates(self) -> int:
        """How many updates the training makes."""
        return self.stage.recipe.epochs * -(-len(self.rows) // self.stage.recipe.batch_size)

    def collated(self, rows: Sequence[Row]) -> dict[str, Tensor]:
        """A batch as transformers pads it, to the longest of it."""
        padded = DataCollatorWithPadding(self.tokenizer, pad_to_multiple_of=self.pad_to)
        batch: dict[str, Tensor] = dict(padded(list(rows)))
        return batch

    def model(self) -> nn.Module:
        """Transformers' own model, with as many layers frozen as the recipe says."""
        outputs = len(self.stage.tasks[0].task.outputs)
        model = AutoModelForSequenceClassification.from_pretrained(self.encoder, num_labels=outputs)
        if frozen := self.stage.recipe.freeze_layers:
            base = model.base_model
            for part in (base.embeddings, *base.encoder.layer[:frozen]):
                part.requires_grad_(False)
        moved: nn.Module = model.to(self.device)
        return moved


def subject(
    study: dict[str, object], data: Path, device: str, folder: Path, *changes: str
) -> Subject:
    """The stage of one task that a study has, after some changes of the study's keys."""
    path = write_study(folder / "speed.yaml", **study)
    (stage,) = make_plan(read_study(path, list(changes), data=data)).stages
    return Subject(stage, torch.device(device), folder, 8 if device == "cuda" else None)


def study_of(
    encoder: dict[str, str], rows: int, held: int, epochs: int, batch: int = 16
) -> dict[str, object]:
    """A study of one stage."""
    return {
        "encoder": encoder,
        "tasks": [TASK],
        "limits": {"max_train": rows, "max_dev": HELD, "max_test": held},
        "seeds": [0],
        "refine": {"epochs": epochs, "batch_size": batch, "selection": "last"},
    }


# What is done to learn, or to predict: all but loading is timed, and seconds come back.
Way = Callable[[Subject], float]


def this_project(of: Subject, *, first: bool = False) -> float:
    """As a stage does it; the first also computes what its frozen layers answer, and loads."""
    with tempfile.TemporaryDirectory(dir=of.folder) as fresh, _repeatable():
        before = clock(of.device.type)
        model, known = _begun(of, Store(Path(fresh)) if first else of.store)
        began = before if first else clock(of.device.type)
        train(model, known, of.stage.recipe, of.stage.seed, lambda _: None)
        return clock(of.device.type) - began


def spent_on(of: Subject) -> dict[str, float]:
    """The share of each kind of operation in this project's training, most first."""
    with _repeatable():
        model, known = _begun(of, of.store)
        return shares(
            lambda: train(model, known, of.stage.recipe, of.stage.seed, lambda _: None),
            of.device.type,
        )


def keep_what_is_frozen(of: Subject) -> None:
    """Keep what frozen layers answer, as the first of a study's stages does."""
    _begun(of, of.store)


def _begun(of: Subject, store: Store) -> tuple[Learner, dict[str, Material]]:
    learned = {
        name: replace(m, collators={s: c for s, c in m.collators.items() if s != "test"})
        for name, m in of.materials.items()
    }
    return begin(of.stage, store, learned, of.device)


def batches(of: Subject) -> list[Shape]:
    """The batches of a stage's updates, [sequences, length]."""
    (material,) = of.materials.values()
    collator, recipe = material.collators["train"], of.stage.recipe
    name, lengths = material.task.name, collator.encoded.lengths
    epochs = mixed_batches({name: lengths}, {name: material.data.key}, recipe, of.stage.seed)
    return [
        tuple(collator.inputs(rows)["input_ids"].shape)
        for epoch in epochs
        for ((_, rows),) in epoch
    ]


@contextmanager
def _repeatable() -> Iterator[None]:
    """Within it arithmetic repeats itself, as in every stage; nothing else here asks for that."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


def plain_loop(of: Subject) -> float:
    """The loop of torch's tutorials: rows shuffled, each batch padded to its longest row."""
    recipe, model = of.stage.recipe, of.model()
    loader = DataLoader(of.rows, recipe.batch_size, shuffle=True, collate_fn=of.collated)  # type: ignore[arg-type]
    began = clock(of.device.type)
    moved = [p for p in model.parameters() if p.requires_grad]
    optimizer = AdamW(moved, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    warmup = round(recipe.warmup * of.updates)
    schedule = get_linear_schedule_with_warmup(optimizer, warmup, of.updates)
    model.train()
    for _ in range(recipe.epochs):
        for batch in loader:
            with autocast(of.device, recipe.precision):
                loss = model(**{name: t.to(of.device) for name, t in batch.items()}).loss
            loss.backward()
            nn.utils.clip_grad_norm_(moved, recipe.max_gradient_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    return clock(of.device.type) - began


def by_trainer(of: Subject, **arguments: object) -> float:
    """transformers' Trainer, with these arguments beside the recipe's."""
    trainer = _trainer(of, **arguments)
    began = clock(of.device.type)
    trainer.train()
    return clock(of.device.type) - began


def _trainer(of: Subject, **arguments: object) -> Trainer:
    recipe = of.stage.recipe
    given: dict[str, object] = {
        "output_dir": str(of.folder / "trainer"),
        "per_device_train_batch_size": recipe.batch_size,
        "num_train_epochs": recipe.epochs,
        "learning_rate": recipe.learning_rate,
        "weight_decay": recipe.weight_decay,
        "warmup_steps": recipe.warmup,
        "max_grad_norm": recipe.max_gradient_norm,
        "bf16": of.bfloat16,
        "use_cpu": of.device.type == "cpu",
        **{"report_to": "none", "save_strategy": "no", "logging_strategy": "no"},
        **{"eval_strategy": "no", "disable_tqdm": True},
        **arguments,
    }
    trainer = Trainer(
        of.model(),
        TrainingArguments(**given),
        of.collated,
        train_dataset=of.rows,  # type: ignore[arg-type]
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def predicted(of: Subject) -> float:
    """This project's predictions of the held-out rows."""
    model, _ = begin(of.stage, of.store, of.materials, of.device)
    (material,) = of.materials.values()
    began = clock(of.device.type)
    with _repeatable():
        row_logits(model, material.task, material.collators["test"], of.stage.recipe.precision)
    return clock(of.device.type) - began


def predicted_plainly(of: Subject, batch: int = 32) -> float:
    """Those of a plain loop, in the order of the file."""
    model = of.model().eval()
    loader = DataLoader(of.held, batch, collate_fn=of.collated)  # type: ignore[arg-type]
    began = clock(of.device.type)
    with torch.inference_mode(), autocast(of.device, of.stage.recipe.precision):
        for rows in loader:
            model(**{name: t.to(of.device) for name, t in rows.items()}).logits.cpu()
    return clock(of.device.type) - began


def predicted_by_trainer(of: Subject, **arguments: object) -> float:
    """Those of transformers' Trainer."""
    trainer = _trainer(of, **arguments)
    began = clock(of.device.type)
    trainer.predict(of.held)  # type: ignore[arg-type]
    return clock(of.device.type) - began


@contextmanager
def watching_shapes() -> Iterator[list[Shape]]:
    """Within it the list is filled with the batches, [sequences, length], that encoders learn."""
    from transformers import BertModel

    seen: list[Shape] = []
    forward = BertModel.forward

    def watched(self: BertModel, input_ids: Tensor | None = None, **others: Any) -> Any:
        if input_ids is not None and self.training and torch.is_grad_enabled():
            seen.append((input_ids.shape[0], input_ids.shape[1]))
        return forward(self, input_ids=input_ids, **others)

    BertModel.forward = watched  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        BertModel.forward = forward  # type: ignore[method-assign]
