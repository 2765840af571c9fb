"""The epochs that a stage chose on dev, and their dev scores."""

from __future__ import annotations

import json
from dataclasses import dataclass

from transfer_study.records.store import Store
from transfer_study.spec.stage import Stage


@dataclass(frozen=True, slots=True)
class Chosen:
    """An epoch, from 1, and the dev score that it was chosen by."""

    epoch: int
    dev: float


def chosen_epoch(store: Store, stage: Stage, task: str | None) -> Chosen:
    """The epoch of a task's own predictions; of no task, that of the best mean over its tasks."""
    record = store.read_json(stage, "stage.json")
    epoch = record["handed_on_epoch"] if task is None else record["selected_epoch"][task]
    history = map(json.loads, store.read(stage, "history.jsonl").decode().splitlines())
    dev = next(line["dev"] for line in history if line["epoch"] == epoch)
    return Chosen(epoch, sum(dev.values()) / len(dev) if task is None else dev[task])
