"""Do more seeds for a baseline than for its partners' models decide more at equal cost?

    OMP_NUM_THREADS=1 python benchmarks/power_baseline.py > benchmarks/power_baseline.txt

Simulates the studies of benchmarks/power_forms.py with the variance per target. A delta is the mean
of all runs of a model less that of all runs of its baseline; a run costs a unit a target. Printed a
study: the cost, gains and losses, equivalents, the cost of one of these, the false discovery rate.
"""

from __future__ import annotations

import sys

import numpy as np
from power_forms import CASES, MARGIN, STUDIES, Drawn, draw, rejected, share

from transfer_study.analysis.per_target import of_models
from transfer_study.analysis.tails import strict_p
from transfer_study.data.streams import stream
from transfer_study.metrics.rows import Floats

EDGES, MOST = 9_000, 12
SEEDS = (3, 3), (3, 6), (4, 4), (3, 9), (5, 5), (5, 8), (5, 10), (6, 6)


def decided(drawn: Drawn, seeds: int, of_baseline: int) -> tuple[float, float, float]:
    """Gains and losses, equivalents, and the false share of them, a study."""
    seen = drawn.runs.copy()
    seen[:, :, 1:, seeds:] = np.nan
    seen[:, :, 0, of_baseline:] = np.nan
    variances, freedoms, together = of_models(seen)
    partner, base = variances[..., 1:] / seeds, variances[..., :1] / of_baseline
    both = min(seeds, of_baseline) / np.sqrt(seeds * of_baseline)
    of_seeds = partner + base - 2 * together * np.sqrt(partner * base) * both
    freedom = (partner + base) ** 2 / (partner**2 / freedoms[..., 1:] + base**2 / freedoms[..., :1])
    # Half of a difference's interaction is either model's.
    interaction = drawn.interaction * MOST / 2 * (1 / seeds + 1 / of_baseline)
    of_examples = drawn.delta - (drawn.runs[:, :, 1:].mean(-1) - drawn.runs[:, :, :1].mean(-1))
    delta = np.nanmean(seen[:, :, 1:], -1) - np.nanmean(seen[:, :, :1], -1) + of_examples
    parts = np.maximum(of_seeds, interaction), freedom, drawn.examples

    def of_family(p: Floats, tested: Floats) -> Floats:
        return rejected(np.where(tested, p, 1).reshape(len(p), -1))

    within = np.abs(delta) <= MARGIN
    changed = of_family(strict_p(np.abs(delta), *parts), ~within)
    equal = of_family(strict_p(MARGIN - np.abs(delta) * within, *parts), within)
    delta, truth = (x.reshape(len(x), -1) for x in (delta, drawn.truth))
    false = (changed & (truth * delta <= 0)) | (equal & (np.abs(truth) >= MARGIN))
    return changed.sum(1).mean(), equal.sum(1).mean(), share(false, changed | equal)


def main() -> int:
    """Print the table."""
    print("$ OMP_NUM_THREADS=1 python benchmarks/power_baseline.py")
    for case in CASES[:2]:
        for targets, partners in STUDIES:
            n = EDGES // (targets * partners)
            drawn = draw(stream("base", case.name, targets), case, n, (targets, partners), MOST)
            print(f"{case.name}, {targets * partners} edges, {n:,} studies")
            print(f"  {'seeds':>5}{'alone':>6}{'cost':>6}{'changed':>8}{'equal':>7}", end="")
            print(f"{'each':>7}{'FDR':>7}")
            for seeds, of_baseline in SEEDS:
                changed, equal, false = decided(drawn, seeds, of_baseline)
                cost = targets * (of_baseline + partners * seeds)
                print(
                    f"  {seeds:>5}{of_baseline:>6}{cost:>6}{changed:>8.2f}{equal:>7.2f}"
                    f"{cost / (changed + equal):>7.1f}{false:>7.1%}"
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
