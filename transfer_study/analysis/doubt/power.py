"""What a study could show before it is paid for: the smallest effects that its edges can detect.

The error of an edge's mean delta has a part that seeds wear down and one that only test examples
do, error² = seed_sd²/S + example_error², seed_sd being another where a baseline has further seeds
(seed_counts.py). Both are taken from a pilot: whatever has been run. The power of the
two-sided t-test of S seeds is that of the noncentral t distribution.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import chdtri, nctdtrinc, ndtr, stdtrit

from transfer_study.analysis.doubt.noise import lent, seeds_of, with_noise
from transfer_study.analysis.doubt.seed_counts import variance_at
from transfer_study.analysis.edges import Verdict, are_controls, key_of, raw_edges, repeated
from transfer_study.analysis.effects.corrections import worst_level
from transfer_study.analysis.effects.scores import comparison_table
from transfer_study.analysis.effects.sequential import Sequential
from transfer_study.analysis.effects.tails import strict_reach
from transfer_study.analysis.effects.uncertainty import ALPHA, satterthwaite
from transfer_study.metrics import score_span
from transfer_study.metrics.rows import Floats
from transfer_study.study.correction import Correction
from transfer_study.study.margin import Margin
from transfer_study.study.plan import Plan

POWER: Final = 0.8
FUTILE: Final = 0.2  # an edge with less chance of ever being decided is not worth more seeds
# How far the estimate itself can be trusted: 95%, from the spread of a variance of few seeds.
RANGE: Final = 0.025
TELLS: Final = 2  # degrees of freedom from which a spread says something by itself
POWER_COLUMNS = ["n_seeds", "n_baseline_seeds", "n_test", "family", "detectable"]
POWER_COLUMNS += ["detectable_low", "detectable_high", "detectable_corrected", "evidence"]
POWER_COLUMNS += ["pilot_seeds"]


def error_of(
    seed_sd: ArrayLike,
    example_error: ArrayLike,
    n_seeds: ArrayLike,
    n_documents: ArrayLike,
    lent_freedom: ArrayLike = 0.0,
) -> tuple[Floats, Floats]:
    """The standard error of a mean delta over so many seeds, and its degrees of freedom.

    These are reckoned as those of what has been run (`crossed`), with as many lent by other models
    as there. One seed: NaN.
    """
    seeds = np.asarray(n_seeds, dtype=np.float64)
    seeds = np.where(seeds > 1, seeds, np.nan)
    of_seeds = np.square(np.asarray(seed_sd, dtype=np.float64)) / seeds
    of_examples = np.square(np.asarray(example_error, dtype=np.float64))
    own = seeds - 1 + np.asarray(lent_freedom)
    freedom = satterthwaite(of_seeds, own, of_examples, n_documents)
    return np.sqrt(of_seeds + of_examples), freedom


def strict_reaches(
    seed_sd: ArrayLike,
    example_error: ArrayLike,
    n_seeds: ArrayLike,
    n_documents: ArrayLike,
    lent_freedom: ArrayLike,
    level: ArrayLike,
) -> Floats:
    """Half the width of adjusted intervals (`Crossed.strict`); NaN where the noise is not known."""

    def reach(
        sd: float, error: float, seeds: float, documents: float, more: float, alpha: float
    ) -> float:
        if math.isnan(sd + error) or seeds < 2:
            return math.nan
        parts = sd**2 / seeds, seeds - 1 + more, error**2, max(documents - 1, 1)
        return strict_reach(*parts, alpha=alpha)

    parts = seed_sd, example_error, n_seeds, n_documents, lent_freedom, level
    return np.asarray(np.vectorize(reach, otypes=[float])(*parts))


def smallest_effect(error: Floats, freedom: Floats, alpha: ArrayLike) -> Floats:
    """The effect that a two-sided t-test at this level detects with a power of 80%."""
    # The chance of significance on the wrong side is left out: below 0.0001 at this power.
    of_error = np.asarray(freedom, dtype=np.float64)
    threshold = stdtrit(of_error, 1 - np.asarray(alpha) / 2)
    return np.asarray(error * nctdtrinc(of_error, 1 - POWER, threshold))


def planned_edges(plan: Plan) -> pd.DataFrame:
    """One row an edge of a plan: what names it, its seeds and test examples, and its family's size.

    A family is what is corrected together.
    """
    comparisons = comparison_table(plan)
    raw = raw_edges(comparisons).drop(columns="over")
    key = key_of(raw)
    # Of a baseline's further seeds there is no stage.
    raw = raw.assign(n_seeds=raw["seed"].where(raw["stage"] != ""), n_baseline_seeds=raw["seed"])
    numbers = raw.groupby(key, sort=False, dropna=False)[["n_seeds", "n_baseline_seeds"]]
    edges = numbers.nunique().reset_index()
    n_test = {
        member.task.origin: member.data.test.n
        for system in plan.systems
        for member in system.stage.tasks
    }
    return edges.assign(n_test=edges["target"].map(n_test), family=family_sizes(edges))


def family_sizes(edges: pd.DataFrame) -> pd.Series:
    """With how many edges each of these is corrected, itself included; one of two names is one."""
    return (~repeated(edges)).groupby(_family(edges)).transform("sum")


def _family(edges: pd.DataFrame) -> list[pd.Series[Any]]:
    """What is the same for edges that are corrected together."""
    by = [edges["reading"], are_controls(edges)]
    return by + [edges[name] for name in ("protocol",) if name in edges]


def power_table(
    planned: pd.DataFrame, pilot: pd.DataFrame, correction: Correction, alpha: float = ALPHA
) -> pd.DataFrame:
    """Give each planned edge the smallest effect it can detect, by what a pilot tells of its noise.

    `planned` is made by `planned_edges`, `pilot` and `evidence` are those of `with_noise`; where
    that is none the effect is NaN. `detectable` is at the study's level, between `_low` and `_high`
    for the pilot's few seeds, and `_corrected` at the correction's worst case. Where the pilot is
    of two seeds, whose spread says next to nothing, `detectable` and `_corrected` are at the upper
    end of what it allows. Effects are fractions of 1, infinite where the largest that is possible
    would not be detected.
    """
    table = with_noise(planned, pilot)
    noise_of = table["example_error"], table["n_seeds"], table["documents"], table["lent"]

    def effect(seed_sd: ArrayLike, level: ArrayLike) -> Floats:
        found = smallest_effect(*error_of(seed_sd, *noise_of), level)
        return possible(found, table["metric"])

    def among_many(seed_sd: ArrayLike, level: ArrayLike) -> Floats:
        """Likewise by adjusted intervals: as much larger as they are wider."""
        error, freedom = error_of(seed_sd, *noise_of)
        alone = stdtrit(freedom, 1 - np.asarray(level) / 2) * error
        strict = strict_reaches(seed_sd, *noise_of, level)
        found = smallest_effect(error, freedom, level) * strict / alone
        return possible(found, table["metric"])

    worst = table["family"].map(lambda edges: worst_level(correction, edges, alpha))
    of_mean = variance_at(table["paired_sd"], table["score_sd"], (1, 1), seeds_of(table))
    seed_sd: pd.Series[float] = np.sqrt(table["n_seeds"] * of_mean)
    freedom = table["pilot_seeds"] - 1 + table["lent"]
    low, high = (np.sqrt(freedom / chdtri(freedom, tail)) for tail in (RANGE, 1 - RANGE))
    likely = seed_sd.where(freedom >= TELLS, seed_sd * high)
    return table.assign(
        detectable=effect(likely, alpha),
        detectable_low=effect(seed_sd * low, alpha),
        detectable_high=effect(seed_sd * high, alpha),
        detectable_corrected=(effect if correction is Correction.NONE else among_many)(
            likely, worst
        ),
        pilot_seeds=table["pilot_seeds"].astype("Int64"),
    )[[*planned.columns.difference(POWER_COLUMNS, sort=False), *POWER_COLUMNS]]


def possible(effects: Floats, metrics: pd.Series[str]) -> Floats:
    """Effects of these metrics, infinite where they are larger than any can be."""
    return np.where(effects > metrics.map(score_span), np.inf, effects)


def chances(
    deltas: pd.DataFrame, correction: Correction, margin: Margin, counts: tuple[int, ...]
) -> pd.Series[float]:
    """How likely each raw edge of judged deltas is to be decided by the last of these looks.

    The level is that of one more gain or loss beside those that there are. NaN is what is of no
    family, or known from one seed.
    """
    learned = deltas[deltas["verdict"] != Verdict.NOT_LEARNED]
    changed = learned["verdict"].isin([Verdict.GAIN, Verdict.LOSS]) & ~repeated(learned)
    decided = changed.groupby(_family(learned)).transform("sum")
    sizes, looks = family_sizes(learned), Sequential(counts)
    levels = [
        looks.level(worst_level(correction, int(n), decided=int(d)), counts[-1])
        for n, d in zip(sizes, decided, strict=True)
    ]
    margins = learned["baseline"].map(margin.of)
    found = chance_of_decision(learned, counts[-1], margins, levels)
    return pd.Series(found, index=learned.index).reindex(deltas.index)


def chance_of_decision(
    edges: pd.DataFrame, n_seeds: int, margin: ArrayLike, level: ArrayLike
) -> Floats:
    """How likely each undecided edge is to be decided once it has so many seeds.

    `edges` are rows of deltas, `margin` and `level` one number an edge. Given what was seen, the
    mean over all seeds lies around the delta with the variance of the seeds to come; the test
    examples stay. An edge of a single seed has no such variance: NaN.
    """
    delta, of_baseline = edges["delta"].to_numpy(), np.maximum(edges["n_baseline_seeds"], n_seeds)
    noise = edges["seed_sd"], edges["score_sd"], seeds_of(edges)
    now, then = (variance_at(*noise, asked) for asked in (seeds_of(edges), (n_seeds, of_baseline)))
    noise_of = edges["example_error"], n_seeds, edges["n_documents"], lent(edges)
    reach = strict_reaches(np.sqrt(n_seeds * then), *noise_of, level)
    # A part of the seeds to come is seen already.
    to_come = np.sqrt(np.maximum(now - then, 0))
    return chance_beyond(delta, np.asarray(margin, dtype=np.float64), reach, to_come)


def chance_beyond(delta: Floats, margin: Floats, reach: Floats, to_come: Floats) -> Floats:
    """How likely a mean is to be decided that will lie around `delta` with this deviation.

    Its interval will reach so far.
    """
    # A mean beyond `far` is a gain or a loss, one within `near` is equivalent.
    far, near = np.maximum(margin, reach), margin - reach
    sd = np.maximum(to_come, 1e-12)
    beyond = ndtr((delta - far) / sd) + ndtr((-delta - far) / sd)
    within = ndtr((near - delta) / sd) - ndtr((-near - delta) / sd)
    return np.asarray(beyond + np.maximum(within, 0))
