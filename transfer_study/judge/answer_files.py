"""Runs judged by their answers: files of gold labels and predictions, one a model and target.

All models of a target answer the same examples, which ids tell apart and whose order means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from transfer_study.errors import Problem
from transfer_study.judge.answer_columns import ROLES
from transfer_study.judge.answer_kind import TargetRequest
from transfer_study.judge.answer_target import TargetAnswers, read_target
from transfer_study.judge.assembled import given_from
from transfer_study.judge.given import Given
from transfer_study.judge.named_files import AnswerFile
from transfer_study.metrics.measurable import listed
from transfer_study.study.spelling import choices


def given_from_answers(
    files: Sequence[AnswerFile],
    asked: Mapping[str, TargetRequest] | None = None,
    columns: Mapping[str, str] | None = None,
    gold: Mapping[str, Path] | None = None,
) -> Given:
    """What files of answers say of their runs.

    `asked` says what a target is, by its name, where its labels do not; `columns` what the columns
    of files are called, by role (ROLES); `gold` are files of the gold labels of targets whose files
    of answers have none. Raises StudyError with all that is wrong.
    """
    asked, gold, names = asked or {}, gold or {}, {**ROLES, **(columns or {})}
    unknown = [
        Problem(f"found the column role {role!r}; {choices(role, ROLES)}")
        for role in names
        if role not in ROLES
    ]
    return given_from(
        files,
        lambda target, of_target: read_target(
            of_target, asked.get(target, TargetRequest()), names, gold.get(target)
        ),
        _notes,
        {**asked, **gold},
        unknown,
    )


def _notes(read: Mapping[str, TargetAnswers]) -> Iterator[str]:
    """What the targets were taken for, and which predictions are no labels of gold."""
    alike: dict[tuple[str, str], list[str]] = {}
    for target, answers in read.items():
        alike.setdefault((str(answers.task.kind), str(answers.task.metric)), []).append(target)
    for (kind, metric), targets in alike.items():
        yield f"The answers to {listed(targets)} are read as {kind} and scored by {metric}."
    for target, answers in read.items():
        if strange := answers.strange:
            yield (
                f"Models of {target} predict {len(strange)} label{'s' * (len(strange) > 1)} that "
                f"gold has nowhere, which count as wrong: {listed(strange)}."
            )
