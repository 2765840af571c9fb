"""The seeded order of mini-batches: within a task, and between the tasks of a joint stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from transfer_study.data.streams import stream
from transfer_study.errors import StudyError
from transfer_study.study.recipes.recipe import Mixing, Recipe

# Rows are sorted by length within groups of at most so many batches, and there are at least so many
# groups: little padding, while batches have other members in every epoch.
_BATCHES, _GROUPS = 50, 4

Rows = NDArray[np.int64]
# The batches of an update, of one task each.
Update = list[tuple[str, Rows]]


def task_batches(
    lengths: NDArray[np.int64], batch_size: int, random: np.random.Generator
) -> list[Rows]:
    """One pass over a task: every row once, rows of like length together, batches shuffled."""
    order = random.permutation(len(lengths))
    count = -(-len(lengths) // batch_size)
    group = batch_size * min(_BATCHES, max(1, -(-count // _GROUPS)))
    batches = []
    for start in range(0, len(order), group):
        rows = order[start : start + group]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[n : n + batch_size] for n in range(0, len(rows), batch_size)]
    return [batches[n] for n in random.permutation(len(batches))]


def batches_an_epoch(batches: Mapping[str, int], recipe: Recipe) -> dict[str, int]:
    """How many batches an epoch takes from each task that has so many; mixing keeps their total.

    So do updates of every task, but for what rounding up to a whole update adds.
    """
    if recipe.epoch_updates is not None:
        (name,) = batches
        return {name: recipe.epoch_updates}
    if recipe.updates == "every_task":
        return dict.fromkeys(batches, recipe.updates_an_epoch(list(batches.values())))
    if recipe.mixing is Mixing.PROPORTIONAL or len(batches) == 1:
        return dict(batches)
    exponent = {
        Mixing.SQRT: 0.5,
        Mixing.UNIFORM: 0.0,
        Mixing.TEMPERATURE: 1 / recipe.temperature,
    }[recipe.mixing]
    total, largest = sum(batches.values()), max(batches.values())
    weights = {name: (count / largest) ** exponent for name, count in batches.items()}
    shares = {name: total * w / sum(weights.values()) for name, w in weights.items()}
    quotas = {name: max(1, int(share)) for name, share in shares.items()}

    order = {name: n for n, name in enumerate(batches)}

    def excess(name: str) -> tuple[float, int]:
        return quotas[name] - shares[name], order[name]

    while sum(quotas.values()) < total:
        quotas[min(quotas, key=excess)] += 1
    while sum(quotas.values()) > total:  # where tasks were raised to their one batch
        quotas[max((name for name in quotas if quotas[name] > 1), key=excess)] -= 1
    return quotas


def mixed_batches(
    lengths: Mapping[str, NDArray[np.int64]], keys: Mapping[str, str], recipe: Recipe, seed: int
) -> Iterator[list[Update]]:
    """The updates of each epoch, one list an epoch: batches as (task, rows).

    A task's own order is drawn from (seed, key of its data) alone: it is the same alone, in a pair
    and in the full mix. Only the interleaving depends on the company. The order in which tasks are
    given counts; their names do not.
    """
    names = list(lengths)
    kept = {name: _kept_rows(name, lengths[name], recipe) for name in names}
    passes = {name: _endless(kept[name], lengths[name], recipe, seed, keys[name]) for name in names}
    counts = {name: -(-len(kept[name]) // recipe.batch_size) for name in names}
    quotas = batches_an_epoch(counts, recipe)
    company = [keys[name] for name in names]
    for epoch in range(recipe.epochs):
        if recipe.updates == "every_task":
            updates = range(quotas[names[0]])
            yield [[(name, next(passes[name])) for name in names] for _ in updates]
            continue
        turns = [name for name in names for _ in range(quotas[name])]
        order = stream(seed, *company, "mixing", epoch).permutation(len(turns))
        yield [[(turns[n], next(passes[turns[n]]))] for n in order]


def _kept_rows(name: str, lengths: NDArray[np.int64], recipe: Recipe) -> Rows:
    if recipe.long_rows == "keep":
        return np.arange(len(lengths))
    rows = np.flatnonzero(lengths <= recipe.max_length)
    if not len(rows):
        raise StudyError(
            f"every training row of {name} has more than {recipe.max_length} word pieces and "
            "`long_rows: drop` leaves none; raise `max_length`, or keep long rows"
        )
    return rows


def _endless(
    rows: Rows, lengths: NDArray[np.int64], recipe: Recipe, seed: int, key: str
) -> Iterator[Rows]:
    size = recipe.batch_size
    if recipe.batches == "once":
        order = stream(seed, key, "batches").permutation(rows)
        cut = [order[n : n + size] for n in range(0, len(order), size)]
    cycle = 0
    while True:
        random = stream(seed, key, "order", cycle)
        if recipe.batches == "once":
            yield from (cut[n] for n in random.permutation(len(cut)))
        else:
            yield from (rows[batch] for batch in task_batches(lengths[rows], size, random))
        cycle += 1
