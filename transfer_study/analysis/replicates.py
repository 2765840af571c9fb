"""Scores of all models on one test set, and how they vary where its examples are drawn again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from transfer_study.data.streams import stream
from transfer_study.metrics import Statistics, from_sums
from transfer_study.metrics.rows import Floats
from transfer_study.spec.task import MetricName

RESAMPLES = 10_000
_CHUNK = 1_000


@dataclass(frozen=True, eq=False)
class TestSet:
    """What the metric needs of the answers of several models to one test set.

    `statistics` is [units, models, k], summed by document: a unit is a document, or an example
    where documents are not known. `n` counts examples; `stages` names the models.
    """

    task: str
    metric: MetricName
    n: int
    stages: tuple[str, ...]
    statistics: Floats

    __test__ = False  # not a test case of pytest

    @classmethod
    def of(cls, task: str, metric: MetricName, n: int, models: Mapping[str, Statistics]) -> TestSet:
        """Gather the statistics of models, by stage id, whose rows are of the same examples."""
        rows = [_by_unit(statistics) for statistics in models.values()]
        return cls(task, metric, n, tuple(models), np.stack(rows, axis=1))

    @property
    def units(self) -> int:
        """How many documents are drawn at a time."""
        return len(self.statistics)

    def scores(self) -> dict[str, float]:
        """The score of every model by its stage id."""
        values = from_sums(self.metric, self.statistics.sum(axis=0))
        return dict(zip(self.stages, map(float, values), strict=True))

    def replicates(self, stages: Sequence[str]) -> Floats:
        """The scores of these models on resampled examples, [models, RESAMPLES].

        A resample draws the same documents for every model.
        """
        place = {identity: m for m, identity in enumerate(self.stages)}
        return self._replicates[[place[identity] for identity in stages]]

    @cached_property
    def _replicates(self) -> Floats:
        flat = self.statistics.reshape(self.units, -1)
        shape = -1, *self.statistics.shape[1:]
        scores = [
            from_sums(self.metric, (counts @ flat).reshape(shape))
            for counts in _counts(self.task, self.units, RESAMPLES)
        ]
        return np.concatenate(scores).T


def _by_unit(statistics: Statistics) -> Floats:
    names, unit = np.unique(np.array(statistics.units), return_inverse=True)
    sums = np.zeros((len(names), statistics.values.shape[1]))
    np.add.at(sums, unit, statistics.values)
    return sums


def _counts(task: str, units: int, resamples: int) -> Iterator[Floats]:
    """How often each unit is in each resample, some rows at a time."""
    for counts in _drawn(task, units, resamples):
        yield counts.astype(np.float64)


@lru_cache(maxsize=4)
def _drawn(task: str, units: int, resamples: int) -> list[NDArray[np.uint8]]:
    generator = stream(task, units, "bootstrap")
    chunks = []
    for start in range(0, resamples, _CHUNK):
        rows = min(_CHUNK, resamples - start)
        drawn = generator.integers(units, size=(rows, units))
        drawn += units * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * units)
        chunks.append(counts.reshape(rows, units).astype(np.uint8))
    return chunks
