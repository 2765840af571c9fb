"""Why an effect has no interval, in the words that every table, figure and sentence uses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from transfer_study.analysis.edges import Verdict
from transfer_study.analysis.effects.uncertainty import ROUNDING, Interval

ONE_SEED = "one seed"
ONE_DOCUMENT = "one test document"
ALIKE = "all seeds change it alike"
_NOT_JUDGED = (Verdict.NOT_LEARNED, Verdict.FAILED, Verdict.NOT_RUN)


def lacking(row: Mapping[Any, Any] | pd.Series[Any]) -> str:
    """Why a row of deltas has no adjusted interval; empty where it has one, or is not judged."""
    if pd.notna(row["adjusted_low"]) or row["verdict"] in _NOT_JUDGED:
        return ""
    return why_no_interval(
        int(row["n_seeds"]), int(row["n_documents"]), row["seed_sd"], row["example_error"]
    )


def why_no_interval(n_seeds: int, n_documents: int, seed_sd: float, example_error: float) -> str:
    """What is wrong with an effect whose interval has no ends; the numbers are those of deltas."""
    if n_seeds < 2:
        return ONE_SEED
    if n_documents == 1:
        return ONE_DOCUMENT
    if not (seed_sd > ROUNDING or example_error > ROUNDING):
        return ALIKE
    return f"no usable interval with {n_seeds} seeds"


def no_interval_of_scores(interval: Interval, n_seeds: int) -> str:
    """Why the mean of a system's scores over seeds has no interval; empty where it has one."""
    if not math.isnan(interval.low):
        return ""
    if n_seeds < 2:
        return ONE_SEED
    if math.isnan(interval.p):
        return "all runs score alike"
    return f"no usable interval with {n_seeds} seeds"
