"""Whether scores are within the range of their metric, and all in percent or all fractions of 1."""

from __future__ import annotations

import pandas as pd

from transfer_study.judge.mistakes import Mistakes
from transfer_study.metrics.metric_names import least_score

# Where scores in percent go beyond it, those within 1 were left as fractions.
_FAR = 10.0
_SHOWN = 3  # names of other targets


def check_scale(rows: pd.DataFrame, mistakes: Mistakes, *, percent: bool) -> None:
    """Note what does not fit; values are as the file has them."""
    if percent:
        _check_percent(rows, mistakes)
    else:
        _check_above_one(rows, mistakes)
    scale = 100 if percent else 1
    least = rows["metric"].map(least_score) * scale
    for (target, metric), low in rows[rows["value"] < least].groupby(["target", "metric"]):
        value, lowest = low["value"].min(), least_score(str(metric)) * scale
        mistakes.add(
            f"found {value:g} for {target}, and {metric} is at least {lowest:g}; mend it"
            + ("" if lowest else ", or call a correlation so, such as pearson"),
            *low["line"],
        )


def _check_above_one(rows: pd.DataFrame, mistakes: Mistakes) -> None:
    above = rows[rows["value"] > 1]
    if above.empty:
        return
    within = [name for name in rows["target"].unique() if name not in {*above["target"]}]
    if not within:
        mistakes.add(
            f"found scores up to {above['value'].max():g}, and scores are fractions of 1; "
            "give --percent where all are in percent, or mend them",
            *above["line"],
        )
        return
    for target, high in above.groupby("target", sort=False):
        mistakes.add(
            f"found scores up to {high['value'].max():g} for {target}, while those of "
            f"{_listed(within)} are fractions of 1; write all alike, and give --percent where that "
            "is in percent",
            *high["line"],
        )


def _check_percent(rows: pd.DataFrame, mistakes: Mistakes) -> None:
    for target, high in rows[rows["value"] > 100].groupby("target", sort=False):
        mistakes.add(
            f"found {high['value'].max():g} for {target}, which is more than 100 percent; mend it, "
            "or leave --percent out",
            *high["line"],
        )
    # A score of 0 is one in percent too, and a model may fail in one run: all of an edge's count.
    edge = [rows[name] for name in ("encoder", "arm", "source", "target", "metric")]
    most = rows["value"].abs().groupby(edge).transform("max")
    fractions = rows[(most > 0) & (most <= 1)]
    largest = rows["value"].abs().max()
    if fractions.empty or 1 < largest <= _FAR:
        return
    if largest <= 1:
        mistakes.add(
            f"found no score above {largest:g}, so that they seem to be fractions of 1; leave "
            "--percent out",
        )
        return
    for target, low in fractions.groupby("target", sort=False):
        mistakes.add(
            f"found scores up to {low['value'].abs().max():g} for {target} under --percent, while "
            f"others are up to {largest:g}; write all in percent, or all as fractions of 1 and "
            "leave --percent out",
            *low["line"],
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
