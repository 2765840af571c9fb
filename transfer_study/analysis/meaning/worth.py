"""What a gain is worth in training examples of the target, where several sizes were run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from transfer_study.analysis.effects.scores_on_test import ScoresOnTest
from transfer_study.analysis.effects.uncertainty import ALPHA, Interval
from transfer_study.data.streams import stream
from transfer_study.metrics.rows import Floats


def worth(
    model: Sequence[str],
    size: int,
    alone: Mapping[int, Sequence[str]],
    test_set: ScoresOnTest,
) -> Interval:
    """How many more examples the target alone would need to score as a model does.

    `model` are its runs, with `size` examples of the target, `alone` the target's by itself, by
    size. Between sizes the score is taken to go with the logarithm of their number, and never to
    fall as it grows (isotonic regression). Both ends may be infinite: beyond the largest size, or
    below the smallest, nothing was run. The interval is of draws that vary test examples, the same
    for all, and the mean over seeds by t; of a single run it is not known.
    """
    sizes = sorted(alone)
    places = np.log(sizes)
    scores = test_set.scores()
    runs = [list(model), *(list(alone[n]) for n in sizes)]
    means = np.array([[np.mean([scores[run] for run in of])] for of in runs])
    mean = float(_read_off(means, places)[0]) - size
    if min(map(len, runs)) < 2:
        return Interval(mean, math.nan, math.nan, math.nan)
    drawn = np.stack([_draws(of, test_set, n) for n, of in enumerate(runs)])
    found = _read_off(drawn, places) - size
    # Ends may be infinite, between which there is nothing to interpolate.
    low, high = np.quantile(found, [ALPHA / 2, 1 - ALPHA / 2], method="inverted_cdf")
    return Interval(mean, float(low), float(high), math.nan)


def _draws(runs: Sequence[str], test_set: ScoresOnTest, number: int) -> Floats:
    """The mean score of some runs, drawn anew: over test examples, and over seeds by t."""
    scores = np.array([test_set.scores()[run] for run in runs])
    resampled = test_set.replicates(runs).mean(axis=0)
    # Where only scores are known, examples do not vary.
    resampled = resampled if resampled.any() else np.full(len(resampled), scores.mean())
    random = stream(test_set.task, number, "worth")
    seeds = random.standard_t(len(runs) - 1, len(resampled)) * scores.std(ddof=1)
    drawn: Floats = resampled + seeds / math.sqrt(len(runs))
    return drawn


def _read_off(scores: Floats, places: Floats) -> NDArray[np.float64]:
    """At which size each column's first score is reached by the curve of its others, [B]."""
    found = np.empty(scores.shape[1])
    for n, (aimed, *curve) in enumerate(scores.T):
        rising = isotonic_regression(curve).x
        if aimed > rising[-1]:
            found[n] = math.inf
        elif aimed < rising[0]:
            found[n] = -math.inf
        else:
            found[n] = math.exp(float(np.interp(aimed, rising, places)))
    return found
