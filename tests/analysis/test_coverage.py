"""Reports warn of what the benchmark measured to miss, and of nothing else."""

from __future__ import annotations

import pytest

from transfer_study.analysis.doubt import coverage
from transfer_study.analysis.doubt.coverage import CoverageCell, coverage_warning
from transfer_study.study.tasks.task import MetricName

GOOD, SHORT, EAGER = (0.95, 0.05), (0.92, 0.05), (0.95, 0.08)


@pytest.fixture
def cells(monkeypatch):
    """Measured cells of accuracy: 3 seeds miss at 100 examples, 10 at 10,000."""
    of = {(3, 100): SHORT, (10, 100): GOOD, (3, 10_000): GOOD, (10, 10_000): EAGER}
    found = tuple(CoverageCell("accuracy", s, n, 2_000, *rates) for (s, n), rates in of.items())
    monkeypatch.setattr(coverage, "measured", lambda: found)


@pytest.mark.parametrize(("seeds", "n"), [(3, 100), (2, 60), (5, 900), (20, 50_000)])
def test_warns_near_a_cell_that_misses(cells, seeds, n):
    said = coverage_warning(MetricName.ACCURACY, seeds, n)
    assert said is not None
    assert ("92.0%" in said) == (n < 1_000)


@pytest.mark.parametrize(("seeds", "n"), [(10, 100), (7, 300), (3, 9_000), (1, 100), (3, 0)])
def test_says_nothing_elsewhere(cells, seeds, n):
    assert coverage_warning(MetricName.ACCURACY, seeds, n) is None


def test_a_metric_that_was_not_simulated_is_not_warned_of(cells):
    assert coverage_warning(MetricName.PEARSON, 3, 100) is None


def test_the_measured_cells_are_shares_and_each_is_there_once():
    found = coverage.measured()
    assert found
    assert len({(c.metric, c.n_seeds, c.n_test) for c in found}) == len(found)
    assert all(c.simulations >= 2_000 and 0 < c.rejection < 0.5 < c.coverage < 1 for c in found)
    assert {c.metric for c in found} <= set(MetricName)


def test_documents_count_and_not_their_examples(cells):
    """A thousand examples of 100 documents are no thousand."""
    assert coverage_warning(MetricName.ACCURACY, 3, 100) is not None
    assert "100 test documents" in coverage_warning(MetricName.ACCURACY, 3, 100)
    five = CoverageCell("micro_f1", 3, 1_000, 2_000, *GOOD)
    assert five.n_documents == 200
