"""Scores of stages -> what each source does to each target, with a verdict."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from transfer_study.analysis.edges import Verdict, edge_table, key_of, same_edges
from transfer_study.analysis.effects.corrections import MeasuredEdge, corrected, judged
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.learned import has_learned
from transfer_study.analysis.effects.per_target import Models, with_variances_per_target
from transfer_study.analysis.effects.runs import edge_of
from transfer_study.analysis.effects.scores_on_test import ScoresOnTest
from transfer_study.analysis.effects.uncertainty import UNKNOWN, Crossed, Interval
from transfer_study.study.arms import Control
from transfer_study.study.correction import Correction

# A difference is of these stages' scores, with these signs.
SIGNS = {"stage": 1, "baseline": -1, "control": -1, "control_baseline": 1}


def deltas(
    comparisons: pd.DataFrame,
    test_sets: Mapping[str, ScoresOnTest],
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
    groups = list(comparisons.groupby(key, sort=False, dropna=False))
    measured: dict[int, Measured] = {}
    # Target by target, for the replicates of all at once would not fit into memory.
    for n in sorted(range(len(groups)), key=lambda n: str(groups[n][1]["target"].iloc[0])):
        names, runs = groups[n]
        about = dict(zip(key, names, strict=True))
        whole = measure(about, runs, test_sets, failed)
        measured[n] = whole.of_family(resampled=judgement.correction is Correction.MAX_T)
    edges = [measured[n] for n in range(len(groups))]
    effects = with_variances_per_target([m.models for m in edges])
    edges = [m.with_effect(effect) for m, effect in zip(edges, effects, strict=True)]
    # An edge under two names is one of its family.
    numbers = same_edges(pd.DataFrame([m.about for m in edges], columns=key))
    number = dict(zip(map(id, edges), numbers, strict=True))
    families: dict[tuple[str, str, bool], list[Measured]] = {}
    for edge in edges:
        families.setdefault(edge.family, []).append(edge)
    rows: dict[int, dict[str, object]] = {}
    for family, members in families.items():
        judged_ones = {number[id(m)]: m for m in members if m.learned}
        margins = [judgement.margin.of(m.baseline) for m in judged_ones.values()]
        in_family = [m.edge for m in judged_ones.values()]
        adjusted = corrected(
            judgement.correction,
            in_family,
            judgement.alpha,
            margins,
            judgement.looks,
            judgement.unmeasured.get(family, 0),
        )
        found = zip(map(float, adjusted.p), map(float, adjusted.levels), strict=True)
        stands = dict(zip(judged_ones, found, strict=True))
        for member in members:
            own = stands[number[id(member)]] if member.learned else None
            rows[id(member)] = _row(member, own, judgement)
    return edge_table([rows[id(edge)] for edge in edges], key)


@dataclass(frozen=True, eq=False)
class Measured:
    """An edge before it is judged among the others; `absence` says why scores are missing."""

    about: dict[str, Any]
    edge: MeasuredEdge
    baseline: float
    test_set: ScoresOnTest | None  # None where no run has all scores
    absence: Verdict | None
    learned: bool  # what it is held against
    collapsed: bool
    models: Models

    @property
    def family(self) -> tuple[str, str, bool]:
        """The edges among which this one is one of many."""
        return self.about["reading"], self.about["over"], self.about["arm"] in Control.known

    def of_family(self, *, resampled: bool) -> Measured:
        """The edge with what its family asks of it alone (`MeasuredEdge.of_family`)."""
        return replace(self, edge=self.edge.of_family(resampled=resampled))

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
    test_sets: Mapping[str, ScoresOnTest],
    failed: Collection[str],
) -> Measured:
    """Measure one edge, whose runs are the rows of `comparisons` for it; see `deltas`."""
    test_set = test_sets.get(about["target"])
    scores = test_set.scores() if test_set else {}

    def lacks(stage: str) -> bool:
        return math.isnan(scores.get(stage, math.nan))

    columns = {name: runs[name].tolist() for name in ("seed", *SIGNS) if name in runs}
    order = sorted(range(len(runs)), key=columns["seed"].__getitem__)
    # Further seeds of a baseline have no model beside them.
    own = _rows(columns, [n for n in order if columns["stage"][n]])
    further = _rows(columns, [n for n in order if not columns["stage"][n]])
    signs = {name: sign for name, sign in SIGNS.items() if any(own.get(name, ()))}
    if "control" in signs and own["control_baseline"] == own["baseline"]:
        # Stages that cancel are left out, so that what is equal differs by nothing.
        signs, further = {"stage": 1, "control": -1}, _rows(further, [])
    absent = {stage for name in signs for stage in own[name] if lacks(stage)}
    absent |= {stage for stage in further["baseline"] if lacks(stage)}
    rows = zip(*(own[name] for name in signs), strict=True)
    complete = _rows(own, [n for n, row in enumerate(rows) if not any(map(lacks, row))])
    further = _rows(further, [n for n, one in enumerate(further["baseline"]) if not lacks(one)])
    edge = MeasuredEdge(UNKNOWN, (), np.zeros(0), np.zeros((0, 1)))
    if test_set is not None and complete["seed"]:
        edge = edge_of(complete, further, signs, test_set)
    effect = edge.effect
    absence = None
    if absent:
        absence = Verdict.NOT_RUN if absent.isdisjoint(failed) else Verdict.FAILED
    measured = test_set if complete["seed"] else None
    values = {name: [scores.get(stage, math.nan) for stage in complete[name]] for name in signs}
    alone = [scores[stage] for stage in further["baseline"]]
    learned, collapsed = True, False
    if measured is not None:
        # A baseline that cancels may lack its score, and then says nothing.
        baseline = [scores[stage] for stage in complete["baseline"] if not lacks(stage)] + alone
        held_against = [baseline, *(values[name] for name in ("control",) if name in signs)]
        learned = all(has_learned(o, measured.constant) for o in held_against if o)
        collapsed = learned and not has_learned(values["stage"], measured.constant)
    # Controls and models that did not learn vary in ways of their own.
    usual = set(signs) == {"stage", "baseline"} and learned and not collapsed
    no_scores = [math.nan] * len(complete["seed"])
    return Measured(
        about=about,
        edge=edge,
        # What the score would be without the effect.
        baseline=float(np.mean(values["stage"])) - effect.mean if complete["seed"] else math.nan,
        test_set=measured,
        absence=absence,
        learned=learned,
        collapsed=collapsed,
        models=Models(
            effect,
            tuple(own["stage"]),
            f"{own['baseline'][0]} {about.get('arm') in Control.known}" if usual else "",
            pd.DataFrame(
                {
                    "stage": values.get("stage", no_scores) + [math.nan] * len(alone),
                    "baseline": values.get("baseline", no_scores) + alone,
                },
                index=complete["seed"] + further["seed"],
                dtype=np.float64,
            ),
        ),
    )


def _rows(columns: Mapping[str, list[Any]], chosen: Sequence[int]) -> dict[str, list[Any]]:
    return {name: [column[n] for n in chosen] for name, column in columns.items()}


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
        "n_documents": test_set.documents if test_set else 0,
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
