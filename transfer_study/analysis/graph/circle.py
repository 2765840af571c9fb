"""Places for tasks on a circle: families side by side, tasks that move one another close together.

An order is a tuple of families, each a tuple of tasks, read counter-clockwise from the top. Orders
are compared by what they cost: the sum over pairs of strength times distance.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from transfer_study.metrics.rows import Floats

Order = tuple[tuple[str, ...], ...]
_T = TypeVar("_T")

GAP = 0.6  # between two families, in the distance of two neighbours
EXACT = 6_000  # orders that are all tried; eight tasks of one family have 5,040
STARTS = 4  # orders from which the local search sets out
DIGITS = 9  # of costs: equal ones tie whatever the order of summation


def place_on_circle(
    families: Mapping[str, str], strengths: Mapping[tuple[str, str], float]
) -> dict[str, tuple[float, float]]:
    """Give every task its point on the unit circle; the order of the arguments means nothing.

    `families` has the family of each task, `strengths` how strongly a task (first) acts on another.
    """
    if len(families) < 2:
        return dict.fromkeys(families, (0.0, 0.0))
    order = _best_order(families, strengths)
    angles = _angles(tuple(map(len, order)))
    # Rounded, so that the last bit of a platform's cosine is never written to a file.
    return {
        task: (round(math.cos(angle), 6) + 0.0, round(math.sin(angle), 6) + 0.0)
        for task, angle in zip(itertools.chain(*order), angles.tolist(), strict=True)
    }


def _best_order(families: Mapping[str, str], strengths: Mapping[tuple[str, str], float]) -> Order:
    names = sorted(families)
    cost = _Cost(names, strengths)
    first: Order = tuple(
        tuple(name for name in names if families[name] == family)
        for family in sorted(set(families.values()))
    )
    if _number_of_orders(first) <= EXACT:
        return min(_all_orders(first), key=cost)
    return min((_descend(start, cost) for start in _starts(first)), key=cost)


def _angles(sizes: tuple[int, ...]) -> Floats:
    """The angles of all places, families of these sizes one after the other.

    One family stands with a task, or the middle between two, at the top; of several families the
    first is centred on the left, so that two of them face each other.
    """
    tasks = sum(sizes)
    if len(sizes) == 1:
        steps = np.arange(tasks) + (0.5 if tasks % 2 == 0 else 0.0)
        start, turn = np.pi / 2, float(tasks)
    else:
        steps = np.arange(tasks) + GAP * np.repeat(np.arange(len(sizes)), sizes)
        steps = steps - (sizes[0] - 1) / 2
        start, turn = np.pi, tasks + GAP * len(sizes)
    return np.asarray(start + 2 * np.pi * steps / turn, dtype=np.float64)


class _Cost:
    """What an order costs, rounded so that equal orders tie whatever the order of summation."""

    def __init__(self, names: list[str], strengths: Mapping[tuple[str, str], float]) -> None:
        self._index = {name: i for i, name in enumerate(names)}
        self._strengths = np.zeros((len(names), len(names)))
        for (source, target), strength in sorted(strengths.items()):
            self._strengths[self._index[source], self._index[target]] = strength
        self._strengths += self._strengths.T
        self._distances: dict[tuple[int, ...], Floats] = {}

    def __call__(self, order: Order) -> float:
        strengths, distances = self.placed(order)
        return round(float((strengths * distances).sum()) / 2, DIGITS)

    def placed(self, order: Order) -> tuple[Floats, Floats]:
        """How strongly the tasks at two places act on each other, and how far apart these are."""
        sizes = tuple(map(len, order))
        if sizes not in self._distances:
            angles = _angles(sizes)
            self._distances[sizes] = np.abs(np.sin((angles[:, None] - angles[None, :]) / 2))
        at = [self._index[name] for family in order for name in family]
        return self._strengths[np.ix_(at, at)], self._distances[sizes]


def _number_of_orders(order: Order) -> int:
    if len(order) == 1:
        return math.factorial(len(order[0]) - 1)
    within = math.prod(math.factorial(len(family)) for family in order)
    return math.factorial(len(order) - 1) * within


def _all_orders(order: Order) -> Iterator[Order]:
    """Every order but for rotations: the first family, or the first of all tasks, stays first."""
    if len(order) == 1:
        head, *rest = order[0]
        yield from (((head, *tail),) for tail in itertools.permutations(rest))
        return
    for others in itertools.permutations(order[1:]):
        yield from itertools.product(*map(itertools.permutations, (order[0], *others)))


def _starts(order: Order) -> Iterator[Order]:
    yield order
    random = np.random.default_rng(0)
    for _ in range(STARTS - 1):
        yield tuple(
            tuple(order[f][i] for i in random.permutation(len(order[f])))
            for f in random.permutation(len(order))
        )


def _descend(order: Order, cost: _Cost) -> Order:
    """Take what shortens most, until nothing does.

    Two tasks of a family exchanged; where that is of no use, a run in a family turned round; and
    where neither is, two families exchanged.
    """
    while True:
        strengths, distances = cost.placed(order)
        pull = strengths @ distances
        ends = itertools.accumulate(map(len, order), initial=0)
        families = list(itertools.pairwise(ends))
        tasks = tuple(itertools.chain(*order))
        (i, j), change = _most(_exchanges(strengths, distances, pull, families))
        if change < 0:
            order = _in_families(_exchanged(tasks, i, j), families)
            continue
        (i, j), change = _most(_turns(strengths, distances, pull, families))
        if change < 0:
            turned = (*tasks[:i], *reversed(tasks[i : j + 1]), *tasks[j + 1 :])
            order = _in_families(turned, families)
            continue
        others = [_exchanged(order, *pair) for pair in itertools.combinations(range(len(order)), 2)]
        best = min(others, key=cost, default=order)
        if cost(best) >= cost(order):
            return order
        order = best


def _in_families(tasks: tuple[str, ...], families: Sequence[tuple[int, int]]) -> Order:
    return tuple(tasks[start:end] for start, end in families)


def _exchanges(
    strengths: Floats, distances: Floats, pull: Floats, families: Sequence[tuple[int, int]]
) -> Floats:
    """What it changes the cost by to exchange the tasks at two places, if of one family."""
    own = np.diag(pull)
    changes = pull + pull.T - own[:, None] - own[None, :] + 2 * strengths * distances
    alike = np.zeros(changes.shape, dtype=bool)
    for start, end in families:
        alike[start:end, start:end] = True
    return np.where(alike, changes, 0.0)


def _turns(
    strengths: Floats, distances: Floats, pull: Floats, families: Sequence[tuple[int, int]]
) -> Floats:
    """Likewise to turn round what is between two places of a family, both included.

    Within the run distances stay, for the places of a family are at equal steps.
    """
    changes = np.zeros(strengths.shape)
    for start, end in families:
        for i, j in itertools.combinations(range(start, end), 2):
            run = slice(i, j + 1)
            around = pull[run, run]
            within, apart = strengths[run, run], distances[run, run]
            moved = np.trace(around[::-1]) - np.trace(around)
            changes[i, j] = moved - ((within[::-1] - within) * apart).sum()
    return changes


def _most(changes: Floats) -> tuple[tuple[int, int], float]:
    """The two places of the greatest change for the better, and the change; rounded as costs."""
    rounded = np.round(changes, DIGITS)
    i, j = divmod(int(rounded.argmin()), len(rounded))
    return (i, j), float(rounded[i, j])


def _exchanged(items: tuple[_T, ...], i: int, j: int) -> tuple[_T, ...]:
    swapped = list(items)
    swapped[i], swapped[j] = items[j], items[i]
    return tuple(swapped)
