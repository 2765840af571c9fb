"""What a user without this project would run: one set of tasks, one encoder, transformers' Trainer.

    python benchmarks/by_trainer.py RUN.json

RUN.json is a `Run`, below. Trains on all of its tasks, each batch of one task and of rows of like
length, predicts test of the last task, and prints as JSON after how many seconds learning began and
ended.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """Tasks by name with their numbers of outputs, the recipe, and where it runs.

    `rows/TASK.json` holds the tokenised rows of train and test; sentences whose words are labelled
    have a label a piece.
    """

    encoder: str
    rows: str
    tasks: Mapping[str, int]
    labels_words: Sequence[str]
    mean_pooling: bool
    epochs: int
    batch: int
    rate: float
    decay: float
    warmup: float
    clip: float
    dropout: float
    frozen: int
    bfloat16: bool
    device: str
    threads: int
    own_cpu: (
        bool  # whether its seconds are of the processor; else of the wall, since it was started
    )
    seed: int
    folder: str


def learn(run: Run) -> dict[str, float]:
    """Train and predict; seconds until learning began, until it had ended, and in all."""
    import psutil
    import torch
    from torch import Tensor, nn
    from torch.utils.data import DataLoader, Sampler
    from transformers import (
        AutoModel,
        AutoTokenizer,
        DataCollatorForTokenClassification,
        DataCollatorWithPadding,
        PrinterCallback,
        Trainer,
        TrainingArguments,
        set_seed,
    )
    from transformers.trainer_pt_utils import LengthGroupedSampler

    torch.set_num_threads(run.threads)
    set_seed(run.seed)
    tokenizer = AutoTokenizer.from_pretrained(run.encoder)
    data = {
        name: json.loads(Path(run.rows, f"{name}.json").read_text(encoding="utf-8"))
        for name in run.tasks
    }

    class Heads(nn.Module):
        """An encoder with a head a task."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(run.encoder)
            size = self.encoder.config.hidden_size
            self.heads = nn.ModuleDict({n: nn.Linear(size, k) for n, k in run.tasks.items()})
            self.dropout = nn.Dropout(run.dropout)
            if run.frozen:
                lowest = self.encoder.encoder.layer[: run.frozen]
                for part in (self.encoder.embeddings, *lowest):
                    part.requires_grad_(False)

        def forward(
            self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor, task: str
        ) -> dict[str, Tensor]:
            """The loss of a batch of a task, and its logits."""
            encoded = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
            features = encoded.last_hidden_state
            if task not in run.labels_words:
                weights = attention_mask.unsqueeze(-1).to(features.dtype)
                mean = (features * weights).sum(1) / weights.sum(1)
                features = mean if run.mean_pooling else encoded.pooler_output
            logits = self.heads[task](self.dropout(features)).float()
            loss = nn.functional.cross_entropy(logits.flatten(0, -2), labels.flatten())
            return {"loss": loss, "logits": logits}

    padded = {
        name: (DataCollatorForTokenClassification if words else DataCollatorWithPadding)(
            tokenizer, pad_to_multiple_of=8 if run.device == "cuda" else None
        )
        for name in run.tasks
        for words in (name in run.labels_words,)
    }

    def collated(rows: list[dict[str, Any]]) -> dict[str, Any]:
        task = rows[0]["task"]
        alike = [{k: v for k, v in row.items() if k != "task"} for row in rows]
        return {**padded[task](alike), "task": task}

    class OneTaskBatches(Sampler[list[int]]):
        """Every row once, in batches of one task and of like length, in an order of chance."""

        def __init__(self, lengths: Mapping[str, list[int]]) -> None:
            self._lengths = lengths

        def __len__(self) -> int:
            return sum(-(-len(of) // run.batch) for of in self._lengths.values())

        def __iter__(self) -> Iterator[list[int]]:
            batches, first = [], 0
            for of in self._lengths.values():
                order = [first + n for n in LengthGroupedSampler(run.batch, lengths=of)]
                batches += [order[n : n + run.batch] for n in range(0, len(order), run.batch)]
                first += len(of)
            yield from (batches[n] for n in torch.randperm(len(batches)))

    class OneTaskTrainer(Trainer):  # type: ignore[misc]
        """A Trainer whose batches are of one task."""

        def get_train_dataloader(self) -> DataLoader[Any]:
            """The batches of all tasks."""
            lengths = {n: [len(r["input_ids"]) for r in d["train"]] for n, d in data.items()}
            batches = OneTaskBatches(lengths)
            loader = DataLoader(self.train_dataset, batch_sampler=batches, collate_fn=collated)
            prepared: DataLoader[Any] = self.accelerator.prepare(loader)
            return prepared

    arguments = TrainingArguments(
        output_dir=run.folder,
        per_device_train_batch_size=run.batch,
        per_device_eval_batch_size=64,
        num_train_epochs=run.epochs,
        learning_rate=run.rate,
        weight_decay=run.decay,
        warmup_steps=run.warmup,
        max_grad_norm=run.clip,
        bf16=run.bfloat16,
        use_cpu=run.device == "cpu",
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,
        label_names=["labels"],
        **{"report_to": "none", "save_strategy": "no", "logging_strategy": "no"},
        disable_tqdm=True,
        seed=run.seed,
    )

    def since_start() -> float:
        if run.own_cpu:
            return time.process_time()
        return time.time() - psutil.Process().create_time()

    named = {n: {s: [{**r, "task": n} for r in d[s]] for s in d} for n, d in data.items()}
    rows = [row for of in named.values() for row in of["train"]]
    trainer = OneTaskTrainer(Heads(), arguments, collated, train_dataset=rows)
    trainer.remove_callback(PrinterCallback)
    began = since_start()
    trainer.train()
    trained = since_start()
    trainer.predict(named[list(run.tasks)[-1]]["test"])
    return {"began": began, "trained": trained, "ended": since_start()}


if __name__ == "__main__":
    given = Run(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    print(json.dumps(learn(given)))
