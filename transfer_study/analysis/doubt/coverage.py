"""Where intervals were measured to miss: what reports warn of (benchmarks/coverage.py)."""

from __future__ import annotations

import csv
import math
from dataclasses import astuple, dataclass, fields
from functools import lru_cache
from importlib.resources import files

from transfer_study.study.tasks.task import MetricName

CELLS = "coverage.csv"
# Examples of one simulated document (benchmarks/simulated.py).
_IN_DOCUMENT = {MetricName.ENTITY_F1: 5, MetricName.MICRO_F1: 5}
COVERAGE = 0.93, 0.97
REJECTION = 0.03, 0.07
# Metrics that were not simulated, and the one that is the most like them.
_LIKE = {
    MetricName.LENIENT_ENTITY_F1: MetricName.ENTITY_F1,
    MetricName.EXAMPLE_F1: MetricName.MICRO_F1,
}


@dataclass(frozen=True, slots=True)
class CoverageCell:
    """How often 95% intervals covered the truth, and tests at 5% rejected where it is 0."""

    metric: str
    n_seeds: int
    n_test: int
    simulations: int
    coverage: float
    rejection: float

    @property
    def misses(self) -> bool:
        """Whether either is out of its bounds."""
        (least, most), (fewest, highest) = COVERAGE, REJECTION
        return not (least <= self.coverage <= most and fewest <= self.rejection <= highest)

    @property
    def n_documents(self) -> int:
        """Of how many documents the test examples were."""
        return self.n_test // _IN_DOCUMENT.get(MetricName(self.metric), 1)

    def row(self) -> tuple[str, ...]:
        """The cell as a line of the file, in the order of its columns."""
        return tuple(map(str, astuple(self)))


COLUMNS = tuple(field.name for field in fields(CoverageCell))


@lru_cache
def measured() -> tuple[CoverageCell, ...]:
    """The cells that were measured."""
    lines = files(__package__).joinpath(CELLS).read_text(encoding="utf-8").splitlines()
    return tuple(
        CoverageCell(
            row["metric"],
            *(int(row[name]) for name in COLUMNS[1:4]),
            *(float(row[name]) for name in COLUMNS[4:]),
        )
        for row in csv.DictReader(lines)
    )


def coverage_warning(metric: MetricName, n_seeds: int, n_documents: int) -> str | None:
    """Say how often such intervals cover, where the most similar simulated case missed.

    None where it did not. Nearest is by the ratios of seeds and of test documents, which are what
    was resampled; an example without one is its own.
    """
    metric = _LIKE.get(metric, metric)
    cells = [cell for cell in measured() if cell.metric == metric]
    if not cells or n_seeds < 2 or n_documents < 1:
        return None
    cell = min(cells, key=lambda cell: _distance(cell, n_seeds, n_documents))
    if not cell.misses:
        return None
    return (
        f"with {cell.n_seeds} seeds and {cell.n_documents:,} test documents, 95% intervals of "
        f"{metric} "
        f"covered {cell.coverage:.1%} in simulation and tests at 5% rejected {cell.rejection:.1%}"
    )


def _distance(cell: CoverageCell, n_seeds: int, n_documents: int) -> float:
    seeds, size = math.log(cell.n_seeds / n_seeds), math.log(cell.n_documents / n_documents)
    return math.hypot(seeds, size)
