"""The order of tasks in a large matrix."""

from __future__ import annotations

import itertools
import math

import numpy as np

from transfer_study.analysis.graph.clustering import cluster_tasks


def camps(tasks: list[str], camp: dict[str, int]) -> dict[tuple[str, str], float]:
    """Tasks of one camp help one another, those of different camps hurt."""
    pairs = itertools.permutations(tasks, 2)
    return {(a, b): 0.1 if camp[a] == camp[b] else -0.1 for a, b in pairs}


def runs(values: list[int]) -> int:
    return sum(1 for _ in itertools.groupby(values))


def test_tasks_that_transfer_alike_stand_side_by_side():
    tasks = [f"t{i:02}" for i in range(30)]
    camp = {task: i % 3 for i, task in enumerate(tasks)}
    order = cluster_tasks(dict.fromkeys(tasks, "one"), camps(tasks, camp))
    assert sorted(order) == tasks
    assert runs([camp[task] for task in order]) == 3


def test_families_stay_together_and_are_clustered_within():
    tasks = [f"t{i:02}" for i in range(24)]
    families = {task: f"family{i % 4}" for i, task in enumerate(tasks)}
    camp = {task: i // 4 % 2 for i, task in enumerate(tasks)}
    order = cluster_tasks(families, camps(tasks, camp))
    assert runs([hash(families[task]) for task in order]) == 4
    for family in set(families.values()):
        assert runs([camp[task] for task in order if families[task] == family]) == 2


def test_the_order_of_the_arguments_means_nothing():
    random = np.random.default_rng(0)
    tasks = [f"t{i}" for i in range(13)]
    effects = {ends: float(random.normal()) for ends in itertools.permutations(tasks, 2)}
    families = {task: str(i % 2) for i, task in enumerate(tasks)}
    other = dict(reversed(families.items())), dict(reversed(effects.items()))
    assert cluster_tasks(families, effects) == cluster_tasks(*other)


def test_what_is_unknown_counts_as_no_effect():
    families = dict.fromkeys("abcd", "one")
    known = {("a", "b"): 0.1, ("c", "d"): -0.1}
    unknown = {**known, ("b", "c"): math.nan}
    assert cluster_tasks(families, unknown) == cluster_tasks(families, known)
    assert cluster_tasks(families, {}) == cluster_tasks(families, {})
    assert cluster_tasks({"a": "one"}, {}) == ["a"]
