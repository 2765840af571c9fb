"""Do 95% intervals cover 95 in 100, and tests at 5% reject 5 in 100, where the truth is known?

    OMP_NUM_THREADS=1 python benchmarks/coverage.py > benchmarks/coverage.txt

Compares simulated arms (benchmarks/simulated.py) with their baseline as studies do: one that is
better, for coverage of the true difference, and one that is not, for false positives. Cells that
transfer_study/analysis/doubt/coverage.csv already has are not measured again; reports warn by that
file. A cell out of 93 to 97% or 3 to 7% is marked `!`. After the cells: families of edges under no
effect at all, and the time that replicates take.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
from simulated import SIMULATED

from transfer_study.analysis.doubt import coverage
from transfer_study.analysis.doubt.coverage import CELLS, CoverageCell, measured
from transfer_study.analysis.effects.corrections import MeasuredEdge, corrected
from transfer_study.analysis.effects.replicates import RESAMPLES, draw_counts, replicate_scores
from transfer_study.analysis.effects.uncertainty import ALPHA, crossed
from transfer_study.data.streams import stream
from transfer_study.metrics import from_sums
from transfer_study.metrics.rows import Floats
from transfer_study.study.correction import Correction
from transfer_study.study.tasks.task import MetricName

SEEDS = 3, 5, 10
SIZES = 1_000, 100, 10_000
BETTER = 0.15
# The variance of so many has 99 degrees of freedom: coverage would gain 0.2% with more.
FEW_RESAMPLES = 100
FAMILY = 12  # edges, onto two targets


def cells(metric: MetricName, n: int, simulations: int, resamples: int) -> list[CoverageCell]:
    """Measure the cells of a metric and test size, those of few seeds by the first of many."""
    rows = SIMULATED[metric]
    units = n // getattr(rows, "document", 1)
    counts = _counts(units, resamples, "cell")
    truth = rows.truth(BETTER) - rows.truth(0)
    covered, rejected = dict.fromkeys(SEEDS, 0), dict.fromkeys(SEEDS, 0)
    for simulation in range(simulations):
        rng = stream("coverage", str(metric), n, simulation)
        observed, again = rows.simulate(rng, np.array([0, 0, BETTER]), max(SEEDS), counts)
        delta, again = observed[1:] - observed[0], again[1:] - again[0]
        for seeds in SEEDS:
            null, gain = (
                crossed(delta[arm, :seeds], again[arm, :seeds], units).interval() for arm in (0, 1)
            )
            rejected[seeds] += null.p < ALPHA
            covered[seeds] += gain.low <= truth <= gain.high
    return [
        CoverageCell(
            str(metric), s, n, simulations, covered[s] / simulations, rejected[s] / simulations
        )
        for s in SEEDS
    ]


def false_families(seeds: int, simulations: int, resamples: int) -> dict[Correction, float]:
    """How often a family without any effect has a rejected edge, by correction."""
    rows, n = SIMULATED[MetricName.ACCURACY], 1_000
    counts = [_counts(n, resamples, target) for target in range(2)]
    false = dict.fromkeys(Correction, 0)
    for simulation in range(simulations):
        rng = stream("family", seeds, simulation)
        edges = []
        for drawn in counts:
            arms = np.zeros(1 + FAMILY // 2)
            observed, replicates = rows.simulate(rng, arms, seeds, drawn)
            for arm in range(1, len(arms)):
                delta, again = observed[arm] - observed[0], replicates[arm] - replicates[0]
                edges.append(
                    MeasuredEdge(crossed(delta, again, n), tuple(range(seeds)), delta, again)
                )
        for method in Correction:
            false[method] += bool((corrected(method, edges).p <= ALPHA).any())
    return {method: count / simulations for method, count in false.items()}


def _counts(units: int, resamples: int, purpose: object) -> Floats:
    drawn = draw_counts(stream("coverage", units, purpose), units, resamples)
    return np.concatenate(list(drawn)).astype(np.float32)


def _line(found: CoverageCell) -> str:
    return (
        f"{found.metric:<12}{found.n_seeds:>6}{found.n_test:>8,}{found.simulations:>8,}"
        f"{found.coverage:>10.1%}{found.rejection:>10.1%}{'  !' if found.misses else ''}"
    )


def _time_replicates() -> str:
    """Time an edge of 5 seeds; the error is against float64, in a fifth of the resamples."""
    n, models = 16_000, 10
    rng = stream("time")
    counts = list(draw_counts(rng, n, RESAMPLES))
    mentions = rng.poisson(1, n)
    found = [rng.binomial(mentions, 0.8) for _ in range(models)]
    spans = np.stack([np.column_stack([f, f + rng.poisson(0.2, n), mentions]) for f in found], 1)
    gold = rng.normal(0, 1, n)
    said = gold + rng.normal(0, 0.7, (models, n))
    products = [np.column_stack([gold**0, gold, y, gold**2, y**2, gold * y]) for y in said]
    lines = []
    rows = {MetricName.ENTITY_F1: spans, MetricName.PEARSON: np.stack(products, 1)}
    for metric, values in rows.items():
        start = time.process_time()
        scores = replicate_scores(metric, values.astype(np.float64), counts)
        took = time.process_time() - start
        some = counts[0]
        sums = np.einsum("bn,nmk->mbk", some.astype(np.float64), values, optimize=True)
        error = float(np.abs(from_sums(metric, sums) - scores[:, : len(some)]).max())
        lines.append(
            f"{metric}: {RESAMPLES:,} resamples of {n:,} examples, {models} models, float32: "
            f"{took:.2f} s of one core, error at most {error:.0e}"
        )
    return "\n".join(lines)


def main() -> int:
    """Print the table; exit code 1 where a cell misses."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--simulations", type=int, default=2_000)
    parser.add_argument("--families", type=int, default=1_000)
    options = parser.parse_args()
    file = Path(coverage.__file__).with_name(CELLS)
    known = {(c.metric, c.n_test, c.n_seeds): c for c in measured()}
    print(f"{'metric':<12}{'seeds':>6}{'n':>8}{'sims':>8}{'coverage':>10}{'rejected':>10}")
    for n, metric in product(SIZES, SIMULATED):
        if (str(metric), n, SEEDS[0]) not in known:
            with file.open("a", encoding="utf-8") as lines:
                for found in cells(metric, n, options.simulations, FEW_RESAMPLES):
                    known[str(metric), n, found.n_seeds] = found
                    print(*found.row(), sep=",", file=lines)
        for seeds in SEEDS:
            print(_line(known[str(metric), n, seeds]), flush=True)
    print(f"\nfamilies of {FAMILY} edges without any effect: how often one is rejected")
    print(f"{'seeds':<8}" + "".join(f"{method:>8}" for method in Correction))
    for seeds in SEEDS:
        false = false_families(seeds, options.families, 1_000)
        print(f"{seeds:<8}" + "".join(f"{false[m]:>8.1%}" for m in Correction), flush=True)
    print(f"\n{_time_replicates()}")
    return int(any(found.misses for found in known.values()))


if __name__ == "__main__":
    sys.exit(main())
