"""How sure the difference of two effects is, with runs and examples in common or without."""

from __future__ import annotations

from transfer_study.analysis.effects.blocks import Block, sum_freedom, summed
from transfer_study.analysis.effects.corrections import MeasuredEdge
from transfer_study.analysis.effects.uncertainty import UNKNOWN, Crossed, Variance, combined
from transfer_study.metrics.rows import Floats


def independent(a: Crossed, b: Crossed) -> Crossed:
    """The difference b - a of two effects that share neither runs nor examples.

    Of both, and of the result, `seed_sd` is the runs' part of the standard error. Where the two
    do share some of them the interval is too wide rather than too narrow, for what is shared goes
    into both effects alike. Where of one nothing is known but its mean, so it is of the difference.
    """
    if not (a.known and b.known):
        return Crossed(b.mean - a.mean)
    of_runs = [_of_runs(one) for one in (a, b)]
    freedom = sum_freedom(of_runs, [a.seed_freedom, b.seed_freedom])
    of_examples = [one.example_error**2 for one in (a, b)]
    units = 1 + sum_freedom(of_examples, [a.example_freedom, b.example_freedom])
    resampled = sum(of_examples) * (1 - 1 / units)  # they are of fresh test sets already
    runs = sum(of_runs)
    return combined(b.mean - a.mean, Variance(runs, freedom, resampled, units), 1)


def joint(a: MeasuredEdge, b: MeasuredEdge, units: float) -> Crossed:
    """The difference b - a of two effects on one test set, examples resampled for both alike.

    Runs of one seed in both studies are paired, all others independent. The difference of means is
    then a sum of independent blocks: the common seeds' contributions b/S_b - a/S_a, and each
    study's further ones (see `summed`). Where a baseline has further seeds nothing is paired: the
    interval is too wide rather than too narrow, for what runs share goes into both effects alike.
    `seed_sd` is the runs' part of the standard error, the sum's and not one run's. A study of one
    seed, or one whose runs all answer alike, leaves all but the mean NaN.
    """
    s_a, s_b = len(a.observed), len(b.observed)
    if not s_a or not s_b:
        return UNKNOWN
    mean = b.effect.mean - a.effect.mean
    if min(s_a, s_b) < 2 or not (a.effect.known and b.effect.known):
        return Crossed(mean)
    resampled = b.resampled - a.resampled
    if a.further_seeds or b.further_seeds:
        return _unpaired(mean, a, b, resampled, units)
    common = sorted({*a.seeds} & {*b.seeds})
    common = common if len(common) > 1 else []  # one pair does not tell how pairs vary
    in_a, in_b = ([edge.seeds.index(seed) for seed in common] for edge in (a, b))
    blocks = [
        Block(
            len(common),
            b.observed[in_b] / s_b - a.observed[in_a] / s_a,
            b.replicates[in_b] / s_b - a.replicates[in_a] / s_a,
        ),
        Block(s_a - len(common), -a.observed / s_a, -a.replicates / s_a),
        Block(s_b - len(common), b.observed / s_b, b.replicates / s_b),
    ]
    return summed(mean, blocks, resampled, units, 1)


def _unpaired(
    mean: float, a: MeasuredEdge, b: MeasuredEdge, resampled: Floats, units: float
) -> Crossed:
    """The difference of effects whose runs are taken to be independent, on one test set."""
    runs = [_of_runs(edge.effect) for edge in (a, b)]
    freedom = sum_freedom(runs, [a.effect.seed_freedom, b.effect.seed_freedom])
    interaction = sum(block.interaction for block in (*a.blocks, *b.blocks))
    examples = max(float(resampled.var()) - interaction, 0.0)
    return combined(mean, Variance(sum(runs), freedom, examples, units, interaction), 1)


def _of_runs(effect: Crossed) -> float:
    """The part of an effect's variance that is of runs."""
    return max(effect.error**2 - effect.example_error**2, 0.0)
