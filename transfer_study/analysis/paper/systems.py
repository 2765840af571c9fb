"""The systems of the paper's tables in a study: their scores over seeds beside the published."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from transfer_study.analysis.edges import SIZE
from transfer_study.analysis.effects.uncertainty import paired_t
from transfer_study.metrics import score_span
from transfer_study.published import (
    PublishedScore,
    SystemKind,
    corpora,
    published_encoder,
    published_scores,
)
from transfer_study.study.arms import FULL, SINGLE
from transfer_study.study.joined import joined
from transfer_study.study.plan import Plan
from transfer_study.study.reading import Reading
from transfer_study.study.sizes import data_sets, train_sizes
from transfer_study.study.study import Study
from transfer_study.study.tasks.source import SPLITS

AVERAGE = "average"
CELL_COLUMNS = [
    *("encoder", "system", "mix", "task", "metric", "mean", "sd", "low", "high", "n_seeds"),
    *("published", "published_metric", "published_tables", "notes"),
]
_ORDER = list(SystemKind)


@dataclass(frozen=True, slots=True)
class SystemRow:
    """A system of an encoder, by the tasks that are learned together; none for a single task.

    `paper` is the paper's name of the encoder, and `pretrained` says that the study has pretrained
    it further, which makes it another than the paper's. `place` is where the study has its scores:
    the reading and the arm; None for what only the paper has.
    """

    encoder: str
    paper: str | None
    system: SystemKind
    mix: frozenset[str]
    place: tuple[Reading, str] | None
    pretrained: bool = False


def system_table(plan: Plan, scores: pd.DataFrame) -> pd.DataFrame:
    """One row a system and task, and one for the average over the study's tasks.

    `mean`, `sd` and the 95% t interval `low` to `high` are over seeds, NaN where these are too
    few or all alike; the average is taken seed by seed. `mix` names the tasks that were learned
    together. Of a task of several training sizes the largest counts, told by a column `size`.
    `published` is NaN where the paper has no such cell; values are fractions of 1.
    """
    names = [task.name for task in plan.study.tasks]
    scores, sizes = at_largest(plan.study, scores), largest_sizes(plan.study)
    cells = []
    for row in system_rows(plan.study):
        about = (row.encoder, str(row.system), joined(sorted(row.mix)))
        by_task = {
            task.name: seed_values(scores, row, task.name, str(task.metric))
            for task in plan.study.tasks
        }
        published = {s.task: s for s in published_scores() if _is_in(s, row)}
        for task in plan.study.tasks:
            said = published.get(task.name)
            cells.append(
                (
                    *about,
                    task.name,
                    str(task.metric),
                    *summary(by_task[task.name], score_span(task.metric)),
                    said.value if said else math.nan,
                    str(said.metric) if said else "",
                    "+".join(map(str, said.tables)) if said else "",
                    "; ".join(said.notes) if said else "",
                )
            )
        if len(names) > 1:
            average = pd.DataFrame(by_task).reindex(columns=names).dropna().mean(axis=1)
            values = [published[name].value for name in names if name in published]
            whole = sum(values) / len(names) if len(values) == len(names) else math.nan
            span = max(score_span(task.metric) for task in plan.study.tasks)
            cells.append((*about, AVERAGE, "", *summary(average, span), whole, "", "", ""))
    table = pd.DataFrame(cells, columns=CELL_COLUMNS)
    if sizes:
        of_task = table["task"].map(sizes).astype("Int64")
        table.insert(CELL_COLUMNS.index("task") + 1, SIZE, of_task)
    return table


def largest_sizes(study: Study) -> dict[str, int]:
    """The largest training size of each task that has several."""
    return {task.name: max(sizes) for task in study.tasks if (sizes := train_sizes(task))}


def at_largest(study: Study, scores: pd.DataFrame) -> pd.DataFrame:
    """The scores of each task at its largest training size, none where that was not run."""
    if SIZE not in scores:
        return scores
    largest = scores["task"].map(largest_sizes(study)).astype("Int64")
    return scores[scores[SIZE].isna() | (scores[SIZE] == largest).fillna(False)]


def places(study: Study) -> dict[SystemKind, tuple[Reading, str]]:
    """The reading and arm that hold each system's scores.

    The single-task model is the fine-tuned one where the study fine-tunes, as in the paper.
    """
    readings = {SystemKind.REFINEMENT: Reading.REFINE, SystemKind.FINE_TUNE: Reading.FINETUNE}
    found: dict[SystemKind, tuple[Reading, str]] = {}
    if SINGLE in study.arms:
        fine_tunes = Reading.FINETUNE in study.readings
        alone = Reading.FINETUNE if fine_tunes else Reading.REFINE
        found[SystemKind.SINGLE] = (alone, "single")
    if FULL in study.arms:
        found |= {s: (r, FULL.label) for s, r in readings.items() if r in study.readings}
    return found


def system_rows(study: Study) -> list[SystemRow]:
    """The study's systems by encoder, and those that the paper has of the same tasks."""
    mix = frozenset(task.name for task in study.tasks)
    rows = []
    for label, encoder, pretrained in study.starting_points:
        paper = published_encoder(encoder)
        for system, place in places(study).items():
            learned = frozenset[str]() if system is SystemKind.SINGLE else mix
            rows.append(SystemRow(label, paper, system, learned, place, pretrained))
    known = {(row.paper, row.system, row.mix) for row in rows if not row.pretrained}
    started = reversed(study.starting_points)
    labels = {published_encoder(e): label for label, e, pretrained in started if not pretrained}
    for score in published_scores():
        key = (score.encoder, score.system, mix_of(score))
        if key not in known and score.task in mix and _is_like(score, mix):
            known.add(key)
            label = labels.get(score.encoder, score.encoder)
            rows.append(SystemRow(label, score.encoder, score.system, key[2], None))
    encoders = list(dict.fromkeys(row.encoder for row in rows))
    return sorted(rows, key=lambda row: (encoders.index(row.encoder), _ORDER.index(row.system)))


def seed_values(scores: pd.DataFrame, row: SystemRow, task: str, metric: str) -> pd.Series[float]:
    """The test scores of a system by seed; `scores` is that of `score_table`."""
    reading, arm = row.place or ("", "")
    rows = scores[
        (scores["encoder"] == row.encoder)
        & (scores["reading"] == str(reading))
        & (scores["arm"] == arm)
        & (scores["task"] == task)
        & (scores["metric"] == metric)
        & (scores["split"] == "test")
    ]
    assert rows["seed"].is_unique, "a system has one score a seed, task and metric"
    return rows.set_index("seed")["value"].astype(float)


def summary(values: pd.Series[float], span: float) -> tuple[float, float, float, float, int]:
    """Mean, standard deviation, both ends of the 95% t interval, and how many values there are.

    Scores go from 1 - span to 1.
    """
    interval = paired_t(values).within(1 - span, 1)
    return interval.mean, float(values.std()), interval.low, interval.high, len(values)


def mix_of(score: PublishedScore) -> frozenset[str]:
    """The tasks that a published model learned together; none of a single-task model."""
    return frozenset() if score.system is SystemKind.SINGLE else score.mix


def cut_splits(plan: Plan) -> Iterator[tuple[str, str]]:
    """The task and split of all data of which limits leave a part."""
    # Of a task of several sizes, the largest, which comes last.
    largest = {task.name: (name, task) for name, task in data_sets(plan.study).items()}
    for name, task in largest.values():
        for split in SPLITS:
            if task.limits.of(split) == getattr(plan.fingerprints.data[name], split).n:
                yield task.name, split


def _is_in(score: PublishedScore, row: SystemRow) -> bool:
    said = (score.encoder, score.system, mix_of(score))
    return not row.pretrained and said == (row.paper, row.system, row.mix)


def _is_like(score: PublishedScore, mix: frozenset[str]) -> bool:
    """Whether a model learned single tasks, or tasks of the same domains as the study's."""
    domain = {corpus.task: corpus.domain for corpus in corpora()}
    domains = {domain[name] for name in mix if name in domain}
    return score.system is SystemKind.SINGLE or {domain[name] for name in score.mix} == domains
