"""Scores of stages -> what each source does to each target, with a verdict."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from transfer_study.analysis.edges import Verdict, edge_table, key_of, same_edges
from transfer_study.analysis.effects.corrections import MeasuredEdge, corrected, judged
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.learned import has_learned
from transfer_study.analysis.effects.per_target import Models, with_variances_per_target
from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.analysis.effects.runs import edge_of
from transfer_study.analysis.effects.uncertainty import UNKNOWN, Crossed, Interval
from transfer_study.study.arms import Control

# A difference is of these stages' scores, with these signs.
SIGNS = {"stage": 1, "baseline": -1, "control": -1, "control_baseline": 1}


def deltas(
    comparisons: pd.DataFrame,
    test_sets: Mapping[str, TestSet],
    judgement: Judgement,
    failed: Collection[str],
) -> pd.DataFrame:
    """Compare each model with its baseline, paired by seed, on the same resampled examples.

    One row an edge, in the order of `comparisons`: its key (analysis/edges.py), seed and stage ids
    by the names in SIGNS, empty where there is no control. `test_sets` are by target; a stage that
    is in none has no score. `failed` are the stages that were tried in vain. Numbers are of the
    seeds for which all scores exist, which `n_seeds` counts, and of the further seeds of the
    baseline, whose rows have no stage: the delta
    is the mean of the models' runs less that of all `n_baseline_seeds` of the baseline. `low`,
    `high` and `p` are of the edge by itself; what is `adjusted`, and the verdict, is of all edges
    of a reading as one family, those over a control and the controls' own apart: an effect within
    the margin has an adjusted p of 1. `level` is what the adjusted interval leaves out. Ends that
    nothing is known of, or that leave all open, are NaN. Where the baseline, or the control, is in
    most seeds no better than `constant`, the best constant answer, nothing can be said: such an
    edge is of no family. An edge that has two names (`same_edges`) has a row for each, and
    counts once in its family. `seed_sd` is the seeds' part of the error, times the root of
    `n_seeds`: what one seed's difference varies by, where the baseline has the same seeds; with
    `seed_freedom` degrees of freedom, known from all models of the target where several share a
    baseline (per_target.py). `score_sd` is what a run of the model varies by. `collapsed`
    is one whose baseline learned and whose model did not. `n_documents` are the units that were
    resampled.
    """
    key = key_of(comparisons)
    edges = [
        measure(dict(zip(key, edge, strict=True)), runs.sort_values("seed"), test_sets, failed)
        for edge, runs in comparisons.groupby(key, sort=False, dropna=False)
    ]
    effects = with_variances_per_target([m.models for m in edges])
    edges = [m.with_effect(effect) for m, effect in zip(edges, effects, strict=True)]
    # An edge under two names is one of its family.
    numbers = same_edges(pd.DataFrame([m.about for m in edges], columns=key))
    number = dict(zip(map(id, edges), numbers, strict=True))
    families: dict[tuple[str, str, bool], list[Measured]] = {}
    for measured in edges:
        families.setdefault(measured.family, []).append(measured)
    rows: dict[int, dict[str, object]] = {}
    for members in families.values():
        judged_ones = {number[id(m)]: m for m in members if m.learned}
        margins = [judgement.margin.of(m.baseline) for m in judged_ones.values()]
        in_family = [m.edge for m in judged_ones.values()]
        adjusted = corrected(
            judgement.correction, in_family, judgement.alpha, margins, judgement.looks
        )
        found = zip(map(float, adjusted.p), map(float, adjusted.levels), strict=True)
        stands = dict(zip(judged_ones, found, strict=True))
        for member in members:
            own = stands[number[id(member)]] if member.learned else None
            rows[id(member)] = _row(member, own, judgement)
    return edge_table([rows[id(measured)] for measured in edges], key)


@dataclass(frozen=True, eq=False)
class Measured:
    """An edge before it is judged among the others; `absence` says why scores are missing."""

    about: dict[str, Any]
    edge: MeasuredEdge
    baseline: float
    test_set: TestSet | None  # None where no run has all scores
    absence: Verdict | None
    learned: bool  # what it is held against
    collapsed: bool
    models: Models

    @property
    def family(self) -> tuple[str, str, bool]:
        """The edges among which this one is one of many."""
        return self.about["reading"], self.about["over"], self.about["arm"] in Control.known

    def with_effect(self, effect: Crossed) -> Measured:
        """The edge, its effect known otherwise."""
        return replace(self, edge=replace(self.edge, effect=effect))

    def possible(self, interval: Interval) -> Interval:
        """The interval as far as the metric goes, and without ends where it says nothing."""
        if self.test_set is None:
            return interval
        # An effect over a control is the difference of two.
        terms = 1 if self.about.get("over", "") == "" else 2
        return self.test_set.possible(interval, self.baseline, terms)


def measure(
    about: dict[str, Any],
    runs: pd.DataFrame,
    test_sets: Mapping[str, TestSet],
    failed: Collection[str],
) -> Measured:
    """Measure one edge, whose runs are the rows of `comparisons` for it; see `deltas`."""
    test_set = test_sets.get(about["target"])
    scores = pd.Series(test_set.scores() if test_set else {}, dtype=np.float64)
    # Further seeds of a baseline have no model beside them.
    paired = runs["stage"] != ""
    runs, further = runs[paired], runs[~paired]
    signs = {name: sign for name, sign in SIGNS.items() if name in runs and runs[name].any()}
    if "control" in signs and (runs["control_baseline"] == runs["baseline"]).all():
        # Stages that cancel are left out, so that what is equal differs by nothing.
        signs, further = {"stage": 1, "control": -1}, further[:0]
    values = pd.DataFrame({name: runs[name].map(scores) for name in signs}, index=runs.index)
    all_there = values.notna().all(axis=1)
    absent = {identity for name in signs for identity in runs[name][values[name].isna()]}
    absent |= {*further["baseline"][~further["baseline"].isin(scores.index)]}
    complete, further = values[all_there], further[further["baseline"].isin(scores.index)]
    edge = MeasuredEdge(UNKNOWN, (), np.zeros(0), np.zeros((0, 1)))
    if test_set is not None and len(complete):
        edge = edge_of(runs[all_there], further, signs, test_set)
    effect = edge.effect
    absence = None
    if absent:
        absence = Verdict.NOT_RUN if absent.isdisjoint(failed) else Verdict.FAILED
    measured = test_set if len(complete) else None
    learned, collapsed = True, False
    alone = further["baseline"].map(scores)
    if measured is not None:
        # A baseline that cancels may lack its score, and then says nothing.
        baseline = pd.concat([runs["baseline"][all_there].map(scores).dropna(), alone])
        held_against = [baseline, *(complete[name] for name in ("control",) if name in signs)]
        learned = all(has_learned(o, measured.constant) for o in held_against if len(o))
        collapsed = learned and not has_learned(complete["stage"], measured.constant)
    # Controls and models that did not learn vary in ways of their own.
    usual = set(signs) == {"stage", "baseline"} and learned and not collapsed
    held_to = f"{runs['baseline'].iloc[0]} {about.get('arm') in Control.known}" if usual else ""
    pair = complete.reindex(columns=["stage", "baseline"]).set_axis(runs["seed"][all_there])
    unpaired = pd.DataFrame({"stage": np.nan, "baseline": alone.to_numpy()}, further["seed"])
    return Measured(
        about,
        edge,
        # What the score would be without the effect.
        float(complete["stage"].mean()) - effect.mean if len(complete) else np.nan,
        measured,
        absence,
        learned,
        collapsed,
        Models(
            effect,
            tuple(runs["stage"]),
            held_to,
            pd.concat([pair, unpaired]) if len(unpaired) else pair,
        ),
    )


def _row(
    edge: Measured, stands: tuple[float, float] | None, judgement: Judgement
) -> dict[str, object]:
    """The edge as a row, with its adjusted p and level; one without these is of no family."""
    effect, test_set = edge.edge.effect, edge.test_set
    alone, adjusted = edge.possible(effect.interval()), Interval(effect.mean, *[math.nan] * 3)
    adjusted_p, level = (math.nan, math.nan) if stands is None else stands
    if stands is not None:
        adjusted = edge.possible(judged(judgement.correction, effect, level))
    verdict = verdict_of(adjusted, judgement.margin.of(edge.baseline))
    return {
        **edge.about,
        "baseline": edge.baseline,
        "score": edge.baseline + effect.mean,
        "delta": effect.mean,
        "low": alone.low,
        "high": alone.high,
        "p": alone.p,
        "adjusted_low": adjusted.low,
        "adjusted_high": adjusted.high,
        "adjusted_p": adjusted_p,
        "level": level,
        "seed_sd": effect.seed_sd,
        "score_sd": effect.score_sd,
        "seed_freedom": effect.seed_freedom,
        "example_error": effect.example_error,
        "freedom": effect.freedom,
        "n_seeds": len(edge.edge.seeds),
        "n_baseline_seeds": len(edge.edge.seeds + edge.edge.further_seeds),
        "n_test": test_set.n if test_set else 0,
        "n_documents": test_set.units if test_set else 0,
        "constant": test_set.constant if test_set else math.nan,
        "collapsed": edge.collapsed,
        "verdict": str(edge.absence or (verdict if edge.learned else Verdict.NOT_LEARNED)),
    }


def verdict_of(interval: Interval, margin: float) -> Verdict:
    """What the interval of a difference allows to say of it."""
    # Comparisons with the NaN of a single seed are false: it stays undecided.
    if interval.low > 0 and interval.mean > margin:
        return Verdict.GAIN
    if interval.high < 0 and interval.mean < -margin:
        return Verdict.LOSS
    if -margin <= interval.low and interval.high <= margin:
        return Verdict.EQUIVALENT
    return Verdict.UNDECIDED
