"""From what was read of each target to what is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.analysis.meaning.answered import Answered
from transfer_study.errors import Problem, StudyError
from transfer_study.judge.given import Given
from transfer_study.judge.named_files import AnswerFile
from transfer_study.judge.runs import run_rows
from transfer_study.study.spelling import choices


class TargetRead(Protocol):
    """What the files of one target say, which are in the order of their models."""

    @property
    def metric(self) -> str:
        """What the models are scored by."""

    def test_set(self, target: str, runs: Sequence[str]) -> TestSet:
        """The test set of these models, by the names of their runs."""

    def answered(self, target: str, runs: Sequence[str]) -> Answered | None:
        """What they answered, where that is known."""


_Target = TypeVar("_Target", bound=TargetRead)


def given_from(
    files: Sequence[AnswerFile],
    read: Callable[[str, Sequence[AnswerFile]], _Target],
    notes: Callable[[Mapping[str, _Target]], Iterable[str]],
    asked: Iterable[str] = (),
    problems: Iterable[Problem] = (),
) -> Given:
    """Read files target by target; `asked` are targets of which something is said.

    Raises StudyError with all that is wrong, `problems` first.
    """
    of_targets: dict[str, list[AnswerFile]] = {}
    for file in files:
        of_targets.setdefault(file.run.target, []).append(file)
    problems = [
        *problems,
        *(
            Problem(f"found the target {name!r}; {choices(name, of_targets)}")
            for name in asked
            if name not in of_targets
        ),
    ]
    targets: dict[str, _Target] = {}
    for name, of_target in of_targets.items():
        try:
            targets[name] = read(name, of_target)
        except StudyError as error:
            problems += error.problems
    try:
        metrics = {name: target.metric for name, target in targets.items()}
        runs, names = run_rows([file.run for file in files], metrics)
    except StudyError as error:
        problems += error.problems
    if problems:
        raise StudyError(*problems)
    run_of = dict(zip(map(id, files), names, strict=True))
    models = {name: [run_of[id(file)] for file in of_targets[name]] for name in targets}
    return Given(
        runs,
        {name: target.test_set(name, models[name]) for name, target in targets.items()},
        tuple(notes(targets)),
        {name: target.answered(name, models[name]) for name, target in targets.items()},
    )
