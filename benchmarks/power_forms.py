"""How many edges are decided, and how often falsely, by what the seeds' variance is taken from.

    OMP_NUM_THREADS=1 python benchmarks/power_forms.py > benchmarks/power_forms.txt

Simulates studies whose every task is a target of all the others, and judges them by the study's own
functions with the variance of each edge by itself (`edge`) and with that per target (`target`,
analysis/effects/per_target.py). The noise is that of real runs, the four public tasks over four
seeds on whole test sets and three of them over five seeds on 1,000 examples: a target's runs have a
standard deviation of 1.4 points, which differs by a factor of e^±0.6 between targets and, with its
log variance's own variance of 0.22, between a target's models; runs of one seed correlate by 0 in
four of seven cases, else by .20 to .52; a tenth to six tenths of a run's variance is its
interaction with the examples, and the examples' own is up to a half of that of five seeds. Half of
the edges are null, the others have a standard deviation of 3 points; the margin is one point.

For every case: gains and losses decided a study and the same by the order of before, in which
effects within the margin counted among the rejections (`old`); equivalent ones; the false discovery
rate of gains and losses, of those by the old order, and of all verdicts; the chance of any false
gain or loss; and how many 95% intervals cover the truth, in the form of adjusted intervals and in
that of an edge alone. A rate above 5%, or a coverage below 93%, is marked `!`, one above 97% `+`.
Because of the rate with two seeds where runs fail, studies use it from three seeds on.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from transfer_study.analysis.effects.corrections import step_up
from transfer_study.analysis.effects.per_target import variances_per_target
from transfer_study.analysis.effects.tails import strict_p
from transfer_study.analysis.effects.uncertainty import ALPHA, KNOWN_INTERACTION, satterthwaite
from transfer_study.data.streams import stream
from transfer_study.metrics.rows import Floats

MARGIN = 0.01
SEEDS = 2, 3, 5, 10
STUDIES = ((3, 3), (8, 7))  # targets, partners' models on each: 9 and 56 edges
SD, BETWEEN_TARGETS, BETWEEN_MODELS = 0.014, 0.6, 0.47
TOGETHER = 0.0, 0.0, 0.0, 0.0, 0.20, 0.35, 0.52
INTERACTION = 0.1, 0.6
EXAMPLES = 0.5  # at the most, of the variance of five seeds
EFFECT = 0.03
FAILED_BY = 0.15


@dataclass(frozen=True)
class Case:
    """What is unusual of the simulated studies."""

    name: str
    null: bool = False
    heavy: bool = False  # Student's t with 4 degrees of freedom
    baseline: float = 1.0  # its standard deviation, against that of its partners' models
    failed: float = 0.0  # runs that score so much lower as a failed one does
    small: bool = False  # 5 of 7 edges are half a margin, of a twentieth of the noise


CASES = (
    Case("as measured"),
    Case("noisy baseline", baseline=3.0),
    Case("heavy tails", heavy=True),
    Case("8% failed", failed=0.08),
    Case("no effect", null=True),
    Case("no effect, noisy baseline", null=True, baseline=3.0),
    Case("no effect, heavy tails", null=True, heavy=True),
    Case("no effect, 8% failed", null=True, failed=0.08),
    Case("many small effects", small=True),
)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Studies: runs [n, targets, 1 + partners, S]; all else [n, targets, partners]."""

    runs: Floats
    truth: Floats
    delta: Floats
    interaction: Floats
    examples: Floats


def draw(rng: np.random.Generator, case: Case, n: int, shape: tuple[int, int], seeds: int) -> Drawn:
    """Draw so many studies of this shape."""
    targets, partners = shape

    def noise(*size: int) -> Floats:
        return rng.standard_t(4, size) / 2**0.5 if case.heavy else rng.standard_normal(size)

    of_target = np.exp(BETWEEN_TARGETS * rng.standard_normal((n, targets, 1)))
    of_model = np.exp(BETWEEN_MODELS / 2 * rng.standard_normal((n, targets, 1 + partners)))
    sd = SD * of_target * of_model
    sd[..., 0] *= case.baseline
    truth = np.where(rng.random((n, targets, partners)) < 0.5, 0, EFFECT)
    truth *= 0 if case.null else rng.standard_normal(truth.shape)
    if case.small:
        precise = np.arange(targets) < targets * 5 / 7
        sd[:, precise] *= 0.05
        truth = np.broadcast_to(np.where(precise, MARGIN / 2, 0)[:, None], truth.shape)
    together = rng.choice(TOGETHER, (n, targets, 1))
    common, own = noise(n, targets, 1, seeds), noise(n, targets, 1 + partners, seeds)
    rho = together[..., None]
    runs = sd[..., None] * (np.sqrt(rho) * common + np.sqrt(1 - rho) * own)
    runs[:, :, 1:] += truth[..., None]
    runs -= FAILED_BY * (rng.random(runs.shape) < case.failed)
    both = sd[..., 1:] ** 2 + sd[..., :1] ** 2
    of_difference = both - 2 * together * sd[..., 1:] * sd[..., :1]
    share = rng.uniform(*INTERACTION, (n, targets, 1))
    interaction = np.minimum(share * both, 0.9 * of_difference) / seeds
    of_examples = rng.uniform(0, EXAMPLES, (n, targets, 1)) * both.mean(-1, keepdims=True) / 5
    delta = runs[:, :, 1:].mean(-1) - runs[:, :, :1].mean(-1)
    delta = delta + np.sqrt(of_examples) * rng.standard_normal(of_examples.shape)
    examples = np.broadcast_to(of_examples, delta.shape)
    return Drawn(runs, truth, delta, interaction, examples)


def by_edge(runs: Floats) -> tuple[Floats, Floats]:
    """The variance of each edge's differences, and its freedom."""
    differences = runs[:, :, 1:] - runs[:, :, :1]
    variance = differences.var(axis=-1, ddof=1)
    return variance, np.full(variance.shape, runs.shape[-1] - 1.0)


FORMS = {"edge": by_edge, "target": variances_per_target}


def rates(form: str, drawn: Drawn) -> tuple[float, ...]:
    """What is decided, and what of it falsely; in the order of the table."""
    seeds = drawn.runs.shape[-1]
    variance, freedom = FORMS[form](drawn.runs)
    columns = drawn.delta, drawn.truth, variance / seeds, freedom, drawn.examples, drawn.interaction
    return rates_of(form, *columns)


def rates_of(form: str, *columns: Floats) -> tuple[float, ...]:
    """Likewise of deltas, their truths, the parts of their variance and that of the interaction."""
    delta, truth, found, freedom, examples, least = (x.reshape(len(x), -1) for x in columns)
    of_seeds = np.maximum(found, least)  # as `Crossed` has it of either form
    if form == "target":
        found, least = of_seeds, np.zeros_like(least)

    def p_of(size: Floats) -> Floats:
        return strict_p(np.abs(size), found, freedom, examples, least=least)

    within = np.abs(delta) <= MARGIN
    p = p_of(delta)
    changed, old = rejected(np.where(within, 1, p)), rejected(p) & ~within
    equivalent = rejected(np.where(within, p_of(MARGIN - np.abs(delta)), 1))
    wrong = truth * delta <= 0
    wrongly_equal = equivalent & (np.abs(truth) >= MARGIN)
    error = np.sqrt(of_seeds + examples)
    known = KNOWN_INTERACTION * least**2 / of_seeds
    of_t = satterthwaite(of_seeds - known, freedom, examples + known, 1e4)
    alone = 2 * stdtr(of_t, -np.abs(delta - truth) / error)
    return (
        changed.sum(1).mean(),
        old.sum(1).mean(),
        equivalent.sum(1).mean(),
        share(changed & wrong, changed),
        share(old & wrong, old),
        share((changed & wrong) | wrongly_equal, changed | equivalent),
        (changed & wrong).any(1).mean(),
        (p_of(delta - truth) > ALPHA).mean(),
        (alone > ALPHA).mean(),
    )


def rejected(p: Floats) -> Floats:
    """Which edges of each study Benjamini and Hochberg reject."""
    return np.array([step_up(row, ALPHA)[0] <= ALPHA for row in p])


def share(some: Floats, of: Floats) -> float:
    """The mean share of one in the other, none where there is none."""
    return float((some.sum(1) / np.maximum(of.sum(1), 1)).mean())


def line(form: str, seeds: int, found: tuple[float, ...]) -> str:
    """A row of the table, with a mark where a rate is out of its bounds."""
    *counts, false, of_old, of_all, any_false, tails, alone = found
    wide = "  +" if max(tails, alone) > 0.97 else ""
    mark = "  !" if max(false, of_all) > 0.05 or min(tails, alone) < 0.93 else wide
    numbers = "".join(f"{x:>8.2f}" for x in counts)
    numbers += "".join(f"{x:>8.1%}" for x in (false, of_old, of_all, any_false, tails, alone))
    return f"  {form:<8}{seeds:>5}{numbers}{mark}"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--edges", type=int, default=12_000, help="simulated, a case")
    options = parser.parse_args()
    print("$ OMP_NUM_THREADS=1 python benchmarks/power_forms.py")
    headings = ("decided", "old", "equal", "FDR", "by old", "of all", "any", "covers", "alone")
    for case in CASES:
        for shape in STUDIES:
            n = options.edges // (shape[0] * shape[1])
            print(f"{case.name}, {shape[0] * shape[1]} edges, {n:,} studies")
            print(f"  {'variance':<8}{'seeds':>5}" + "".join(f"{word:>8}" for word in headings))
            for seeds in SEEDS:
                drawn = draw(stream("forms", case.name, *shape, seeds), case, n, shape, seeds)
                for form in FORMS:
                    print(line(form, seeds, rates(form, drawn)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
