"""How looks would go, simulated: what is decided at which, and which edges go on to the next.

An edge goes on while it is undecided and has a chance of it by the last look
(session/until_decided.py). That saves most of the cost and a part of the power, which no
formula for one look knows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transfer_study.analysis.doubt.power import FUTILE, POWER, chance_beyond
from transfer_study.data.streams import stream
from transfer_study.metrics.rows import Floats

_COURSES = 1_000
_HALVINGS = 20


@dataclass(frozen=True, eq=False)
class Noise:
    """What edges vary by at looks: the seeds' variance of the mean and its freedom, [E, K].

    `reach` is half the width of the intervals that decide there, [E, K], for these variances;
    `examples` the examples' standard error, [E]; `margins` what does not matter, [E].
    """

    of_seeds: Floats
    freedom: Floats
    reach: Floats
    examples: Floats
    margins: Floats


@dataclass(frozen=True, eq=False)
class Courses:
    """Simulated studies: whether an edge came to be a gain or loss, and its looks; [N, E]."""

    changed: NDArray[np.bool_]
    looks: NDArray[np.int64]


def courses(delta: Floats, noise: Noise, n: int = _COURSES) -> Courses:
    """So many courses of edges with these true effects, [E] or [N, E]; the same draws each time."""
    edges, looks = noise.of_seeds.shape
    rng = stream("courses", edges, looks)
    last = noise.of_seeds[:, -1]
    errors = rng.standard_normal((n, edges)) * noise.examples
    means = np.empty((looks, n, edges))
    means[-1] = delta + errors + rng.standard_normal((n, edges)) * np.sqrt(last)
    for k in reversed(range(looks - 1)):
        # Earlier means lie around later ones, whose runs have theirs among them.
        before = np.maximum(noise.of_seeds[:, k] - noise.of_seeds[:, k + 1], 0)
        means[k] = means[k + 1] + rng.standard_normal((n, edges)) * np.sqrt(before)
    steps = np.diff(noise.freedom, axis=1, prepend=0)
    found = np.cumsum([rng.chisquare(step, (n, edges)) for step in steps.T], axis=0)
    found /= noise.freedom.T[:, None]
    going, changed = np.ones((n, edges), dtype=bool), np.zeros((n, edges), dtype=bool)
    taken = np.zeros((n, edges), dtype=np.int64)
    for k in range(looks):
        taken += going

        def reach_at(look: int, known: Floats = found[k]) -> Floats:
            variance, examples = noise.of_seeds[:, look], noise.examples**2
            whole = np.maximum(variance + examples, np.finfo(float).tiny)
            wider = np.sqrt((variance * known + examples) / whole)
            return np.asarray(noise.reach[:, look] * wider)

        size, reach = np.abs(means[k]), reach_at(k)
        beyond = going & (size > np.maximum(reach, noise.margins))
        changed |= beyond
        going = going & ~beyond & (size > noise.margins - reach)
        to_come = np.sqrt(np.maximum(noise.of_seeds[:, k] - last, 0) * found[k])
        margins = np.broadcast_to(noise.margins, size.shape)
        going &= chance_beyond(means[k], margins, reach_at(looks - 1), to_come) >= FUTILE
    return Courses(changed, taken)


def smallest_by_looks(noise: Noise) -> Floats:
    """The effects that are found at one of the looks in 80 of 100 studies, [E]."""
    few = np.zeros(len(noise.examples))
    many = 4 * (noise.reach.max(axis=1) + np.sqrt(noise.of_seeds[:, 0]) + noise.examples)
    for _ in range(_HALVINGS):
        middle = (few + many) / 2
        enough = courses(middle, noise).changed.mean(axis=0) >= POWER
        few, many = np.where(enough, few, middle), np.where(enough, middle, many)
    found: Floats = (few + many) / 2
    return found
