"""Which tasks to train together: the best partition of tasks into a number of groups.

Tasks are numbered and a group is a bit mask of them. What a task gains in a group is measured for
some groups; for the others it is the mean of what each member does to it alone (the approximation
of Standley et al. 2020 and Fifty et al. 2021), so that a group of m tasks is worth the sum of its
pairs, both ways, over m - 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from transfer_study.metrics.rows import Floats

MOST_TASKS_EXACT = 12
MOST_TASKS = 30
NODES = 60_000  # of branch and bound; a limit of nodes, not seconds, gives the same everywhere
# What each pair of tasks in a group costs, so that of equals the partition with fewer wins.
_TIE = 1e-9
Groups = tuple[int, ...]


@dataclass(frozen=True)
class Worth:
    """What groups are worth: `pairs` [n, n] is what the row's task does to the column's.

    The diagonal does not count. `measured` gives groups that were trained, by mask, what each of
    their tasks gained; it goes before what the pairs predict.
    """

    pairs: Floats
    measured: Mapping[int, Mapping[int, float]]

    @property
    def n(self) -> int:
        """The number of tasks."""
        return len(self.pairs)

    def of(self, group: int) -> float:
        """The sum of the gains of a group's tasks."""
        if group not in self._known:
            self._known[group] = self._of(members(group), self.measured.get(group, {}))
        return self._known[group]

    def _of(self, at: tuple[int, ...], measured: Mapping[int, float]) -> float:
        if len(at) == 1:
            return 0.0
        both = self.both_ways[np.ix_(at, at)].sum() / (len(at) - 1)
        replaced = sum(gain - self.predicted(task, at) for task, gain in measured.items())
        return float(both) + replaced - _TIE * len(at) * (len(at) - 1)

    def predicted(self, task: int, at: tuple[int, ...]) -> float:
        """What the pairs say that a task gains in a group."""
        effects = [self.pairs[other, task] for other in at if other != task]
        return float(np.mean(effects))

    @cached_property
    def _known(self) -> dict[int, float]:
        return {}

    def total(self, groups: Groups) -> float:
        """The sum of the gains of all tasks."""
        return sum(map(self.of, groups))

    @cached_property
    def both_ways(self) -> Floats:
        """What two tasks do to each other, per task: [n, n], symmetric, 0 on the diagonal."""
        both = (self.pairs + self.pairs.T) / 2
        np.fill_diagonal(both, 0)
        return both


@dataclass(frozen=True)
class Partition:
    """Groups by their lowest task, what they are worth, and what no partition can exceed.

    Where the bound is the value, the partition is proved to be the best.
    """

    groups: Groups
    value: float
    bound: float

    @property
    def proved(self) -> bool:
        """Whether no other partition into so many groups is worth more."""
        return self.bound <= self.value + _TIE


@cache
def members(group: int) -> tuple[int, ...]:
    """The tasks of a mask, ascending."""
    return tuple(task for task in range(group.bit_length()) if group >> task & 1)


def best_partitions(worth: Worth, counts: range, nodes: int = NODES) -> list[Partition]:
    """The best partition into each of these numbers of groups, exact up to MOST_TASKS_EXACT."""
    if worth.n <= MOST_TASKS_EXACT:
        table = exact(worth)
        return [table[count - 1] for count in counts]
    share = max(nodes // len(counts), 1)
    return [branch_and_bound(worth, count, share) for count in counts]


def exact(worth: Worth) -> list[Partition]:
    """The best partitions into 1 to n groups, by dynamic programming over subsets: O(n 3^n)."""
    n, everything = worth.n, (1 << worth.n) - 1
    values = np.array([0.0, *(worth.of(mask) for mask in range(1, everything + 1))])
    best = np.full((everything + 1, n + 1), -np.inf)  # by subset and number of groups
    first = np.zeros((everything + 1, n + 1), dtype=np.int64)  # the group of the lowest task
    best[0, 0] = 0
    for mask in range(1, everything + 1):
        lowest = mask & -mask
        groups = _subsets(mask ^ lowest) | lowest
        reached = best[mask ^ groups, :-1] + values[groups, None]
        chosen = reached.argmax(axis=0)
        best[mask, 1:] = reached[chosen, np.arange(n)]
        first[mask, 1:] = groups[chosen]
    found = []
    for count in range(1, n + 1):
        groups_, rest = [], everything
        for left in range(count, 0, -1):
            groups_.append(int(first[rest, left]))
            rest ^= groups_[-1]
        value = float(best[everything, count])
        found.append(Partition(tuple(groups_), value, value))
    return found


def _subsets(mask: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """All subsets of a mask, ascending."""
    found = np.zeros(1, dtype=np.int64)
    for task in members(mask):
        found = np.concatenate([found, found | (1 << task)])
    return found


def branch_and_bound(worth: Worth, count: int, nodes: int = NODES) -> Partition:
    """The best partition into `count` groups that is found by bounding so many partial ones.

    Tasks are placed one by one, those with the strongest effects first, each into the open groups
    and then into a new one. The search starts from a partition that no single move betters; its
    bound is over all that was not looked into.
    """
    return _Search(worth, count).run(nodes)


class _Search:
    """Branch and bound for one number of groups."""

    def __init__(self, worth: Worth, count: int) -> None:
        self.worth, self.count = worth, count
        tasks, both = range(worth.n), worth.both_ways
        self.both: list[list[float]] = both.tolist()
        self.order = [int(t) for t in np.argsort(-np.abs(both).sum(axis=1), kind="stable")]
        # By task, the others and what is shared with them, the best first.
        self.others = [
            [(self.both[t][o], 1 << o) for o in np.argsort(-both[t], kind="stable") if o != t]
            for t in tasks
        ]
        # By task, the measured groups that it is in, and its share in each.
        known = [(group, worth.of(group) / group.bit_count()) for group in worth.measured]
        self.measured = [[(g, share) for g, share in known if g >> t & 1] for t in tasks]
        # The most that a task's share in any group of two or more can be.
        self.most = [
            max(
                (
                    *(effect - _TIE for effect, _ in self.others[t][:1]),
                    *(share for _, share in self.measured[t]),
                ),
                default=0.0,
            )
            for t in tasks
        ]

    def run(self, nodes: int) -> Partition:
        best = improve(self.worth, self._greedy())
        value = self.worth.total(best)
        left_out = -np.inf
        stack: list[tuple[float, int, Groups]] = [(self._bound(0, ()), 0, ())]
        while stack:
            bound, placed, groups = stack.pop()
            if bound <= value + _TIE / 2:
                continue
            if placed == self.worth.n:
                if (reached := self.worth.total(groups)) > value + _TIE / 2:
                    best, value = groups, reached
                continue
            if nodes <= 0:
                left_out = max(left_out, bound)
                continue
            children = [
                (min(bound, self._bound(placed + 1, child)), placed + 1, child)
                for child in self._children(placed, groups)
            ]
            nodes -= len(children)
            # The most promising is looked into first, so it goes on the stack last.
            stack += sorted(children)
        lowest_first = tuple(sorted(best, key=lambda group: group & -group))
        return Partition(lowest_first, value, max(value, left_out))

    def _children(self, placed: int, groups: Groups) -> Iterator[Groups]:
        task = 1 << self.order[placed]
        to_open, to_place = self.count - len(groups), self.worth.n - placed
        if to_place > to_open:
            for n, group in enumerate(groups):
                yield (*groups[:n], group | task, *groups[n + 1 :])
        if to_open:
            yield (*groups, task)

    def _bound(self, placed: int, groups: Groups) -> float:
        """What no partition can exceed that places the first tasks so."""
        rest = self.order[placed:]
        to_open = self.count - len(groups)
        joins = len(rest) - to_open  # of those to come, how many do not open a group
        free = sum(1 << task for task in rest) if joins else 0
        total, lone = 0.0, [self.most[task] for task in rest]
        for group in groups:
            shares = [self._share(task, group, free) for task in members(group)]
            if len(shares) == 1:
                lone += shares
            else:
                total += sum(shares)
        # A join makes two tasks at most that were alone no longer so; all others stay at 0.
        lone.sort()
        most_alone = len(lone) - len(rest) + to_open
        alone = max(len(lone) - 2 * joins, sum(share < 0 for share in lone[:most_alone]))
        return total + sum(lone[alone:])

    def _share(self, task: int, group: int, free: int) -> float:
        """The most that a task's share can be in a group of these members and some of the free."""
        row, size = self.both[task], group.bit_count() - 1
        total = sum(row[other] for other in members(group))
        best = total / size - _TIE * size if size else 0.0
        for effect, other in self.others[task]:
            if other & free:
                if effect <= (total / size if size else 0.0):
                    break
                total, size = total + effect, size + 1
                best = max(best, total / size - _TIE * size)
        around = [share for known, share in self.measured[task] if known & group == group]
        return max(best, *around) if around else best

    def _greedy(self) -> Groups:
        """Merge, from each task alone, the two groups whose union loses least or gains most."""
        groups = [1 << task for task in range(self.worth.n)]
        while len(groups) > self.count:
            _, a, b = max(
                (self.worth.of(x | y) - self.worth.of(x) - self.worth.of(y), -i, -j)
                for i, x in enumerate(groups)
                for j, y in enumerate(groups[:i])
            )
            union = groups[-a] | groups[-b]
            groups = [group for group in groups if not group & union] + [union]
        return tuple(groups)


def improve(worth: Worth, groups: Groups) -> Groups:
    """Move one task to another group, or exchange two, as long as that is worth more."""
    now = list(groups)
    moved = True
    while moved:
        moved = False
        for changed in _neighbours(now, worth.n):
            before = sum(worth.of(now[n]) for n in changed)
            if sum(map(worth.of, changed.values())) > before + _TIE / 2:
                for n, group in changed.items():
                    now[n] = group
                moved = True
                break
    return tuple(now)


def _neighbours(groups: list[int], n: int) -> Iterator[dict[int, int]]:
    """The groups that a move or an exchange changes, by place."""
    home = {task: at for at, group in enumerate(groups) for task in members(group)}
    for task in range(n):
        a, bit = home[task], 1 << task
        for b in range(len(groups)):
            if b != a and groups[a] != bit:
                yield {a: groups[a] ^ bit, b: groups[b] | bit}
        for other in range(task):
            b, their = home[other], 1 << other
            if b != a:
                yield {a: groups[a] ^ bit ^ their, b: groups[b] ^ bit ^ their}
