"""The original study's choices as one word of a study file: `protocol: clean | paper | both`.

What MT-BERT's code and scripts do, switch by switch; a key that a study file writes goes before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from transfer_study.study.frozen import Word
from transfer_study.study.tasks.task import MetricName


class Protocol(Word):
    """How a study trains, selects and scores."""

    CLEAN = "clean"  # train on train, select on dev, strict scoring
    PAPER = "paper"  # as the original study did
    BOTH = "both"  # both side by side, and what each of the paper's choices is worth


# Between the two: the paper's recipe under the clean protocol, so that train + dev and the choice
# of the epoch can be told from optimiser, batches and windows.
PAPER_RECIPE = "recipe"

_RECIPE: dict[str, Any] = {
    "batch_size": 32,
    "learning_rate": 5e-5,
    "optimizer": "bert_adam",
    "schedule": "warmup_linear",
    "batches": "once",
    "long_rows": "drop",
    "pair_order": "second_first",
    "odd_piece": "first_text",
    "windows": "after_gold_outside",
    "tagged_pieces": "all",
}
_DISHONEST: dict[str, Any] = {"train_on": "train_and_dev", "selection": "best_test"}
_REFINE: dict[str, Any] = {"epochs": 100, "max_tensor_norm": 1.0}
_FINETUNE: dict[str, dict[str, Any]] = {
    "clinicalsts": {"epochs": 30, "learning_rate": 5e-5},
    "biosses": {"epochs": 20, "learning_rate": 5e-6},
    "mednli": {"epochs": 10, "learning_rate": 1e-5},
    "i2b2-2010-re": {"epochs": 10, "learning_rate": 2e-5, "max_tensor_norm": 1.0},
    "chemprot": {"epochs": 20, "learning_rate": 2e-5},
    "ddi2013-type": {"epochs": 10, "learning_rate": 5e-5},
    "bc5cdr-chemical": {"epochs": 20, "learning_rate": 5e-5},
    "bc5cdr-disease": {"epochs": 20, "learning_rate": 6e-5},
    "shareclefe": {"epochs": 20, "learning_rate": 5e-5},
}
_METRICS = {"ddi2013-type": MetricName.MICRO_F1}


def paper_refine(written: Mapping[str, Any], *, honest: bool = False) -> dict[str, Any]:
    """The recipe of joint training as in the paper; `honest` keeps train, dev and test apart."""
    return {**_RECIPE, **({} if honest else _DISHONEST), **_REFINE, **written}


def paper_finetune(
    written: Mapping[str, Any], tasks: Iterable[str], *, honest: bool = False
) -> dict[str, Any]:
    """The recipes of fine-tuning under the paper's protocol, with those of these tasks."""
    changes: Mapping[str, Any] = written.get("tasks", {})
    # What is written for all tasks goes before the paper's recipe of one.
    own = {
        name: {k: v for k, v in _FINETUNE[name].items() if k not in written}
        for name in tasks
        if name in _FINETUNE
    }
    by_task = {name: {**own.get(name, {}), **changes.get(name, {})} for name in {**own, **changes}}
    return {**_RECIPE, **({} if honest else _DISHONEST), **written, "tasks": by_task}


def paper_metric(name: str, clean: MetricName) -> MetricName:
    """The metric by which the original code scores a task."""
    if clean is MetricName.ENTITY_F1:
        return MetricName.LENIENT_ENTITY_F1
    return _METRICS.get(name, clean)
