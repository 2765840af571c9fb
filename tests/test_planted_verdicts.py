"""The built-in study says what was planted in it, for seeds it was not tuned on."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from transfer_study.store.store import Store

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "planted_verdicts.py"


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", [2000, 2005])
def test_planted_verdicts_come_out(first: int, tmp_path: Path) -> None:
    observed = runpy.run_path(str(BENCHMARK))["observed"]
    edges = observed(range(first, first + 5), Store(tmp_path))
    assert list(edges["verdict"]) == list(edges["planted"]), edges.to_string()
