"""The statistics of single examples, the common currency of all metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the examples add to a score.

    `values` is [N, k]; a score depends on their sum over rows alone. `units` names the document
    of each row, in the order given: rows of one document are not independent.
    """

    values: Floats
    units: tuple[str, ...]


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide, reading what is undefined as 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
