"""A table of scores that others computed -> what is compared with what."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from transfer_study.analysis.effects.scores_on_test import ScoresAlone
from transfer_study.errors import Problem, StudyError
from transfer_study.judge.arm_labels import said_label
from transfer_study.judge.given import RUN_COLUMNS, Given
from transfer_study.judge.mistakes import Mistakes
from transfer_study.judge.score_file import ScoreText, read_text_of_scores
from transfer_study.judge.score_pairs import check_baselines, check_runs, effect_text, in_readings
from transfer_study.judge.score_rows import rows_of
from transfer_study.judge.score_scale import check_scale
from transfer_study.judge.score_targets import (
    check_facts,
    check_metrics,
    facts_of_targets,
    of_metrics,
)
from transfer_study.metrics.metric_names import least_score
from transfer_study.points import counted
from transfer_study.study.arms import SINGLE

_EDGE = ["encoder", "reading", "arm", "source", "target"]
_SHOWN = 5  # names in a note


@dataclass(frozen=True)
class TableRequest:
    """How a table of scores is to be read.

    `columns` are the names of columns by role, where a column is called otherwise than its role.
    With `percent` all scores are in percent, `constants` too. `arm` is that of models of which the
    table says none. By target, `metrics` choose among several, or name the one of a table without
    that column; `constants` are scores of the best constant answer and `n_test` counts test
    examples: these take the place of what the table says.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    percent: bool = False
    arm: str | None = None
    metrics: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, float] = field(default_factory=dict)
    n_test: Mapping[str, int] = field(default_factory=dict)


def read_scores(file: Path, asked: TableRequest) -> Given:
    """Read a CSV, TSV or parquet file with a header and one row a run and target.

    Its columns are source (or sources), target, seed and value, and there may be encoder, metric,
    arm, reading, n_test and constant; others are not read. Raises StudyError with all that is
    wrong.
    """
    mistakes = Mistakes(file, "row" if file.suffix.lower() == ".parquet" else "line")
    return _given(read_text_of_scores(file, asked.columns, mistakes), asked, mistakes)


def scores_of_rows(rows: pd.DataFrame, file: Path, asked: TableRequest) -> Given:
    """Read rows with the columns of SCORE_ROWS, as another reader has them of a file."""
    if rows.empty:
        raise StudyError(Problem("there is no run in it", str(file)))
    fields = {str(name): [*map(str, rows[name])] for name in rows}
    text = ScoreText(fields, range(1, len(rows) + 1), (), True)
    return _given(text, asked, Mistakes(file, "run"))


def _given(text: ScoreText, asked: TableRequest, mistakes: Mistakes) -> Given:
    text, left_out = of_metrics(text, asked.metrics, mistakes)
    rows, whole = rows_of(text, _arm(asked.arm, mistakes), mistakes)
    check_metrics(rows, mistakes)
    check_scale(rows, mistakes, percent=asked.percent)
    whole_score = 100 if asked.percent else 1
    rows[["value", "constant"]] /= whole_score
    given = {target: constant / whole_score for target, constant in asked.constants.items()}
    constants = facts_of_targets(rows, "constant", given, mistakes)
    n_test = facts_of_targets(rows, "n_test", asked.n_test, mistakes)
    check_facts(rows, constants, n_test, mistakes)
    runs = in_readings(rows)
    check_runs(runs, text.unread, mistakes)
    if whole and text.whole:
        check_baselines(runs, mistakes)
    mistakes.check()
    runs = runs.assign(run=_names(runs))
    test_sets = {
        str(target): ScoresAlone(
            str(target),
            dict(zip(of["run"], of["value"], strict=True)),
            int(n_test.get(str(target), 0)),
            constants.get(str(target), math.nan),
            least_score(of["metric"].iloc[0]),
        )
        for target, of in runs.groupby("target", sort=False)
    }
    notes = (*_notes(runs, constants, text.unread), *left_out)
    return Given(runs[[*RUN_COLUMNS]], test_sets, notes)


def _arm(asked: str | None, mistakes: Mistakes) -> str:
    """The label of what is asked of models of which the table says no arm."""
    try:
        label = said_label(asked) if asked else ""
        if label == SINGLE.label:
            raise ValueError("found 'single', which is the arm of rows without a source")
    except ValueError as error:
        mistakes.add(f"--arm: {error}")
        return ""
    return label


def _names(runs: pd.DataFrame) -> list[str]:
    """What each run is called, with its arm and reading where the table has several of them."""
    models = runs[runs["arm"] != SINGLE.label]
    several = {name: models[name].nunique() > 1 for name in ("arm", "reading")}
    columns = ("encoder", "source", "target", "arm", "said", "seed")
    named: dict[str, int] = {}
    names = []
    for line, encoder, source, target, arm, said, seed in runs[["line", *columns]].itertuples(
        index=False, name=None
    ):
        marks = [arm] if several["arm"] and source else []
        marks += [said] if several["reading"] and said else []
        name = ", ".join([effect_text(encoder, source, target), *marks, f"seed {seed}"])
        # Names of others may make two alike that are not.
        names.append(name if named.setdefault(name, line) == line else f"{name}, line {line}")
    return names


def _notes(
    runs: pd.DataFrame, constants: Mapping[str, float], unread: tuple[str, ...]
) -> Iterator[str]:
    yield (
        "Intervals are of the seeds alone, for the answers behind the scores are not known: they "
        "say nothing of how other test examples would have come out."
    )
    edges = runs[runs["arm"] != SINGLE.label].groupby(_EDGE)["seed"].nunique()
    single = int((edges == 1).sum())
    if single == len(edges):
        yield "Every model has one seed, of which no interval can be made: nothing is decided."
    elif single:
        yield (
            f"{counted(single, 'edge')} of {len(edges)} with one seed alone stay undecided, for "
            "no interval can be made of it."
        )
    unknown = [name for name in map(str, runs["target"].unique()) if name not in constants]
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        yield (
            "Whether a model has learned its target at all is told by the best constant answer's "
            f"score alone, which is not given for {', '.join(unknown[:_SHOWN])}{more} (--constant)."
        )
    if named := ", ".join(filter(None, unread)):
        yield f"These columns were not read: {named}."
