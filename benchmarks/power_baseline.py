"""Do more seeds for a baseline than for its partners' models decide more at equal cost?

    OMP_NUM_THREADS=1 python benchmarks/power_baseline.py > benchmarks/power_baseline.txt

Simulates the studies of benchmarks/power_forms.py, where a baseline has seeds (`alone`) beyond
those of its partners' models (`seeds`): a delta is the mean of all runs of a model less that of all
runs of its baseline. Judged as studies are, by the variance per target
(analysis/effects/per_target.py), and by that of each edge by itself (analysis/effects/blocks.py),
which stands where a target has a single partner or two seeds. A run costs a unit a target. Printed
a study: the cost, gains and losses, equivalents, the cost of one of these; the false discovery rate
of gains and losses and of all verdicts, the chance of any false gain or loss, and how many 95%
intervals cover the truth, in the form of adjusted intervals and in that of an edge alone. Marks are
those of power_forms.py.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from power_forms import CASES, STUDIES, Drawn, draw, rates_of

from transfer_study.analysis.effects.per_target import variances_per_target
from transfer_study.data.streams import stream
from transfer_study.metrics.rows import Floats

MOST = 12
SEEDS = (3, 3), (3, 6), (4, 4), (3, 9), (5, 5), (5, 8), (5, 10), (6, 6)
BY_EDGE = (2, 6), (3, 6), (3, 12), (5, 10)


def by_target(seen: Floats, seeds: int, of_baseline: int) -> tuple[Floats, Floats]:
    """The variance of each mean over seeds, and its freedom."""
    variance, freedom = variances_per_target(seen, seeds / of_baseline)
    return variance / seeds, freedom


def by_edge(seen: Floats, seeds: int, of_baseline: int) -> tuple[Floats, Floats]:
    """Likewise by the runs of the edge alone: paired ones, and the baseline's further ones."""
    base = seen[:, :, :1, :of_baseline]
    paired = seen[:, :, 1:, :seeds] / seeds - base[..., :seeds] / of_baseline
    own = seeds * paired.var(axis=-1, ddof=1)
    more = (of_baseline - seeds) / of_baseline**2 * base.var(axis=-1, ddof=1)
    doubted = own + more / seeds
    return own + more, (own + more) ** 2 / (doubted**2 / (seeds - 1) + more**2 / (of_baseline - 1))


FORMS = {"target": by_target, "edge": by_edge}


def rates(form: str, drawn: Drawn, seeds: int, of_baseline: int) -> tuple[float, ...]:
    """What is decided, and what of it falsely, as of power_forms.py."""
    seen = drawn.runs.copy()
    seen[:, :, 1:, seeds:] = np.nan
    seen[:, :, 0, of_baseline:] = np.nan
    found, freedom = FORMS[form](seen, seeds, of_baseline)
    # Half of a difference's interaction is either model's.
    interaction = drawn.interaction * MOST / 2 * (1 / seeds + 1 / of_baseline)
    of_examples = drawn.delta - (drawn.runs[:, :, 1:].mean(-1) - drawn.runs[:, :, :1].mean(-1))
    delta = np.nanmean(seen[:, :, 1:], -1) - np.nanmean(seen[:, :, :1], -1) + of_examples
    return rates_of(form, delta, drawn.truth, found, freedom, drawn.examples, interaction)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--edges", type=int, default=12_000, help="simulated, a case")
    options = parser.parse_args()
    print("$ OMP_NUM_THREADS=1 python benchmarks/power_baseline.py")
    for case in CASES:
        for targets, partners in STUDIES:
            n = options.edges // (targets * partners)
            drawn = draw(stream("base", case.name, targets), case, n, (targets, partners), MOST)
            print(f"{case.name}, {targets * partners} edges, {n:,} studies")
            headings = ("cost", "decided", "equal", "each", "FDR", "of all", "any", "covers")
            print(f"  {'variance':<8}{'seeds':>6}{'alone':>6}", end="")
            print("".join(f"{word:>8}" for word in (*headings, "alone")))
            for form, asked in (("target", SEEDS), ("edge", BY_EDGE)):
                for seeds, of_baseline in asked:
                    found = rates(form, drawn, seeds, of_baseline)
                    changed, _, equal, false, _, *others = found
                    cost = targets * (of_baseline + partners * seeds)
                    each = cost / max(changed + equal, 1e-9)
                    wide = "  +" if max(others[2:]) > 0.97 else ""
                    missed = max(false, others[0]) > 0.05 or min(others[2:]) < 0.93
                    print(f"  {form:<8}{seeds:>6}{of_baseline:>6}{cost:>8}", end="")
                    print(f"{changed:>8.2f}{equal:>8.2f}{each:>8.1f}", end="")
                    rest = "".join(f"{x:>8.1%}" for x in (false, *others))
                    print(f"{rest}{'  !' if missed else wide}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
