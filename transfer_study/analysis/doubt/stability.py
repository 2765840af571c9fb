"""How steady learning is: the mean, spread and failures over seeds of each variant of a recipe."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pandas as pd

from transfer_study.analysis.edges import SIZE, VARIANT, Verdict
from transfer_study.analysis.effects.axes import with_axes
from transfer_study.analysis.effects.deltas import verdict_of
from transfer_study.analysis.effects.learned import has_learned, is_above
from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.analysis.effects.uncertainty import UNKNOWN, crossed
from transfer_study.study.margin import Margin
from transfer_study.study.plan import Plan

# What names a system, whatever its recipe and seed; only studies of several sizes have these.
_SYSTEM = ["encoder", "reading", "arm", "source", "task", SIZE, "metric"]
STABILITY_COLUMNS = [
    *_SYSTEM,
    VARIANT,
    *("n_seeds", "mean", "sd", "lowest", "highest", "constant", "failed", "failed_share"),
    *("delta", "low", "high", "p", "verdict"),
]


def run_table(plan: Plan, scores: pd.DataFrame, test_sets: Mapping[str, TestSet]) -> pd.DataFrame:
    """One row a run: what names its system, variant, seed, stage, value, and `constant`.

    `value` is by the task's metric.
    `constant` is the score of the best constant answer: a run that is not above it has learned
    nothing. Without predictions both are NaN.
    """
    tasks = {task.name: task for task in plan.study.tasks}
    runs = pd.DataFrame(
        [
            (
                *(s.encoder, str(s.reading), s.arm, s.source, s.target, s.size),
                *(str(tasks[s.target].metric), s.variant, s.seed, s.stage.id),
            )
            for s in plan.systems
        ],
        columns=[*_SYSTEM, VARIANT, "seed", "stage"],
    )
    runs = with_axes(plan, runs, "task")
    values = scores.drop_duplicates(["stage", "task", "metric"])
    runs = runs.merge(
        values[["stage", "task", "metric", "value"]], on=["stage", "task", "metric"], how="left"
    )
    constants = {name: test_set.constant for name, test_set in test_sets.items()}
    return runs.assign(constant=runs["task"].map(constants).astype(float))


def stability_table(
    runs: pd.DataFrame,
    test_sets: Mapping[str, TestSet],
    margin: Margin,
    failed: Collection[str],
) -> pd.DataFrame:
    """Summarise runs (`run_table`) over seeds, one row a system and variant, in their order.

    A system at two training sizes is two.
    `sd` is the standard deviation over seeds. A run has failed where its score is not above
    `constant`, or where its stage is one of `failed`: those that were tried in vain, which have no
    score. `delta` is the mean difference from the first variant, paired by seed, with its 95%
    interval, p and verdict as for an edge by itself; the first variant has none.
    """
    rows = []
    for about, group in by_system(runs):
        variants = dict(iter(group.groupby(VARIANT, sort=False)))
        first = next(iter(variants.values()))
        rows += [
            {
                **about,
                VARIANT: name,
                **_summary(variant, failed),
                **(
                    _change(variant, first, test_sets, margin, failed)
                    if variant is not first
                    else {}
                ),
            }
            for name, variant in variants.items()
        ]
    sized = [SIZE] if SIZE in runs else []
    columns = [name for name in STABILITY_COLUMNS if name != SIZE or sized]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(sized, "Int64"))


def by_system(table: pd.DataFrame) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """The rows of each system, with what names it; of `run_table` or `stability_table`."""
    key = [name for name in _SYSTEM if name in table]
    for system, rows in table.groupby(key, sort=False, dropna=False):
        yield dict(zip(key, system, strict=True)), rows


def has_failed(runs: pd.DataFrame, failed: Collection[str]) -> pd.Series[bool]:
    """Which runs have failed."""
    scored = runs["value"].notna()
    vain = scored & ~is_above(runs["value"], runs["constant"])
    return vain | runs["stage"].isin(failed)


def _summary(runs: pd.DataFrame, failed: Collection[str]) -> dict[str, object]:
    values = runs["value"].dropna()
    vain = has_failed(runs, failed)
    n = int((runs["value"].notna() | vain).sum())
    return {
        "n_seeds": n,
        "mean": values.mean(),
        "sd": values.std(ddof=1),
        "lowest": values.min(),
        "highest": values.max(),
        "constant": runs["constant"].iloc[0],
        "failed": int(vain.sum()),
        "failed_share": vain.sum() / n if n else float("nan"),
    }


def _change(
    variant: pd.DataFrame,
    first: pd.DataFrame,
    test_sets: Mapping[str, TestSet],
    margin: Margin,
    failed: Collection[str],
) -> dict[str, object]:
    values, baseline = (runs.set_index("seed")["value"] for runs in (variant, first))
    differences = (values - baseline).dropna()
    interval, learned = UNKNOWN.interval(), True
    if len(differences):
        test_set = test_sets[variant["task"].iloc[0]]
        learned = has_learned(baseline[differences.index], test_set.constant)
        stages = (runs.set_index("seed")["stage"][differences.index] for runs in (variant, first))
        one, other = (test_set.replicates(list(ids)) for ids in stages)
        effect = crossed(differences, one - other, test_set.units)
        interval = test_set.possible(effect.interval(), float(baseline.mean()))
    absent = {stage for runs in (variant, first) for stage in runs["stage"][runs["value"].isna()]}
    verdict = verdict_of(interval, margin.of(float(baseline.mean())))
    if not learned:
        verdict = Verdict.NOT_LEARNED
    if absent:
        verdict = Verdict.NOT_RUN if absent.isdisjoint(failed) else Verdict.FAILED
    return {
        "delta": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "p": interval.p,
        "verdict": str(verdict),
    }
