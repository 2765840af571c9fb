"""The answers of all models to one test set, read from their files and held against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.analysis.meaning.answered import Answered
from transfer_study.data.files.faults import Faults
from transfer_study.errors import DataError, Problem, StudyError
from transfer_study.judge.answer_columns import ROLES, AnswerColumns, read_columns, read_key
from transfer_study.judge.answer_kind import (
    TargetRequest,
    Unclear,
    as_lists,
    kind_of_answers,
    metric_of,
)
from transfer_study.judge.answer_labels import LabelReader, misfit, same_label, task_of
from transfer_study.judge.named_files import AnswerFile
from transfer_study.metrics import statistics
from transfer_study.metrics.constant import best_constant
from transfer_study.metrics.measurable import listed, unmeasurable
from transfer_study.points import counted
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.kinds import TAGGING, TaskKind
from transfer_study.study.tasks.kinds.kind import Raw
from transfer_study.study.tasks.task import Task

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class TargetAnswers:
    """What models answered to one test set: a list of `predicted` each, of an entry an example.

    `task` has the target's kind, metric and labels, and stands for no data. `strange` are labels
    that models predict and gold has nowhere.
    """

    task: Task
    gold: Sequence[Label]
    documents: Sequence[str]
    predicted: Sequence[Sequence[Label]]
    strange: Sequence[str]

    @property
    def metric(self) -> str:
        """What models are scored by."""
        return str(self.task.metric)

    def test_set(self, target: str, runs: Sequence[str]) -> TestSet:
        """The test set of these models, by the names of their runs."""
        constant = best_constant(self.task, self.gold, self.documents)
        metric = self.task.metric
        models = {
            run: statistics(metric, self.task, self.gold, answers, self.documents)
            for run, answers in zip(runs, self.predicted, strict=True)
        }
        return TestSet.of(target, metric, len(self.gold), constant, models)

    def answered(self, target: str, runs: Sequence[str]) -> Answered:
        """The answers of these models, by the names of their runs."""
        predicted = dict(zip(runs, self.predicted, strict=True))
        task = self.task.model_copy(update={"name": target})
        return Answered(task, self.gold, self.documents, predicted.__getitem__)


@dataclass(frozen=True, slots=True)
class ReadLabels:
    """A file's gold labels and predictions, in the order of its rows."""

    file: AnswerColumns
    gold: list[Label]
    predicted: list[Label]

    def in_order(self, ids: Sequence[str], labels: Sequence[Label]) -> list[Label]:
        """The labels of these examples."""
        by_id = dict(zip(self.file.ids, labels, strict=True))
        return [by_id[name] for name in ids]


def read_target(
    files: Sequence[AnswerFile],
    asked: TargetRequest,
    names: Mapping[str, str] = ROLES,
    gold: Path | None = None,
) -> TargetAnswers:
    """Read all files of a target; `names` are their columns by role, `gold` labels they lack.

    Examples are in the order of the first file. Raises StudyError with all that is wrong.
    """
    key = None if gold is None else read_key(gold, names)
    columns = of_each(files, lambda file: read_columns(file.path, names, key))
    try:
        return _target(columns, asked)
    except Unclear as unclear:
        raise DataError(Problem(str(unclear), f"target {files[0].run.target}")) from None


def _target(columns: Sequence[AnswerColumns], asked: TargetRequest) -> TargetAnswers:
    gold = as_lists(columns[0].gold)
    kind = kind_of_answers(asked, gold, (file.predicted for file in columns))
    metric = metric_of(asked, kind)
    reader = LabelReader.of(kind, metric, gold)
    # Most labels stand in all files.
    read = cache(reader.gold), cache(reader.label)
    labels = of_each(columns, lambda file: _read(file, *read))
    first = labels[0]
    of_each(labels[1:], lambda other: check_alike(other, first))
    known = _classes(kind, first.gold)
    of_each(labels, lambda model: _check_predicted(model, kind, known))
    found = _classes(kind, [answer for model in labels for answer in model.predicted])
    task = task_of(kind, metric, asked.negative, known | found)
    documents = first.file.documents or first.file.ids
    if fault := unmeasurable(task, first.gold, documents):
        raise Unclear(f"its test set measures nothing by {metric}: {fault}")
    return TargetAnswers(
        task,
        first.gold,
        documents,
        [model.in_order(first.file.ids, model.predicted) for model in labels],
        [name for name in found if name not in known],
    )


def of_each(items: Iterable[_Item], step: Callable[[_Item], _Made]) -> list[_Made]:
    """What a step makes of each; raises DataError with what it raises for any."""
    made, problems = [], list[Problem]()
    for item in items:
        try:
            made.append(step(item))
        except StudyError as error:
            problems += error.problems
    if problems:
        raise DataError(*problems)
    return made


def _read(
    file: AnswerColumns, gold: Callable[[Raw], Label], predicted: Callable[[Raw], Label]
) -> ReadLabels:
    faults = file.faults()
    labels: list[list[Label]] = []
    for what, values, read in (
        ("gold label", file.gold, gold),
        ("prediction", file.predicted, predicted),
    ):
        found = []
        for line, value in zip(file.lines, values, strict=True):
            try:
                found.append(read(value))
            except ValueError as error:
                faults.add(f"the {what}: {error}", line)
        labels.append(found)
    _raise(faults)
    return ReadLabels(file, *labels)


def check_alike(other: ReadLabels, first: ReadLabels) -> None:
    """Raise DataError unless a file has the ids, gold labels and documents of the first."""
    file, faults = other.file, other.file.faults()
    path = first.file.path
    own = {*file.ids}
    lacking = [name for name in first.file.ids if name not in own]
    known = {name: n for n, name in enumerate(first.file.ids)}
    more = [name for name in file.ids if name not in known]
    for names, which in ((lacking, "lacks"), (more, f"has besides those of {path}")):
        if names:
            faults.add(
                f"{which} {len(names)} example{'s' * (len(names) > 1)}: {listed(names)}; all "
                f"models of a target answer the same, of which {path} has {len(known)}"
            )
    if (file.documents is None) != (first.file.documents is None):
        faults.add(
            f"has {'no ' if file.documents is None else ''}documents, and {path} has "
            f"{'none' if first.file.documents is None else 'them'}; give them in all files of a "
            "target or in none"
        )
    documents = file.documents or file.ids, first.file.documents or first.file.ids
    for n, (name, line) in enumerate(zip(file.ids, file.lines, strict=True)):
        if (place := known.get(name)) is None:
            continue
        if not same_label(other.gold[n], first.gold[place]):
            faults.add(
                f"the gold label of {name!r} is {other.gold[n]!r}, and {first.gold[place]!r} in "
                f"{path}; a target has one test set",
                line,
            )
        elif file.documents and first.file.documents and documents[0][n] != documents[1][place]:
            faults.add(
                f"the document of {name!r} is {documents[0][n]!r}, and {documents[1][place]!r} in "
                f"{path}; an example is of one document",
                line,
            )
    _raise(faults)


def _check_predicted(model: ReadLabels, kind: TaskKind, known: Mapping[str, None]) -> None:
    """Raise DataError for what cannot be meant as a prediction; `known` are the classes of gold."""
    file, faults = model.file, model.file.faults()
    names = _classes(kind, model.predicted)
    misfits = {name: fault for name in names if (fault := misfit(known, name))}
    lines: dict[str, list[int]] = {name: [] for name in misfits}
    for line, gold, label in zip(file.lines, model.gold, model.predicted, strict=True):
        if kind is TAGGING and len(cast("Sized", gold)) != len(cast("Sized", label)):
            faults.add(
                f"found {len(cast('Sized', label))} predicted tags for "
                f"{len(cast('Sized', gold))} words; give every word one",
                line,
            )
        if misfits:
            for name in {*kind.classes(label)} & misfits.keys():
                lines[name].append(line)
    # A label that is written otherwise is so wherever it stands.
    for name, (first, *others) in lines.items():
        more = f" (as in {counted(len(others), 'more line')})" if others else ""
        faults.add(f"{misfits[name]}{more}", first)
    if not faults and names and known.keys().isdisjoint(names):
        faults.add(
            f"no prediction is a label that gold has: found {listed([*names])}, where gold has "
            f"{listed([*known])}; write both alike"
        )
    _raise(faults)


def _classes(kind: TaskKind, labels: Iterable[Label]) -> dict[str, None]:
    """The classes, or types of mention, of some labels, each once."""
    return dict.fromkeys(name for label in dict.fromkeys(labels) for name in kind.classes(label))


def _raise(faults: Faults) -> None:
    if faults:
        raise DataError(*faults.problems)
