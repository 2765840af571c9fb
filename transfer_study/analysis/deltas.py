"""Scores of stages -> what each source does to each target, with a verdict."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from transfer_study.analysis.uncertainty import Interval, paired_t
from transfer_study.spec.frozen import Word
from transfer_study.spec.margin import Margin

EDGE = ["encoder", "source", "target", "arm", "reading", "metric"]
VARIANT = "variant"
COLUMNS = [
    *EDGE,
    *("baseline", "score", "delta", "low", "high", "p", "n_seeds", "n_test", "verdict"),
]


class Verdict(Word):
    """What an edge's numbers allow to say."""

    GAIN = "gain"
    LOSS = "loss"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"
    FAILED = "failed"
    NOT_RUN = "not_run"


def deltas(
    comparisons: pd.DataFrame, scores: pd.DataFrame, margin: Margin, failed: Collection[str]
) -> pd.DataFrame:
    """Compare each model that learned with sources to its single-task baseline, paired by seed.

    One row an edge, in the order of `comparisons` (columns EDGE, seed, stage, baseline, and variant
    where there are any; stage and baseline are stage ids). Of `scores`, the rows of split `test`
    count, found by stage, task and metric. `failed` are the stages that were tried in vain. Numbers
    are of the seeds for which both scores exist; `p` is of the two-sided paired t-test that the
    delta is 0.
    """
    test = scores[scores["split"] == "test"]
    of_stage = test.drop_duplicates(["stage", "task", "metric"]).set_index("stage")
    # An edge that was learned by several variants of the recipe is one row a variant.
    by = [name for name in comparisons if name in (*EDGE, VARIANT)]
    edges = [
        _edge(dict(zip(by, edge, strict=True)), runs.sort_values("seed"), of_stage, margin, failed)
        for edge, runs in comparisons.groupby(by, sort=False)
    ]
    return pd.DataFrame(edges, columns=[*(VARIANT for name in by if name == VARIANT), *COLUMNS])


def _edge(
    edge: dict[str, object],
    runs: pd.DataFrame,
    of_stage: pd.DataFrame,
    margin: Margin,
    failed: Collection[str],
) -> dict[str, object]:
    tested = of_stage[(of_stage["task"] == edge["target"]) & (of_stage["metric"] == edge["metric"])]
    score, baseline = (runs[side].map(tested["value"]) for side in ("stage", "baseline"))
    both = score.notna() & baseline.notna()
    interval = paired_t((score - baseline)[both])
    mean_baseline = float(baseline[both].mean())
    absent = {*runs["stage"][score.isna()], *runs["baseline"][baseline.isna()]}
    if absent:
        verdict = Verdict.NOT_RUN if absent.isdisjoint(failed) else Verdict.FAILED
    else:
        verdict = verdict_of(interval, margin.of(mean_baseline))
    return {
        **edge,
        "baseline": mean_baseline,
        "score": float(score[both].mean()),
        "delta": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "p": interval.p,
        "n_seeds": int(both.sum()),
        "n_test": int(tested["n"].reindex(runs["stage"][both]).max()) if both.any() else 0,
        "verdict": str(verdict),
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
