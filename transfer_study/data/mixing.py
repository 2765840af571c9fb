"""The seeded order of mini-batches: within a task, and between the tasks of a joint stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from transfer_study.data.streams import stream
from transfer_study.spec.recipe import Mixing, Recipe

# Rows are sorted by length within groups of so many batches: little padding, still random.
_BUCKET = 50

Rows = NDArray[np.int64]


def task_batches(
    lengths: NDArray[np.int64], batch_size: int, random: np.random.Generator
) -> list[Rows]:
    """One pass over a task: every row once, rows of like length together, batches shuffled."""
    order = random.permutation(len(lengths))
    group = batch_size * _BUCKET
    batches = []
    for start in range(0, len(order), group):
        rows = order[start : start + group]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[n : n + batch_size] for n in range(0, len(rows), batch_size)]
    return [batches[n] for n in random.permutation(len(batches))]


def batches_an_epoch(batches: Mapping[str, int], recipe: Recipe) -> dict[str, int]:
    """How many batches an epoch takes from each task that has so many; the total never changes."""
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

    def excess(name: str) -> tuple[float, str]:  # ties by name: the order of writing means nothing
        return quotas[name] - shares[name], name

    while sum(quotas.values()) < total:
        quotas[min(quotas, key=excess)] += 1
    while sum(quotas.values()) > total:  # where tasks were raised to their one batch
        quotas[max((name for name in quotas if quotas[name] > 1), key=excess)] -= 1
    return quotas


def mixed_batches(
    lengths: Mapping[str, NDArray[np.int64]], recipe: Recipe, seed: int
) -> Iterator[list[tuple[str, Rows]]]:
    """The batches of each epoch as (task, rows), one list an epoch.

    A task's own order is drawn from (seed, task) alone: it is the same alone, in a pair and in
    the full mix. Only the interleaving depends on the company.
    """
    names = sorted(lengths)
    passes = {name: _endless(lengths[name], recipe.batch_size, seed, name) for name in names}
    counts = {name: -(-len(lengths[name]) // recipe.batch_size) for name in names}
    quotas = batches_an_epoch(counts, recipe)
    for epoch in range(recipe.epochs):
        turns = [name for name in names for _ in range(quotas[name])]
        order = stream(seed, *names, "mixing", epoch).permutation(len(turns))
        yield [(turns[n], next(passes[turns[n]])) for n in order]


def _endless(lengths: NDArray[np.int64], batch_size: int, seed: int, name: str) -> Iterator[Rows]:
    cycle = 0
    while True:
        yield from task_batches(lengths, batch_size, stream(seed, name, "order", cycle))
        cycle += 1
