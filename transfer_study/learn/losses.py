"""The losses of an epoch's updates, and what is to be said where one is no number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from transfer_study.data.tokens.mixing import Update
from transfer_study.errors import StudyError
from transfer_study.learn.checkpoint import State
from transfer_study.learn.material import Material
from transfer_study.points import counted
from transfer_study.study.recipes.recipe import Recipe

# Of a batch that went wrong so many examples are named; of an epoch's updates so many may have gone
# wrong where these are skipped.
_MOST_IDS, _MOST_SKIPPED = 8, 0.1


class LearningError(StudyError):
    """Training went wrong in a way that the recipe can mend."""


class Losses:
    """The losses of an epoch's updates by task, which stay on the device until its end.

    Reading a loss would wait for a GPU at every update.
    """

    def __init__(self, materials: Mapping[str, Material]) -> None:
        self._materials = materials
        self._told: dict[str, list[tuple[int, Tensor]]] = {name: [] for name in materials}

    def add(self, losses: Mapping[str, Tensor], update: int) -> None:
        """The losses of an update, counted from 1."""
        for name, loss in losses.items():
            self._told[name].append((update, loss))

    def state(self) -> State:
        """The losses of the epoch so far; not a copy."""
        return self._told

    def load(self, state: State) -> None:
        """Go on from a state."""
        self._told = state

    def of_epoch(
        self, recipe: Recipe, epoch: Sequence[Update], number: int
    ) -> tuple[dict[str, float | None], int]:
        """The mean loss of each task in an epoch, and how many updates were skipped; forgets them.

        Raises LearningError for a loss that is no finite number, unless such are to be skipped and
        are few.
        """
        means: dict[str, float | None] = {}
        faults: dict[int, tuple[str, float]] = {}
        for name, told in self._told.items():
            values = torch.stack([loss for _, loss in told]).tolist() if told else []
            finite = [value for value in values if math.isfinite(value)]
            means[name] = math.fsum(finite) / len(finite) if finite else None
            for (update, _), value in zip(told, values, strict=True):
                if not math.isfinite(value):
                    faults.setdefault(update, (name, value))
        self._told = {name: [] for name in self._told}
        few = recipe.non_finite == "skip" and len(faults) <= _MOST_SKIPPED * len(epoch)
        if faults and not few:
            update = min(faults)
            name, loss = faults[update]
            rows = dict(epoch[update - 1])[name]
            ids = [self._materials[name].data.train[row].id for row in rows]
            raise LearningError(
                f"the loss of {name} is {loss} in update {update} of {len(epoch)} of epoch "
                f"{number}, {_of_examples(ids)}{_others(len(faults), recipe)}; lower "
                "`learning_rate` or set `precision: float32`"
            )
        return means, len(faults)


def _of_examples(ids: Sequence[str]) -> str:
    """Which examples, at most so many of them by their ids."""
    left = len(ids) - _MOST_IDS
    return f"of the examples {', '.join(ids[:_MOST_IDS])}" + (
        f" and {left} more" if left > 0 else ""
    )


def _others(count: int, recipe: Recipe) -> str:
    if recipe.non_finite == "stop":
        return ""
    return f", and {counted(count, 'update')} of the epoch, more than are skipped, are like it"
