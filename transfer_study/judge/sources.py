"""What people have of their runs, by what they name: a table, files of answers, others' results."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from transfer_study.errors import StudyError
from transfer_study.files import regular_file
from transfer_study.judge.answer_files import given_from_answers
from transfer_study.judge.answer_kind import TargetRequest
from transfer_study.judge.given import Given
from transfer_study.judge.named_files import AnswerFile, files_of_patterns, files_of_table
from transfer_study.judge.readers.export import ScoreColumn, rows_of_export
from transfer_study.judge.readers.lm_eval import given_from_samples
from transfer_study.judge.readers.mteb import rows_of_mteb
from transfer_study.judge.score_table import TableRequest, read_scores, scores_of_rows
from transfer_study.points import counted
from transfer_study.study.spelling import choices
from transfer_study.study.tasks.kinds import KINDS
from transfer_study.study.tasks.task import MetricName

SourceKind = Literal["scores", "answers", "lm-eval", "mteb", "export"]
_FIELD = "{target}"  # which every name with fields has
_HEADER = 1 << 16  # bytes of a table that its columns are looked for in


@dataclass(frozen=True)
class RunsRequest:
    """What is named, and what is to be known to read it.

    `named` is one file, or patterns of names with {target}; of which `kind` they are is seen where
    it is not said. By target, `kinds` are those of tasks, `negatives` the labels that F1 leaves
    out, `gold` files of gold labels, and `scores` columns of an export; `document` is the key of a
    sample's document.
    """

    named: Sequence[str]
    kind: SourceKind | None = None
    table: TableRequest = field(default_factory=TableRequest)
    kinds: Mapping[str, str] = field(default_factory=dict)
    negatives: Mapping[str, str] = field(default_factory=dict)
    gold: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, str] = field(default_factory=dict)
    document: str | None = None


def read_runs(asked: RunsRequest) -> Given:
    """Read runs; raises StudyError with all that is wrong."""
    kind = asked.kind or _kind(asked.named, asked.table.columns)
    _check_options(asked, kind)
    metrics = asked.table.metrics
    match kind:
        case "scores":
            return read_scores(_one_file(asked, kind), asked.table)
        case "export":
            return _of_export(_one_file(asked, kind), asked)
        case "mteb":
            rows = rows_of_mteb(_files(asked), metrics)
            return scores_of_rows(rows, Path(asked.named[0]), asked.table)
        case "lm-eval":
            return given_from_samples(_files(asked), metrics, asked.document)
        case "answers":
            said = _of_targets(asked)
            gold = {target: Path(file) for target, file in asked.gold.items()}
            return given_from_answers(_files(asked), said, asked.table.columns, gold)


def name_of(named: Sequence[str]) -> str:
    """What results are called where nothing else is said: as the table is, or `judged`.

    Of the table's name there remains what can be that of a folder (`Name`).
    """
    if len(named) > 1 or _FIELD in named[0]:
        return "judged"
    return re.sub(r"[^A-Za-z0-9_]+", "-", Path(named[0]).stem).strip("-_") or "judged"


def _kind(named: Sequence[str], called: Mapping[str, str]) -> SourceKind:
    """What is named, as its name and its columns say; `called` has those renamed, by role."""
    if any(_FIELD in word for word in named):
        return "answers"
    try:
        with regular_file(Path(named[0])) as file:
            first = file.read(_HEADER).split(b"\n", 1)[0].decode("utf-8-sig", "replace")
    except OSError:
        return "scores"  # whose reader says what is wrong with it
    columns = [name.strip(' "\r') for name in re.split(r"[,\t]", first)]
    return (
        "answers" if "file" in columns and called.get("value", "value") not in columns else "scores"
    )


def _check_options(asked: RunsRequest, kind: SourceKind) -> None:
    """Raise StudyError for what was said and would be left unread."""
    table = asked.table
    given = {
        "--percent": (table.percent, ("scores", "mteb", "export")),
        "--arm": (table.arm, ("scores", "mteb", "export")),
        "--constant": (table.constants, ("scores", "mteb", "export")),
        "--n-test": (table.n_test, ("scores", "mteb", "export")),
        "--column": (table.columns, ("scores", "answers", "export")),
        "--kind": (asked.kinds, ("answers",)),
        "--negative": (asked.negatives, ("answers",)),
        "--gold": (asked.gold, ("answers",)),
        "--score": (asked.scores, ("export",)),
        "--document": (asked.document, ("lm-eval",)),
    }
    wrong = [
        f"{option} is of {' and '.join(of)} alone, and these are {kind}; leave it out, or say what "
        "they are with --from"
        for option, (said, of) in given.items()
        if said and kind not in of
    ]
    if wrong:
        raise StudyError(*wrong)


def _one_file(asked: RunsRequest, kind: SourceKind) -> Path:
    if len(asked.named) != 1 or _FIELD in asked.named[0]:
        first, *others = asked.named
        more = f" and {counted(len(others), 'more name')}" if others else ""
        raise StudyError(
            f"found {first}{more}; --from {kind} reads one file. Many files of answers are named "
            "by what tells them apart, in quotes: 'answers/{source}-to-{target}-s{seed}.csv'"
        )
    return Path(asked.named[0])


def _files(asked: RunsRequest) -> list[AnswerFile]:
    patterns = [word for word in asked.named if _FIELD in word]
    if not patterns and len(asked.named) == 1:
        return files_of_table(Path(asked.named[0]))
    if len(patterns) < len(asked.named):
        plain = next(word for word in asked.named if _FIELD not in word)
        raise StudyError(
            f"found {plain}, which has no {{target}}; give one table of files, or names with it "
            "such as 'answers/{source}-to-{target}-s{seed}.csv', in quotes"
        )
    return files_of_patterns(patterns, Path())


def _of_targets(asked: RunsRequest) -> dict[str, TargetRequest]:
    """What was said of targets; raises StudyError for kinds and metrics that there are not."""
    metrics, wrong = asked.table.metrics, []
    for option, said, known in (
        ("--kind", asked.kinds, [*map(str, KINDS)]),
        ("--metric", metrics, [*map(str, MetricName)]),
    ):
        wrong += [
            f"{option}: found {word!r} for {target}; {choices(word, known)}"
            for target, word in said.items()
            if word not in known
        ]
    if wrong:
        raise StudyError(*wrong)
    return {
        target: TargetRequest(
            kind=KINDS[asked.kinds[target]] if target in asked.kinds else None,
            metric=MetricName(metrics[target]) if target in metrics else None,
            negative=asked.negatives.get(target),
        )
        for target in dict.fromkeys([*asked.kinds, *metrics, *asked.negatives])
    }


def _of_export(file: Path, asked: RunsRequest) -> Given:
    columns = dict(asked.table.columns)
    value = columns.pop("value", None)
    if (value is None) is not bool(asked.scores):
        raise StudyError(
            "an export has a column of scores for each target (--score TARGET=COLUMN), or one for "
            "all and a column that names the target (--column value=COLUMN --column target=COLUMN)"
        )
    scores = [ScoreColumn(name=c, metric=_metric(c), target=t) for t, c in asked.scores.items()]
    scores += [ScoreColumn(name=value, metric=_metric(value))] if value is not None else []
    rows, unfinished = rows_of_export(file, columns, scores)
    given = scores_of_rows(rows, file, asked.table)
    if not unfinished:
        return given
    left_out = f"Left out: {counted(unfinished, 'run')} that did not finish."
    return replace(given, notes=(*given.notes, left_out))


def _metric(column: str) -> str:
    """`eval/accuracy` and `metrics.eval_accuracy` are accuracy."""
    name = re.split(r"[/.]", column)[-1]
    return re.sub(r"^(eval|test|val|valid|validation|dev)_(?=.)", "", name)
