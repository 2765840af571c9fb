"""What a judgement asks of the models of one test set: their scores, and how these could vary."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from transfer_study.analysis.effects.uncertainty import Interval
from transfer_study.metrics.rows import Floats

RESAMPLES = 10_000


class ScoresOnTest(Protocol):
    """Scores of models on one test set; `replicates.TestSet` has them from answers.

    `n` counts test examples, 0 where they are not known, `documents` the units of which they are
    drawn again, 0 where they are not; `units` are these as the errors' degrees of freedom take
    them. `constant` is NaN where the best constant answer's score is not known.
    """

    @property
    def task(self) -> str:
        """The target."""

    @property
    def n(self) -> int:
        """How many test examples there are."""

    @property
    def documents(self) -> int:
        """How many documents are drawn at a time."""

    @property
    def units(self) -> float:
        """That number, and infinity where examples are taken as they are."""

    @property
    def resamples(self) -> int:
        """How many resamples `replicates` are of, where it is of several."""

    @property
    def constant(self) -> float:
        """What the best constant answer scores."""

    def scores(self) -> Mapping[str, float]:
        """The score of every model by its stage id."""

    def replicates(self, stages: Sequence[str]) -> Floats:
        """The scores of these models on resampled examples, [models, B]."""

    def possible(self, interval: Interval, baseline: float, terms: int = 1) -> Interval:
        """An effect's interval as far as the metric goes, without ends where it says nothing."""


@dataclass(frozen=True, eq=False)
class ScoresAlone:
    """Scores without the answers behind them: test examples are taken as they are.

    Errors are of seeds alone, so that they know nothing of the test sample. `least` is the worst
    score of the metric, whose best is 1.
    """

    task: str
    known: Mapping[str, float]  # by model
    n: int = 0
    constant: float = math.nan
    least: float = 0.0

    documents = 0
    units = math.inf
    resamples = RESAMPLES

    def scores(self) -> Mapping[str, float]:
        """As `ScoresOnTest` says."""
        return self.known

    def replicates(self, stages: Sequence[str]) -> Floats:
        """The same on every resample; that it is 0 changes nothing that is made of them."""
        return np.zeros((len(stages), 1))

    def possible(self, interval: Interval, baseline: float, terms: int = 1) -> Interval:
        """As `ScoresOnTest` says."""
        return possible(interval, baseline, self.least, terms)


def possible(interval: Interval, baseline: float, least: float, terms: int) -> Interval:
    """An effect's interval within what scores from `least` to 1 allow.

    It says nothing where it holds every score that there is, from the baseline as measured.
    `terms` is of how many differences of two scores the effect is the difference.
    """
    from_baseline = interval.within(least - baseline, 1 - baseline)
    if math.isnan(from_baseline.low):
        return from_baseline
    # What is cut off is impossible whatever the baseline really is.
    span = terms * (1 - least)
    return interval.within(-span, span)
