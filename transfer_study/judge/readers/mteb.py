"""Folders of results that mteb writes: `MODEL/REVISION/TASK.json`, scores without predictions.

A file has `scores` by split, each with an entry a subset (of a language, say), which has the
`main_score` beside others (seen of 2.26).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from transfer_study.errors import DataError, Problem
from transfer_study.files import read_json
from transfer_study.judge.answer_target import of_each
from transfer_study.judge.named_files import AnswerFile
from transfer_study.judge.readers import SCORE_ROWS

MAIN = "main_score"
Entries = Sequence[Mapping[str, Any]]  # of the subsets of a split


def rows_of_mteb(
    files: Sequence[AnswerFile], metrics: Mapping[str, str] | None = None, split: str = "test"
) -> pd.DataFrame:
    """A row of SCORE_ROWS a file, named by patterns as `results/{source}-s{seed}/*/{target}.json`.

    `metrics` are by target; without, it is the main score, under its own name where a file has it
    so. A value is the mean over subsets. Raises StudyError with all that is wrong.
    """
    metrics = metrics or {}
    entries = of_each(files, lambda file: _entries(file, split))
    of_target: dict[str, list[Entries]] = {}
    for file, subsets in zip(files, entries, strict=True):
        of_target.setdefault(file.run.target, []).append(subsets)
    names = {target: _main(found) for target, found in of_target.items()} | {**metrics}
    rows = of_each(zip(files, entries, strict=True), lambda read: _row(*read, names))
    return pd.DataFrame(rows, columns=[*SCORE_ROWS])


def _entries(file: AnswerFile, split: str) -> Entries:
    """What a file says of each subset of the split."""
    try:
        content = read_json(file.path)
        scores = content["scores"]
        found = scores.get(split) or []
        entries = [{**entry} for entry in found]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        said = f"no results as mteb writes them ({type(error).__name__}: {error})"
        raise DataError(
            Problem(f"{said}; give the files TASK.json alone", str(file.path))
        ) from None
    if not entries:
        splits = ", ".join(map(str, scores)) or "none"
        raise DataError(
            Problem(f"has no scores of the split {split!r}; found: {splits}", str(file.path))
        )
    return entries


def _main(files: Sequence[Entries]) -> str:
    """The name of what is the main score in all files of a target, whose range it tells."""
    entries = [entry for subsets in files for entry in subsets]
    names = [name for name in entries[0] if name != MAIN and isinstance(entries[0][name], float)]
    alike = (n for n in names if all(e.get(n) == e.get(MAIN) is not None for e in entries))
    return next(alike, MAIN)


def _row(file: AnswerFile, subsets: Entries, names: Mapping[str, str]) -> tuple[object, ...]:
    metric = names[file.run.target]
    values = [subset.get(metric) for subset in subsets]
    if not all(isinstance(value, float | int) for value in values):
        found = ", ".join(name for name, value in subsets[0].items() if isinstance(value, float))
        raise DataError(Problem(f"has no number {metric!r}; found: {found}", str(file.path)))
    run = file.run
    value = sum(map(float, filter(None, values))) / len(values)
    return run.encoder, run.source, run.target, metric, run.seed, value, run.arm, run.reading
