"""The epochs that a stage chose on dev, and their dev scores."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from transfer_study.store.stage_record import renamed
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage

_HISTORY = "history.jsonl"


class Epoch(BaseModel):
    """A line of the history: an epoch, from 1, and its dev scores by task, where it has any."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    epoch: int
    dev: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Chosen:
    """An epoch, from 1, and the dev score that it was chosen by."""

    epoch: int
    dev: float


def history(store: Store, stage: Stage) -> list[Epoch]:
    """The epochs of a stage in order; raises StoreError."""
    try:
        epochs = [
            Epoch.model_validate_json(line) for line in store.read(stage, _HISTORY).splitlines()
        ]
        dev = [renamed(epoch.dev, stage) if epoch.dev else {} for epoch in epochs]
        return [e.model_copy(update={"dev": named}) for e, named in zip(epochs, dev, strict=True)]
    except ValueError:
        raise store.fault(stage, _HISTORY, "is not what a stage says of its epochs") from None


def chosen_epoch(store: Store, stage: Stage, task: str | None) -> Chosen:
    """The epoch of a task's own predictions; of no task, that of the best mean over its tasks."""
    record = store.record(stage)
    epoch = record.handed_on_epoch if task is None else record.selected_epoch.get(task)
    dev = next((line.dev for line in history(store, stage) if line.epoch == epoch), {})
    if epoch is None or dev.keys() != set(stage.task_names):
        raise store.fault(
            stage, _HISTORY, f"has no dev scores of the epoch that it chose ({epoch})"
        )
    return Chosen(epoch, sum(dev.values()) / len(dev) if task is None else dev[task])
