"""How large the effects on each target are, from those measured and from the noise of its runs."""

from __future__ import annotations

import numpy as np

from transfer_study.metrics.rows import Floats
from transfer_study.predict.known import KnownEdges

_WEIGHT = 3.0  # measured edges that the noise is worth: targets of like noise differ twofold
_LEAST = 0.1  # of the usual noise: a target whose runs all score alike is not known to be exact


def target_scales(known: KnownEdges) -> Floats:
    """The root mean square of effects by target, [targets].

    Effects are about as large as runs are noisy (on the 22 tasks of TaskWeb the logarithms of both
    correlate by .7), so that is what a target begins with, times what is usual over all targets.
    """
    noise = np.array([known.noise[name] for name in known.targets])
    usual = float(np.sqrt(np.mean(noise**2))) or 1.0
    noise = np.maximum(noise, _LEAST * usual)
    _, target = known.ends
    delta = known.measured["delta"].to_numpy(dtype=np.float64)
    # The median, since a few targets have effects ten times as large.
    times = float(np.median((delta / noise[target]) ** 2)) / _MEDIAN_OF_SQUARES
    prior = noise**2 * max(times, _LEAST)
    n = np.bincount(target, minlength=len(noise))
    squares = np.bincount(target, weights=delta**2, minlength=len(noise))
    return np.asarray(np.sqrt((_WEIGHT * prior + squares) / (_WEIGHT + n)))


_MEDIAN_OF_SQUARES = 0.455  # of a normal deviate of variance 1
