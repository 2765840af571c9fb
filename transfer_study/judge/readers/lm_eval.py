"""The samples that lm-evaluation-harness logs: what each test example adds to a mean.

With `--log_samples` it writes `OUTPUT/MODEL/samples_TASK_DATE.jsonl`, a sample and filter a line,
and beside it `results_DATE.json` (seen of 0.4.13). A metric is judged whose value of each sample is
from 0 to 1 and whose score is their mean: acc, acc_norm, exact_match and the like.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.data.files.faults import Faults
from transfer_study.data.files.nested import Nested
from transfer_study.data.files.plain_text import read_text
from transfer_study.data.files.rows import Value
from transfer_study.data.files.tables import as_value, json_rows
from transfer_study.errors import DataError, Problem
from transfer_study.judge.answer_columns import AnswerColumns
from transfer_study.judge.answer_target import ReadLabels, check_alike, of_each
from transfer_study.judge.assembled import given_from
from transfer_study.judge.given import Given
from transfer_study.judge.named_files import AnswerFile
from transfer_study.judge.readers.lm_eval_results import check_mean
from transfer_study.metrics import Statistics
from transfer_study.metrics.rows import Floats
from transfer_study.study.characters import shown
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import MetricName

_LARGE = {"doc", "arguments", "resps", "filtered_resps"}
_VALUES = {"true": 1.0, "false": 0.0}


def given_from_samples(
    files: Sequence[AnswerFile],
    metrics: Mapping[str, str] | None = None,
    document: str | None = None,
) -> Given:
    """Judge files of samples, one a model and target, which is one of the harness's tasks.

    `metrics` are by target, as its results name them: `acc`, or `exact_match,strict-match` with
    the filter; without, a target's is the first that its samples name. `document` is the key that
    names the document of a sample, such as `doc.article`. Raises StudyError with all that is wrong.
    """
    metrics = metrics or {}
    return given_from(
        files,
        lambda target, of_target: _read(of_target, metrics.get(target, ""), document),
        _notes,
        metrics,
    )


@dataclass(frozen=True, slots=True)
class SampledTarget:
    """What samples of one task say of several models: a row of `values` each, [models, n]."""

    metric: str
    values: Floats
    documents: Sequence[str]
    constant: float

    def answered(self, target: str, runs: Sequence[str]) -> None:
        """Nothing: samples have a metric's value, whatever was answered."""

    def test_set(self, target: str, runs: Sequence[str]) -> TestSet:
        """The test set of these models; a mean of values is summed as accuracy is."""
        models = {
            run: Statistics(np.column_stack([row, np.ones(len(row))]), tuple(self.documents))
            for run, row in zip(runs, self.values, strict=True)
        }
        n = self.values.shape[1]
        return TestSet.of(target, MetricName.ACCURACY, n, self.constant, models)


def _notes(targets: Mapping[str, SampledTarget]) -> Iterator[str]:
    by_metric: dict[str, list[str]] = {}
    for name, target in targets.items():
        by_metric.setdefault(target.metric, []).append(name)
    for metric, names in by_metric.items():
        yield f"The score of {', '.join(names)} is the mean of {metric} over the logged samples."


def _read(files: Sequence[AnswerFile], asked: str, document: str | None) -> SampledTarget:
    logs = of_each(files, lambda file: _log(file.path, document))
    metric, chosen = _metric(logs[0], asked)
    labels = of_each(logs, lambda log: _labels(log, metric, chosen))
    first = labels[0]
    of_each(labels[1:], lambda other: check_alike(other, first))
    ids = first.file.ids
    values = np.array([one.in_order(ids, one.predicted) for one in labels], dtype=np.float64)
    means = zip(logs, values.mean(axis=1), strict=True)
    of_each(means, lambda of: check_mean(of[0].path, float(of[1]), metric, chosen))
    texts = [sample.text for sample in logs[0].samples if sample.filter == chosen]
    constant = math.nan
    if np.isin(values, (0, 1)).all() and None not in texts:
        # Answers are right or wrong: the text that is right most often is the best constant.
        constant = max(Counter(texts).values()) / len(texts)
    several = len({sample.filter for sample in logs[0].samples}) > 1
    said = f"{metric},{chosen}" if several else metric
    return SampledTarget(said, values, first.file.documents or ids, constant)


@dataclass(frozen=True, slots=True)
class _Sample:
    """One line: `gold` tells the example, `text` is the answer that would be right, if known."""

    line: int
    filter: str
    id: str
    gold: str
    text: str | None
    document: str | None
    metrics: tuple[str, ...]
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True, eq=False)
class _Log:
    """The samples of one model and task."""

    path: Path
    samples: Sequence[_Sample]


def _log(path: Path, document: str | None) -> _Log:
    faults = Faults(str(path))
    samples = []
    for line, row in json_rows(read_text(path), faults):
        named = Nested(row)
        lacking = [key for key in ("doc_id", "target", document) if key and key not in named]
        if lacking:
            faults.add(
                f"no key {lacking[0]!r}; give samples as lm-evaluation-harness logs them with "
                f"--log_samples; found: {', '.join(row)}",
                line,
            )
            break
        hashed = row.get("doc_hash") or json.dumps(row.get("doc"), sort_keys=True)
        samples.append(
            _Sample(
                line,
                str(row.get("filter", "none")),
                str(row["doc_id"]),
                f"{row['target']} (doc {str(hashed)[:12]})",
                _right(row),
                str(as_value(named[document])) if document else None,
                tuple(map(str, row.get("metrics", ()))),
                {key: as_value(value) for key, value in row.items() if key not in _LARGE},
            )
        )
    if not (samples or faults):
        faults.add("there are no samples; leave the file out")
    if faults:
        raise DataError(*faults.problems)
    return _Log(path, samples)


def _right(row: Mapping[str, Any]) -> str | None:
    """The text of the right answer: of several choices that of the right one."""
    target, arguments = row["target"], row.get("arguments")
    if not isinstance(arguments, dict) or len(arguments) < 2:
        return str(target) if isinstance(arguments, dict) else None
    chosen = arguments.get(f"gen_args_{target}")
    return str(chosen["arg_1"]) if isinstance(chosen, dict) and "arg_1" in chosen else None


def _metric(log: _Log, asked: str) -> tuple[str, str]:
    """The metric and the filter that are asked for, or the only ones; raises DataError."""
    metric, _, chosen = asked.partition(",")
    filters = [*dict.fromkeys(sample.filter for sample in log.samples)]
    metrics = [*dict.fromkeys(name for sample in log.samples for name in sample.metrics)]
    named = [f"{one},{of}" for one in metrics for of in filters] if len(filters) > 1 else metrics
    allowed = f"allowed: {', '.join(named) or 'the keys of its samples'}"
    if not metric and not metrics:
        raise DataError(Problem(f"no metric is named by --metric; {allowed}", str(log.path)))
    if metric and metrics and metric not in metrics:
        raise DataError(Problem(f"found the metric {metric!r}; {allowed}", str(log.path)))
    if chosen not in filters and (chosen or len(filters) > 1):
        found = f"the filter {chosen!r}" if chosen else f"{len(filters)} filters of answers"
        raise DataError(
            Problem(
                f"found {found}; say which metric to judge by --metric TARGET=METRIC; {allowed}",
                str(log.path),
            )
        )
    return metric or metrics[0], chosen or filters[0]


def _labels(log: _Log, metric: str, chosen: str) -> ReadLabels:
    """What tells the examples as gold, and their values as predictions; raises DataError."""
    faults = Faults(str(log.path))
    samples = [sample for sample in log.samples if sample.filter == chosen]
    if not samples:
        faults.add(f"no sample has the filter {chosen!r}; log all models with the same tasks")
    first: dict[str, int] = {}
    values: list[Label] = []
    for sample in samples:
        found = sample.values.get(metric)
        value = _number(found)
        if not 0 <= value <= 1:  # NaN is not either
            faults.add(
                f"the {metric} of a sample is {shown(str(found))[:40]}, no value from 0 to 1 whose "
                "mean is the score; judge another metric, or give scores as a table",
                sample.line,
            )
            break
        if first.setdefault(sample.id, sample.line) != sample.line:
            faults.add(
                f"found doc_id {sample.id} twice, first in line {first[sample.id]}", sample.line
            )
        values.append(value)
    if faults:
        raise DataError(*faults.problems)
    documents = [sample.document for sample in samples if sample.document is not None]
    ids, gold = [sample.id for sample in samples], [sample.gold for sample in samples]
    lines = [sample.line for sample in samples]
    file = AnswerColumns(log.path, "line", lines, ids, [*gold], [], documents or None)
    return ReadLabels(file, [*gold], values)


def _number(value: Value) -> float:
    if not isinstance(value, str):
        return math.nan
    try:
        return _VALUES[value] if value in _VALUES else float(value)
    except ValueError:
        return math.nan
