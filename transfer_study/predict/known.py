"""What is known of a study's edges before all are measured, and what is estimated of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from transfer_study.metrics.rows import Floats

Ints = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class KnownEdges:
    """The edges of one encoder and arm that are measured, among all that there are.

    `measured` has a row an edge: source, target, delta, its standard `error`, and the part of that
    which is of a baseline that all edges on the target share, `shared`. `noise` is by target what
    one run of it varies by, as a standard deviation. `earlier` are tables with source, target and
    delta of other encoders or studies, of edges between some of the same tasks.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    measured: pd.DataFrame
    noise: Mapping[str, float]
    earlier: Sequence[pd.DataFrame] = field(default_factory=tuple)

    @cached_property
    def ends(self) -> tuple[Ints, Ints]:
        """The numbers of the source and of the target of each measured edge."""
        return self.places(self.measured)

    def places(self, table: pd.DataFrame) -> tuple[Ints, Ints]:
        """Likewise of the rows of another table, whose tasks are among these."""
        return (
            pd.Index(self.sources).get_indexer(pd.Index(table["source"])),
            pd.Index(self.targets).get_indexer(pd.Index(table["target"])),
        )


@dataclass(frozen=True, eq=False)
class EstimatedEdges:
    """Of every pair the effect that is expected and how far it may be off, [sources, targets].

    The effect is as likely as a t says, of this `scale` around the mean: how large effects on a
    target are is known from few edges, with `freedom` degrees, [targets].
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    mean: Floats
    scale: Floats
    freedom: Floats

    def chance_above(self, size: ArrayLike) -> Floats:
        """The probability that an effect is larger than this, one number or one a target."""
        return np.asarray(stdtr(self.freedom, (self.mean - np.asarray(size)) / self.scale))

    def reach(self, level: float = 0.95) -> Floats:
        """Half the width of the interval that holds an effect with this probability."""
        return np.asarray(stdtrit(self.freedom, (1 + level) / 2) * self.scale)

    def table(self, margins: ArrayLike) -> pd.DataFrame:
        """One row a pair of two tasks: what is expected, its interval, and how likely what is.

        `gain` and `loss` are the probabilities of effects beyond the margin of the target.
        """
        reach = self.reach()
        numbers = {
            "expected": self.mean,
            "low": self.mean - reach,
            "high": self.mean + reach,
            "gain": self.chance_above(margins),
            "loss": 1 - self.chance_above(-np.asarray(margins)),
        }
        source, target = np.indices(self.mean.shape)
        table = pd.DataFrame(
            {
                "source": np.array(self.sources, dtype=object)[source.ravel()],
                "target": np.array(self.targets, dtype=object)[target.ravel()],
                **{name: values.ravel() for name, values in numbers.items()},
            }
        )
        return table[table["source"] != table["target"]].reset_index(drop=True)


class EdgeEstimator(Protocol):
    """Estimates all edges from those that are known."""

    def estimate(self, known: KnownEdges) -> EstimatedEdges:
        """Raises ValueError where nothing is measured."""
