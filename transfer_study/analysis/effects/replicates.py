"""Scores of all models on one test set, and how they vary where its examples are drawn again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from transfer_study.analysis.effects.scores_on_test import RESAMPLES, possible
from transfer_study.analysis.effects.uncertainty import Interval
from transfer_study.data.streams import stream
from transfer_study.metrics import Statistics, from_sums, score_span
from transfer_study.metrics.rows import Floats
from transfer_study.study.tasks.task import MetricName

_CHUNK = 250  # resamples at a time: some tens of MB for 16,000 documents
# Whole numbers below it are exact in float32, and so are their sums, in whatever order they are
# added.
_EXACT = 2**24


@dataclass(frozen=True, eq=False)
class TestSet:
    """What the metric needs of the answers of several models to one test set.

    `statistics` is [units, models, k], summed by document: a unit is a document, or an example
    where documents are not known. `n` counts examples; `stages` names the models. `constant` is the
    score of the best constant answer, which a model that has learned is above.
    """

    task: str
    metric: MetricName
    n: int
    constant: float
    stages: tuple[str, ...]
    statistics: Floats

    __test__ = False  # not a test case of pytest

    @classmethod
    def of(
        cls,
        task: str,
        metric: MetricName,
        n: int,
        constant: float,
        models: Mapping[str, Statistics],
    ) -> TestSet:
        """Gather the statistics of models, by stage id, whose rows are of the same examples."""
        rows = [_by_unit(statistics) for statistics in models.values()]
        return cls(task, metric, n, constant, tuple(models), np.stack(rows, axis=1))

    @property
    def documents(self) -> int:
        """How many documents are drawn at a time."""
        return len(self.statistics)

    @property
    def units(self) -> float:
        """The same."""
        return float(self.documents)

    @property
    def resamples(self) -> int:
        """How often they are drawn again."""
        return RESAMPLES

    def possible(self, interval: Interval, baseline: float, terms: int = 1) -> Interval:
        """As `ScoresOnTest` says."""
        return possible(interval, baseline, 1 - score_span(self.metric), terms)

    def scores(self) -> Mapping[str, float]:
        """The score of every model by its stage id."""
        return self._scores

    def replicates(self, stages: Sequence[str]) -> Floats:
        """The scores of these models on resampled examples, [models, B].

        A resample draws the same documents for every model.
        """
        drawn = _DRAWN.of(self)
        return drawn[[self._place[identity] for identity in stages]]

    @cached_property
    def _scores(self) -> dict[str, float]:
        values = from_sums(self.metric, self.statistics.sum(axis=0))
        return dict(zip(self.stages, map(float, values), strict=True))

    @cached_property
    def _place(self) -> dict[str, int]:
        return {identity: m for m, identity in enumerate(self.stages)}

    def draw(self) -> Floats:
        """The scores of all models on resampled examples, [models, B]."""
        generator = stream(self.task, self.documents, "bootstrap")
        return replicate_scores(
            self.metric, self.statistics, draw_counts(generator, self.documents, self.resamples)
        )


class _Drawn:
    """The resampled scores of the test sets that were last asked for, up to so many bytes."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._kept: WeakKeyDictionary[TestSet, Floats] = WeakKeyDictionary()

    def of(self, test_set: TestSet) -> Floats:
        """Drawn again where they had to give way to others, which comes out the same."""
        found = self._kept.pop(test_set, None)
        found = test_set.draw() if found is None else found
        self._kept[test_set] = found  # the last of all
        while len(self._kept) > 1 and sum(kept.nbytes for kept in self._kept.values()) > self._room:
            del self._kept[next(iter(self._kept))]
        return found


_DRAWN = _Drawn(1 << 29)


def draw_counts(
    generator: np.random.Generator, units: int, resamples: int
) -> Iterator[NDArray[np.uint8]]:
    """Draw how often each unit is in each resample, [resamples, units], some rows at a time."""
    for start in range(0, resamples, _CHUNK):
        rows = min(_CHUNK, resamples - start)
        drawn = generator.integers(units, size=(rows, units), dtype=np.int32)
        drawn += np.arange(0, rows * units, units, dtype=np.int32)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * units)
        # More than 255 times the same of more than 255 units: less likely than 1 in 10^500.
        yield counts.astype(np.uint8).reshape(rows, units)


def replicate_scores(
    metric: MetricName, statistics: Floats, counts: Iterable[NDArray[np.uint8]]
) -> Floats:
    """Score every model on every resample, [models, B].

    `statistics` is [units, models, k]; `counts` are rows of [B, units], some at a time.
    """
    units, models, k = statistics.shape
    # What gold labels add is the same for all models, and summed once.
    columns, place = np.unique(statistics.reshape(units, -1), axis=1, return_inverse=True)
    # Counts, as of all metrics but correlations, are summed in half the time and come out alike on
    # every machine; what is no count takes float64, whose rounding no table shows.
    whole = bool((columns == np.rint(columns)).all())
    dtype = np.float32 if whole and units * np.abs(columns).max(initial=0) < _EXACT else np.float64
    summed: NDArray[Any] = columns.astype(dtype)
    scores = [
        from_sums(
            metric,
            (rows.astype(dtype) @ summed)[:, place]
            .astype(np.float64)
            .reshape(len(rows), models, k),
        )
        for rows in counts
    ]
    return np.concatenate(scores).T


def _by_unit(statistics: Statistics) -> Floats:
    names, unit = np.unique(np.array(statistics.units), return_inverse=True)
    sums = np.zeros((len(names), statistics.values.shape[1]))
    np.add.at(sums, unit, statistics.values)
    return sums
