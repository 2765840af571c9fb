"""What is paid for judging edges at several looks: early ones ask for much, the last for little.

An edge is decided at look k, with a share t_k of the most seeds, where its z exceeds c / √t_k
(O'Brien and Fleming, 1979). Over all looks an edge without an effect exceeds that with a chance of
at most Σ 2Φ(-c / √t_j), however the looks depend on one another; with c from what was found, this
sum is the p of the edge, which any correction for many edges takes as it takes another.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from transfer_study.metrics.rows import Floats

_FARTHEST = 39.0  # standard deviations, where a normal tail is next to nothing


@dataclass(frozen=True)
class Sequential:
    """The numbers of seeds at which edges are judged, in rising order."""

    counts: tuple[int, ...] = ()

    def p(self, p: ArrayLike, n_seeds: ArrayLike) -> Floats:
        """What p of so many seeds are worth where there are all these looks; NaN stay."""
        if len(self.counts) < 2:
            return np.asarray(p, dtype=np.float64)
        c = np.sqrt(self._share(n_seeds)) * -ndtri(np.asarray(p, dtype=np.float64) / 2)
        return np.minimum(self._chance(c), 1.0)

    def level(self, level: float, n_seeds: int) -> float:
        """The level of an interval of so many seeds that goes with such a `p` at this level."""
        if len(self.counts) < 2:
            return level
        c = _critical(self.counts, level)
        return float(2 * ndtr(-c / np.sqrt(self._share(n_seeds))))

    def _share(self, n_seeds: ArrayLike) -> Floats:
        return np.asarray(n_seeds, dtype=np.float64) / self.counts[-1]

    def _chance(self, c: Floats) -> Floats:
        shares = self._share(self.counts)
        return np.asarray(2 * ndtr(-c[..., None] / np.sqrt(shares)).sum(axis=-1))


ONCE = Sequential()


@lru_cache
def _critical(counts: tuple[int, ...], level: float) -> float:
    """The c at which the looks' chances add up to the level."""

    def excess(c: float) -> float:
        return float(Sequential(counts)._chance(np.asarray(c))) - level

    return float(brentq(excess, 0.0, _FARTHEST, xtol=1e-12)) if excess(0.0) > 0 else 0.0
