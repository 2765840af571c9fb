"""Exports of MLflow or Weights & Biases: a CSV file with one row a run, parameters and metrics.

MLflow's `search_runs(...).to_csv()` calls columns `params.source` and `metrics.eval_accuracy`, the
export of a table of runs in Weights & Biases as they were logged: `source`, `eval/accuracy`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from transfer_study.data.files.faults import Faults
from transfer_study.data.files.plain_text import read_text
from transfer_study.errors import DataError
from transfer_study.judge.readers import SCORE_ROWS
from transfer_study.judge.runs import ALONE
from transfer_study.study.characters import composed, shown
from transfer_study.study.spelling import did_you_mean

# What programs say of runs that came to their end, in these columns.
_STATES = ("status", "State")
_ENDED = {"finished"}
_UNSAID = {**dict.fromkeys(SCORE_ROWS, ""), "encoder": "model"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreColumn:
    """A column of scores: of which metric, and of which target if no column says that."""

    name: str
    metric: str
    target: str | None = None


def rows_of_export(
    file: Path, columns: Mapping[str, str], scores: list[ScoreColumn]
) -> tuple[pd.DataFrame, int]:
    """A row of SCORE_ROWS a run and score, all as text, and how many runs have not ended.

    `columns` are names by role: encoder, source, target, seed, arm, reading. A run that was trained
    on several targets has a column of scores of each; an empty field is no score. Runs that a
    column `status` or `State` calls unfinished are left out. Raises DataError for missing columns.
    """
    faults = Faults(str(file))
    reader = csv.reader(io.StringIO(read_text(file), newline=""))
    header = [composed(name.strip()) for name in next(reader, [])]
    for role, name in [*columns.items(), *((score.metric, score.name) for score in scores)]:
        if name not in header:
            near = did_you_mean(name, header)
            faults.add(
                f"no column {name!r} ({role}); found: {', '.join(map(shown, header))}{near}", 1
            )
    for role in ("source", "seed"):
        if role not in columns:
            faults.add(f"no column is named for the {role}; say which parameter holds it")
    if "target" not in columns and any(score.target is None for score in scores):
        faults.add(
            "no column is named for the target; say it, or the target of each score's column"
        )
    rows, unfinished = [], 0
    for number, fields in enumerate(reader, start=1):
        if faults:
            break
        if len(fields) != len(header):
            faults.add(f"row {number} has {len(fields)} fields, and the header {len(header)}")
            break
        run = dict(zip(header, map(str.strip, fields), strict=True))
        states = [run[name].casefold() for name in _STATES if name in run]
        if any(state and state not in _ENDED for state in states):
            unfinished += 1
            continue
        said = {role: run[name] for role, name in columns.items()}
        # As MLflow writes that there is none.
        said["source"] *= said["source"].casefold() not in ALONE
        for score in scores:
            if run[score.name]:
                of_score = {"metric": score.metric, "value": run[score.name]}
                target = {"target": score.target} if score.target else {}
                rows.append({**_UNSAID, **said, **of_score, **target})
    if faults:
        raise DataError(*faults.problems)
    return pd.DataFrame(rows, columns=[*SCORE_ROWS]), unfinished
