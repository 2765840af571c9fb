"""Trials of recipes in the store, apart from its stages: what dev said of them, epoch by epoch.

A trial is named by the content of what it learns (`spec.stage`), so that a search which goes on
where another ended, or is given more, tries nothing twice. The folder may be deleted at any time.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from transfer_study.store.store import Store
from transfer_study.study.frozen import Frozen
from transfer_study.study.search import Values
from transfer_study.study.stage import Stage


class TrialRecord(Frozen):
    """A trial that came to its end, or was stopped on its way for being worse than others."""

    stage: str
    dev: tuple[float, ...] = Field(min_length=1)  # by epoch
    seconds: float


@dataclass
class Trial:
    """One recipe on one target with one seed: the dev scores so far, and whether it goes on.

    `recipe` counts recipes from 1 in the order in which they were begun. It has `failed` where it
    raised an error or its worker died, which `message` tells, and is `cut` where the budget ended
    before it did.
    """

    recipe: int
    values: Values
    target: int
    seed: int
    epochs: int  # as many as the recipe has
    dev: list[float] = field(default_factory=list)
    state: Literal["running", "complete", "stopped", "failed", "cut"] = "running"
    seconds: float = 0.0
    message: str = ""
    known: bool = False  # from an earlier search

    @property
    def ended(self) -> bool:
        """Whether it says how good the recipe is."""
        return self.state in ("complete", "stopped", "failed")


def read_trial(store: Store, stage: Stage) -> TrialRecord | None:
    """What is recorded of a trial; None where nothing is, or nothing sound."""
    with suppress(ValueError):
        record = TrialRecord.model_validate_json(store.notes.read(_key(stage)) or b"")
        if record.stage == stage.id and len(record.dev) <= stage.recipe.epochs:
            return record
    return None


def keep_trial(store: Store, stage: Stage, trial: Trial) -> None:
    """Record a trial that ended by itself or was stopped."""
    record = TrialRecord(
        stage=stage.id,
        dev=tuple(trial.dev),
        seconds=trial.seconds,
    )
    with store.scratch("trial") as folder:
        store.notes.write(_key(stage), record.model_dump_json().encode(), folder, lasting=True)


def _key(stage: Stage) -> str:
    return f"trials/{stage.id}.json"
