"""The order of tasks in a large matrix: tasks that give and take alike stand side by side.

A task's profile holds its effects on all others and theirs on it. Families stay together: tasks
are clustered within each, and the families among themselves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import pdist

Profiles = NDArray[np.float64]


def cluster_tasks(
    families: Mapping[str, str], effects: Mapping[tuple[str, str], float]
) -> list[str]:
    """Order tasks by hierarchical clustering of their profiles; the order of arguments is nothing.

    `families` has the family of each task, `effects` the delta of a source on a target; what is
    unknown, NaN or absent, counts as 0.
    """
    tasks = sorted(families)
    profiles = _profiles(tasks, effects)
    members = {
        family: [i for i, task in enumerate(tasks) if families[task] == family]
        for family in sorted(set(families.values()))
    }
    means = np.stack([profiles[places].mean(axis=0) for places in members.values()])
    ordered = [list(members.values())[i] for i in _order(means)]
    return [tasks[places[i]] for places in ordered for i in _order(profiles[places])]


def _profiles(tasks: Sequence[str], effects: Mapping[tuple[str, str], float]) -> Profiles:
    """What each task gives and takes, a row (2n) a task."""
    index = {task: i for i, task in enumerate(tasks)}
    matrix = np.zeros((len(tasks), len(tasks)))
    for (source, target), delta in effects.items():
        if not math.isnan(delta):
            matrix[index[source], index[target]] = delta
    return np.hstack([matrix, matrix.T])


def _order(profiles: Profiles) -> list[int]:
    """The rows by average linkage, neighbouring leaves as like as they can be."""
    if len(profiles) < 3:
        return list(range(len(profiles)))
    # Rounded, so that the last bit of a sum decides no tie.
    distances = np.round(pdist(profiles), 9)
    return [
        int(i) for i in leaves_list(optimal_leaf_ordering(linkage(distances, "average"), distances))
    ]
