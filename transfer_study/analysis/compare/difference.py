"""Two studies edge by edge: what became of each effect, and how sure the difference is.

That one effect is significant and another is not does not make them different (Gelman and Stern,
2006): the difference has an interval of its own, and that interval alone shows a difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from transfer_study.analysis.edges import SIZE, VARIANT, Verdict, asked_edges, raw_edges, same_edges
from transfer_study.analysis.effects.corrections import Corrected, MeasuredEdge, corrected, judged
from transfer_study.analysis.effects.deltas import measure
from transfer_study.analysis.effects.double_difference import independent, joint
from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.analysis.effects.uncertainty import (
    UNKNOWN,
    Crossed,
    Interval,
    Variance,
    combined,
)
from transfer_study.analysis.graph.views import at_size
from transfer_study.errors import StudyError
from transfer_study.metrics import score_span
from transfer_study.study.correction import Correction
from transfer_study.study.frozen import Word

_ENDS = ["encoder", "source", "target", "arm", "reading"]
_OF_SIDE = [
    "metric",
    "baseline",
    "delta",
    "adjusted_low",
    "adjusted_high",
    "verdict",
    "n_seeds",
    "n_test",
]
_OF_ERROR = ["seed_sd", "seed_freedom", "example_error", "n_documents"]


class Happened(Word):
    """What became of an edge of the first study in the second; in the order of the table."""

    FLIPPED = "flipped"  # from gain to loss or back
    APPEARED = "appeared"  # became a gain or a loss
    VANISHED = "vanished"  # was a gain or a loss
    CHANGED = "changed"  # the same verdict, of another size
    KEPT = "kept"
    ONLY_A = "only_a"
    ONLY_B = "only_b"
    NOT_MEASURED = "not_measured"  # in both studies, but in one failed, not run or not learned


@dataclass(frozen=True, eq=False)
class Side:
    """What is known of one of two studies.

    `deltas` is the table of `analysis.deltas`. With `comparisons`, and the test sets of its models
    by target, differences are computed from answers, else from what the table says of errors. Where
    both studies have one test set, both hold the same object.
    """

    name: str
    deltas: pd.DataFrame
    comparisons: pd.DataFrame | None = None
    test_sets: Mapping[str, TestSet] = field(default_factory=dict)


def differences(a: Side, b: Side, correction: Correction) -> pd.DataFrame:
    """Hold each edge of the second study against that of the first; one row an edge of either.

    Columns: variant and size where both studies have them, encoder (and `encoder_b`, where it is
    another), source, target, arm, reading, metric; of each study `baseline_a`, `delta_a`,
    `adjusted_low_a`, `adjusted_high_a`, `verdict_a`, `n_seeds_a`, `n_test_a`, and the same with
    `_b`; `difference` (b - a), `low`, `high` and `p` by itself and `adjusted_*` among all common
    edges; `seed_error` and `example_error`, the parts of its standard error, and `freedom`;
    `same_test`: whether test examples were paired; `shown`: whether the adjusted interval excludes
    zero; `happened`. Control arms, and effects over controls, are left out. Scores are fractions
    of 1.
    """
    key, of_a, of_b = _matched(a, b)
    table = of_a.merge(of_b, on=key, how="outer", suffixes=("_a", "_b"), sort=False)
    measured = [_difference(row, a, b) for row in table.to_dict("records")]
    # An edge under two names is one of the family.
    both = table[["verdict_a", "verdict_b"]].notna().all(axis=1)
    numbers = list(zip(same_edges(table), both, strict=True))
    common = {n: effect for n, (effect, _) in zip(numbers, measured, strict=True)}
    adjusted = _corrected([*common.values()], correction)
    stands = dict(zip(common, zip(adjusted.p, adjusted.levels, strict=True), strict=True))
    rows = []
    for row, (effect, same), number in zip(
        table.to_dict("records"), measured, numbers, strict=True
    ):
        alone, among = (
            _possible(interval, row)
            for interval in (effect.interval(), judged(correction, effect, stands[number][1]))
        )
        shown = among.low > 0 or among.high < 0
        rows.append(
            {
                **row,
                "metric": row["metric_a"] if isinstance(row["metric_a"], str) else row["metric_b"],
                "difference": effect.mean,
                "low": alone.low,
                "high": alone.high,
                "p": alone.p,
                "adjusted_low": among.low,
                "adjusted_high": among.high,
                "adjusted_p": float(stands[number][0]),
                "seed_error": effect.seed_sd,
                "example_error": effect.example_error,
                "freedom": effect.freedom,
                "same_test": same,
                "shown": shown,
                "happened": str(happened(row["verdict_a"], row["verdict_b"], shown)),
            }
        )
    return _in_order(pd.DataFrame(rows, columns=_columns(key)))


def signs_and_ranks(table: pd.DataFrame) -> tuple[int, int, float]:
    """Of edges (rows of `differences`): how many have a delta in both, of one sign, and rank alike.

    The last is Spearman's correlation of the two studies' deltas, NaN of fewer than three edges or
    where those of a study are all the same.
    """
    both = table[["delta_a", "delta_b"]].dropna()
    same = int((np.sign(both["delta_a"]) == np.sign(both["delta_b"])).sum())
    alone = len(both) < 3 or (both.nunique() < 2).any()
    if alone:
        return len(both), same, float("nan")
    return len(both), same, float(both["delta_a"].corr(both["delta_b"], method="spearman"))


def happened(before: object, after: object, shown: bool) -> Happened:
    """What became of an edge with these verdicts; a study that lacks it has no verdict (NaN)."""
    if not (isinstance(before, str) and isinstance(after, str)):
        return Happened.ONLY_A if isinstance(before, str) else Happened.ONLY_B
    if {before, after} & {Verdict.FAILED, Verdict.NOT_RUN, Verdict.NOT_LEARNED}:
        return Happened.NOT_MEASURED
    effects = {Verdict.GAIN, Verdict.LOSS}
    if before == after or not {before, after} & effects:
        return Happened.CHANGED if shown else Happened.KEPT
    if {before, after} == effects:
        return Happened.FLIPPED
    return Happened.APPEARED if after in effects else Happened.VANISHED


def _matched(a: Side, b: Side) -> tuple[list[str], pd.DataFrame, pd.DataFrame]:
    """The columns by which edges are the same, and the edges of each study by their side."""
    of_a, of_b = (_edges(side) for side in (a, b))
    key = list(_ENDS)
    if of_a["encoder"].nunique() == of_b["encoder"].nunique() == 1:
        name = of_b["encoder"].iloc[0]
        of_b = of_b.assign(encoder=of_a["encoder"].iloc[0], encoder_b=name)
    else:
        of_b = of_b.assign(encoder_b=of_b["encoder"])
    key += [axis for axis in (VARIANT, SIZE) if axis in of_a and axis in of_b]
    if SIZE not in key:
        of_a, of_b = (at_size(edges, None) for edges in (of_a, of_b))
    for side, edges in ((a, of_a), (b, of_b)):
        if edges.duplicated(key).any():
            raise StudyError(
                f"{side.name} has several recipes (`variants`) and the other study has none, so "
                "it is not known which to hold against it; compare it with a study that has both"
            )
    keep = [*key, *_OF_SIDE, *_OF_ERROR]
    return key, of_a[keep], of_b[[*keep, "encoder_b"]]


def _edges(side: Side) -> pd.DataFrame:
    """The rows that are compared."""
    lacking = [name for name in (*_OF_SIDE, *_OF_ERROR, "over") if name not in side.deltas]
    if lacking:
        raise StudyError(
            f"the deltas of {side.name} have no column {lacking[0]!r}, for an earlier version "
            "wrote them; write them again with `transfer-study report`"
        )
    rows = side.deltas
    return asked_edges(rows.assign(over=rows["over"].fillna("")))


def _columns(key: list[str]) -> list[str]:
    axes = [name for name in key if name not in _ENDS]
    sides = [f"{name}_{side}" for side in "ab" for name in _OF_SIDE if name != "metric"]
    intervals = ["low", "high", "p", "adjusted_low", "adjusted_high", "adjusted_p"]
    errors = ["seed_error", "example_error", "freedom", "same_test"]
    ends = ["encoder", "encoder_b", *_ENDS[1:], "metric"]
    return [*axes, *ends, *sides, "difference", *intervals, *errors, "shown", "happened"]


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """By what happened; what is shown, and the larger difference, first."""
    ranks = {str(kind): rank for rank, kind in enumerate(Happened)}
    order = table.assign(
        _rank=table["happened"].map(ranks),
        _hidden=~table["shown"].astype(bool),
        _size=-table["difference"].abs(),
    ).sort_values(["_rank", "_hidden", "_size", "reading", "target", "source"])
    return table.loc[order.index].reset_index(drop=True)


def _corrected(effects: list[Crossed], correction: Correction) -> Corrected:
    """All common edges as one family.

    The resamples of max-T would have to be of the runs and examples of both studies, which need
    not be the same: Holm's correction holds the same error rate without them.
    """
    method = Correction.HOLM if correction is Correction.MAX_T else correction
    none = np.zeros(0)
    return corrected(method, [MeasuredEdge(effect, (), none, none) for effect in effects])


def _difference(row: Mapping[Any, Any], a: Side, b: Side) -> tuple[Crossed, bool]:
    """The uncertainty of one difference, and whether its test examples are paired."""
    verdicts = row["verdict_a"], row["verdict_b"]
    if not all(isinstance(verdict, str) for verdict in verdicts):
        return UNKNOWN, False
    test_set = a.test_sets.get(row["target"])
    same = test_set is not None and b.test_sets.get(row["target"]) is test_set
    if Verdict.NOT_LEARNED in verdicts:  # it is of no family
        return Crossed(float(row["delta_b"] - row["delta_a"])), same
    if test_set is None or not same:
        return independent(_known(row, "a"), _known(row, "b")), False
    first, second = (
        measure({"target": row["target"]}, _runs(side, row, encoder), side.test_sets, ()).edge
        for side, encoder in ((a, row["encoder"]), (b, row["encoder_b"]))
    )
    return joint(first, second, test_set.units), True


def _possible(interval: Interval, row: Mapping[Any, Any]) -> Interval:
    """The interval of a difference of effects as far as the metrics go."""
    metrics = [row[name] for name in ("metric_a", "metric_b") if isinstance(row[name], str)]
    most = sum(score_span(metric) for metric in metrics)
    return interval.within(-most, most)


def _runs(side: Side, row: Mapping[Any, Any], encoder: str) -> pd.DataFrame:
    """The comparisons of an edge, one a seed."""
    assert side.comparisons is not None
    runs = raw_edges(side.comparisons)
    if SIZE in runs and SIZE not in row:
        runs = at_size(runs, None)
    chosen = runs["encoder"] == encoder
    for name in (*_ENDS[1:], VARIANT, SIZE):
        if name in row and name in runs:
            same = runs[name].isna() if pd.isna(row[name]) else runs[name] == row[name]
            chosen &= same.fillna(False).astype(bool)
    return runs[chosen].sort_values("seed")


def _known(row: Mapping[Any, Any], side: str) -> Crossed:
    """What the table of deltas says of an effect."""
    mean, sd, freedom, examples, units = (
        float(row[f"{name}_{side}"]) for name in ("delta", *_OF_ERROR)
    )
    seeds = int(row[f"n_seeds_{side}"])
    if seeds < 2 or units < 2:
        return Crossed(mean)
    runs = sd**2 / seeds
    # The table's error is that of a fresh test set already.
    resampled = examples**2 * (1 - 1 / units)
    return combined(mean, Variance(runs, freedom, resampled, units), 1)


def shared(a: TestSet, b: TestSet) -> TestSet:
    """The models of both on the one test set that the two are; a model of both counts once."""
    further = [m for m, identity in enumerate(b.stages) if identity not in a.stages]
    statistics = np.concatenate([a.statistics, b.statistics[:, further]], axis=1)
    stages = (*a.stages, *(b.stages[m] for m in further))
    return TestSet(a.task, a.metric, a.n, a.constant, stages, statistics)
