"""What looks save: seeds for undecided edges alone, by the rule of before and by that of studies.

    OMP_NUM_THREADS=1 python benchmarks/power_looks.py > benchmarks/power_looks.txt

Simulates the studies of benchmarks/power_forms.py, their variance per target, and trains an edge to
the next look only while it is undecided. A run costs as many units as it has tasks: its baseline 1,
a pair 2, the full mix as many as there are targets. `fixed` has all seeds at once; `alpha/K` tests
each look at an equal share of 5%, and ends no edge but a decided one; `futile` is the same that
ends those with a chance of less than 20% to be decided by the last look; `sequence` is what studies
do (analysis/effects/sequential.py), with this end. Printed a study: the cost, gains and losses,
equivalents, the cost of one of these, the false discovery rate of all verdicts, and the chance of a
false gain or loss.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from power_forms import CASES, MARGIN, STUDIES, Drawn, draw
from scipy.special import ndtr, ndtri

from transfer_study.analysis.doubt.power import FUTILE
from transfer_study.analysis.effects.corrections import step_up
from transfer_study.analysis.effects.per_target import variances_per_target
from transfer_study.analysis.effects.sequential import Sequential
from transfer_study.analysis.effects.tails import strict_p
from transfer_study.analysis.effects.uncertainty import ALPHA
from transfer_study.data.streams import stream

SCHEDULES = ((3,), (5,), (10,), (3, 5, 7), (3, 6, 10), (3, 5, 8, 12))
RULES = "alpha/K", "futile", "sequence"
SHOWN = "as measured", "noisy baseline", "no effect"


def study(drawn: Drawn, n: int, counts: tuple[int, ...], rule: str) -> tuple[float, ...]:
    """One simulated study: cost, changes, equivalents, false changes, false verdicts."""
    runs, most = drawn.runs[n], drawn.runs.shape[-1]
    targets = len(runs)
    truth, examples = drawn.truth[n].ravel(), drawn.examples[n].ravel()
    # What the test examples add to a delta is the same at every look.
    of_examples = (drawn.delta[n] - (runs[:, 1:].mean(-1) - runs[:, :1].mean(-1))).ravel()
    interaction = drawn.interaction[n].ravel() * most
    edges = len(truth)
    seeds = np.full(edges, counts[0])
    verdict = np.zeros(edges, int)  # 1 changed, 2 equivalent
    sequence = Sequential(counts if rule == "sequence" else counts[-1:])
    alpha = ALPHA if rule == "sequence" else ALPHA / len(counts)
    for look in range(len(counts)):
        by_model = np.concatenate(
            [seeds.reshape(targets, -1).max(1, keepdims=True), seeds.reshape(targets, -1)], axis=1
        )
        seen = np.where(np.arange(most) < by_model[..., None], runs, np.nan)
        variance, freedom = (x.ravel() for x in variances_per_target(seen))
        differences = np.where(np.isnan(seen[:, 1:]), 0, runs[:, 1:] - runs[:, :1]).sum(-1)
        delta = differences.ravel() / seeds + of_examples
        of_seeds = np.maximum(variance, interaction) / seeds
        within = np.abs(delta) <= MARGIN
        p = [
            sequence.p(strict_p(size, of_seeds, freedom, examples), seeds)
            for size in (np.abs(delta), np.maximum(MARGIN - np.abs(delta), 0))
        ]
        changed = step_up(np.where(within, 1, p[0]), alpha)[0] <= alpha
        equal = step_up(np.where(within, p[1], 1), alpha)[0] <= alpha
        open_ = verdict == 0
        wrong_sign = truth * delta <= 0
        verdict = np.where(open_ & changed, np.where(wrong_sign, 3, 1), verdict)
        verdict = np.where(open_ & equal, np.where(np.abs(truth) >= MARGIN, 4, 2), verdict)
        if look + 1 == len(counts):
            break
        go_on = verdict == 0
        if rule != "alpha/K":
            found = np.isin(verdict, (1, 3)).sum()
            level = sequence.level(alpha * min((found + 1) / edges, 1), counts[-1])
            error = np.sqrt(variance / counts[-1] + examples)
            reach = -ndtri(level / 2) * error * 1.1  # a t's, nearly
            sd = np.sqrt(variance * (1 / seeds - 1 / counts[-1]))
            far, near = np.maximum(MARGIN, reach), MARGIN - reach
            chance = ndtr((delta - far) / sd) + ndtr((-delta - far) / sd)
            chance += np.maximum(ndtr((near - delta) / sd) - ndtr((-near - delta) / sd), 0)
            go_on &= chance >= FUTILE
        if not go_on.any():
            break
        seeds = np.where(go_on, counts[look + 1], seeds)
    by_target = seeds.reshape(targets, -1)
    pairs, full = by_target[:, : targets - 1], by_target[:, targets - 1 :]
    # A pair, and the full mix, is one run for all its targets, and costs each its own task.
    cost = float(by_target.max(1).sum() + pairs.sum() + full.sum())
    changes, equals = np.isin(verdict, (1, 3)).sum(), np.isin(verdict, (2, 4)).sum()
    return cost, changes, equals, (verdict == 3).sum(), np.isin(verdict, (3, 4)).sum()


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--edges", type=int, default=9_000, help="simulated, a case")
    options = parser.parse_args()
    print("$ OMP_NUM_THREADS=1 python benchmarks/power_looks.py")
    for case in (case for case in CASES if case.name in SHOWN):
        for shape in STUDIES:
            n = options.edges // (shape[0] * shape[1])
            print(f"{case.name}, {shape[0] * shape[1]} edges, {n:,} studies")
            print(f"  {'looks':<14}{'rule':<10}{'cost':>8}{'changed':>8}{'equal':>8}", end="")
            print(f"{'each':>8}{'FDR':>8}{'any':>8}")
            for counts in SCHEDULES:
                rng = stream("looks", case.name, *shape, *counts)
                drawn = draw(rng, case, n, shape, counts[-1])
                for rule in RULES if len(counts) > 1 else ("fixed",):
                    found = np.array([study(drawn, k, counts, rule) for k in range(n)])
                    cost, changes, equals, _, _ = found.mean(axis=0)
                    decided = found[:, 1] + found[:, 2]
                    false = (found[:, 4] / np.maximum(decided, 1)).mean()
                    looks = ", ".join(map(str, counts))
                    print(
                        f"  {looks:<14}{rule:<10}{cost:>8.0f}{changes:>8.2f}{equals:>8.2f}"
                        f"{cost / max(changes + equals, 1e-9):>8.1f}{false:>8.1%}"
                        f"{(found[:, 3] > 0).mean():>8.1%}",
                        flush=True,
                    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
