"""Scores of stages -> what each source does to each target, with a verdict."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from transfer_study.analysis.uncertainty import Interval, paired_t
from transfer_study.spec.frozen import Word
from transfer_study.spec.margin import Margin

EDGE = ["encoder", "source", "target", "arm", "reading", "metric"]
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
    """Compare each model with its baseline, paired by seed.

    One row an edge, in the order of `comparisons` (columns EDGE, seed, stage, baseline; the last
    two are stage ids; with a column `size` there is an edge a size). Of `scores`, the rows of split
    `test` count, found by stage, task and metric. `failed` are the stages that were tried in vain.
    Numbers are of the seeds for which both scores exist; `p` is of the two-sided paired t-test that
    the delta is 0.
    """
    test = scores[scores["split"] == "test"]
    of_stage = test.drop_duplicates(["stage", "task", "metric"]).set_index("stage")
    axes = ["size"] if "size" in comparisons else []
    key = [*EDGE, *axes]
    edges = [
        _edge(dict(zip(key, edge, strict=True)), runs.sort_values("seed"), of_stage, margin, failed)
        for edge, runs in comparisons.groupby(key, sort=False, dropna=False)
    ]
    at = EDGE.index("target") + 1
    table = pd.DataFrame(edges, columns=[*COLUMNS[:at], *axes, *COLUMNS[at:]])
    return table.astype(dict.fromkeys(axes, "Int64"))


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
        verdict = _verdict(interval, margin.of(mean_baseline))
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


def _verdict(interval: Interval, margin: float) -> Verdict:
    # Comparisons with the NaN of a single seed are false: it stays undecided.
    if interval.low > 0 and interval.mean > margin:
        return Verdict.GAIN
    if interval.high < 0 and interval.mean < -margin:
        return Verdict.LOSS
    if -margin <= interval.low and interval.high <= margin:
        return Verdict.EQUIVALENT
    return Verdict.UNDECIDED
