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
    correlate by .6, benchmarks/estimators.txt), so that is what a target begins with, times what is
    usual over all targets. Raises ValueError where nothing is measured.
    """
    if known.measured.empty:
        raise ValueError("nothing is measured that other edges could be estimated from")
    noise = np.array([known.noise[name] for name in known.targets])
    usual = float(np.sqrt(np.mean(noise**2))) or 1.0
    noise = np.maximum(noise, _LEAST * usual)
    squares, n = _squares(known)
    # The median, since a few targets have effects ten times as large.
    seen = n > 0
    times = float(np.median(squares[seen] / n[seen] / noise[seen] ** 2))
    prior = noise**2 * max(times, _LEAST)
    return np.asarray(np.sqrt((_WEIGHT * prior + squares) / (_WEIGHT + n)))


def scale_freedom(known: KnownEdges) -> Floats:
    """With how many degrees of freedom these scales are taken to be known, [targets].

    What a target begins with is worth one, for noise tells little by itself: with more, fewer than
    93% of intervals held of which two edges a target were given (benchmarks/estimators.txt).
    """
    _, target = known.ends
    n = np.bincount(target, minlength=len(known.targets))
    return 1.0 + np.maximum(n, 1).astype(np.float64)


def _squares(known: KnownEdges) -> tuple[Floats, Floats]:
    """By target, the sum of squares of so many effects, without those of their errors.

    What all effects on a target have in common counts once, for so does the error of its baseline.
    """
    _, target = known.ends
    size = len(known.targets)
    columns = (known.measured[name].to_numpy(np.float64) for name in ("delta", "error", "shared"))
    delta, error, shared = columns
    n = np.bincount(target, minlength=size)
    each = np.maximum(n, 1)

    def mean(values: Floats) -> Floats:
        return np.asarray(np.bincount(target, weights=values, minlength=size) / each)

    common = mean(delta)
    own = mean(np.maximum(error**2 - shared**2, 0.0))
    around = n * mean((delta - common[target]) ** 2) - np.maximum(n - 1, 0) * own
    of_all = common**2 - own / each - mean(shared**2)
    return np.maximum(around, 0.0) + np.maximum(of_all, 0.0), n.astype(np.float64)
