"""Which pairs to measure next: those that decide most edges for what they cost.

A stage trains a pair, which measures an edge in each direction, and tells of other edges what they
have in common with these: so a pair is worth the edges that it is likely to decide by measuring
them, and those of which it is likely to leave no doubt by what is then expected of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from transfer_study.metrics.rows import Floats
from transfer_study.predict.known import EstimatedEdges, Ints

SURE = 0.95  # the probability beyond which an edge needs no measuring
_LEAST = 1e-12


@dataclass(frozen=True, eq=False)
class OpenEdges:
    """Edges of one setting that are not measured, and what is expected of each.

    `pair` numbers the pair that measures it; two edges of a setting have the same. `covariance` is
    of their effects, [edges, edges], `error` is the standard error that a measured one will have
    and `reach` half the width of its interval, `margin` that of its target.
    """

    pair: Ints
    mean: Floats
    covariance: Floats
    error: Floats
    reach: Floats
    margin: Floats

    def worth(self, pairs: int) -> Floats:
        """How many edges each pair is likely to settle, [pairs]."""
        n = len(self.mean)
        found = np.zeros(pairs)
        if not n:
            return found
        sd = np.sqrt(self.covariance.diagonal())
        far, near = np.maximum(self.margin, self.reach), self.margin - self.reach
        measured = _settled(self.mean, np.hypot(sd, self.error), far, near)
        found += np.bincount(self.pair, weights=measured, minlength=pairs)
        at, learned = self._learned()
        left = np.sqrt(np.maximum(sd[:, None] ** 2 - learned, 0.0))
        far = self.margin[:, None] - ndtri(1 - SURE) * left
        near = self.margin[:, None] + ndtri((1 - SURE) / 2) * left
        told = _settled(self.mean[:, None], np.sqrt(learned), far, near)
        told[self.pair[:, None] == at] = 0.0  # these are measured themselves
        found[at] += told.sum(axis=0)
        return found

    def given(self, pair: int) -> OpenEdges:
        """The other edges, if this pair is measured, whatever it shows."""
        own = self.pair == pair
        noise = np.diag(self.error[own] ** 2)
        across = self.covariance[:, own]
        explained = across @ np.linalg.solve(self.covariance[np.ix_(own, own)] + noise, across.T)
        return replace(self, covariance=self.covariance - explained)._of(~own)

    def without(self, settled: NDArray[np.bool_]) -> OpenEdges:
        """Those of which there is a doubt left."""
        return self._of(~settled)

    def _of(self, kept: NDArray[np.bool_]) -> OpenEdges:
        return OpenEdges(
            self.pair[kept],
            self.mean[kept],
            self.covariance[np.ix_(kept, kept)],
            self.error[kept],
            self.reach[kept],
            self.margin[kept],
        )

    def _learned(self) -> tuple[Ints, Floats]:
        """The pairs that there are, and the variance of each edge that each takes away."""
        at, first, n = np.unique(self.pair, return_index=True, return_counts=True)
        order = np.argsort(self.pair, kind="stable")
        last = order[np.cumsum(n) - 1]
        a, b, two = self.covariance[:, first], self.covariance[:, last], first != last
        noise = self.error**2
        of_a, of_b = (self.covariance[i, i] + noise[i] for i in (first, last))
        both = np.where(two, self.covariance[first, last], 0.0)
        apart = np.where(two, of_a * of_b - both**2, of_a * of_b)
        learned = np.where(two, (of_b * a**2 - 2 * both * a * b + of_a * b**2) / apart, a**2 / of_a)
        return at, np.clip(learned, 0.0, self.covariance.diagonal()[:, None])


def settled(estimated: EstimatedEdges, margins: Floats) -> NDArray[np.bool_]:
    """Of which pairs it is sure enough what they are, [sources, targets].

    A gain, a loss, or neither, each with a probability of `SURE`.
    """
    gain = estimated.chance_above(margins)
    loss = 1 - estimated.chance_above(-margins)
    return np.asarray(np.maximum(np.maximum(gain, loss), 1 - gain - loss) >= SURE)


def choose(edges: Sequence[OpenEdges], costs: Floats, left: float, most: int) -> list[int]:
    """The numbers of the pairs to measure next, best first: at most so many, within what is left.

    `costs` are by pair. None where no pair that can be paid for could decide anything.
    """
    chosen: list[int] = []
    while len(chosen) < most:
        worth = np.sum([one.worth(len(costs)) for one in edges], axis=0)
        worth = np.where(costs <= left, worth, 0.0)
        best = int(np.argmax(worth / np.maximum(costs, _LEAST)))
        if worth[best] <= _LEAST:
            break
        chosen.append(best)
        left -= float(costs[best])
        edges = [one.given(best) for one in edges]
    return chosen


def _settled(mean: Floats, sd: Floats, far: Floats, near: Floats) -> Floats:
    """How likely a mean around this one comes out beyond `far` on either side, or within `near`.

    Normal, which is near enough for what only ranks.
    """
    sd = np.maximum(sd, _LEAST)
    beyond = ndtr((mean - far) / sd) + ndtr((-mean - far) / sd)
    within = ndtr((near - mean) / sd) - ndtr((-near - mean) / sd)
    return np.asarray(beyond + np.maximum(within, 0.0))
