"""What can be wrong with a study, its files or its store, said in whole sentences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: what was found, what is allowed and what to do; `where` is file, line and key."""

    message: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class StudyError(Exception):
    """Something the user can mend; carries every problem found, not only the first."""

    def __init__(self, *problems: Problem | str) -> None:
        self.problems = tuple(p if isinstance(p, Problem) else Problem(p) for p in problems)
        super().__init__("\n".join(map(str, self.problems)))


class InvalidStudy(StudyError):  # noqa: N818  (it names what is invalid)
    """The study file cannot be read as a study."""


class DataError(StudyError):
    """A corpus is missing, malformed or not what its task says."""


class EncoderError(StudyError):
    """An encoder cannot be found or loaded."""


class StoreError(StudyError):
    """The store cannot be written, or does not hold what its records say."""


class RunSuspended(StudyError):  # noqa: N818  (nothing went wrong)
    """The run was asked to stop while something was running, and goes on when it is run again."""


class NothingRun(StudyError):  # noqa: N818  (it is a state, which a run mends)
    """Nothing that could answer a question was run yet."""


class ExecutionError(StudyError):
    """The machine or cluster cannot run what is asked of it."""


class ExportError(StudyError):
    """A model cannot be taken out of the store as asked."""


def problems_of(error: StudyError | OSError) -> tuple[Problem, ...]:
    """What is to be said of an error: of the file system's, the path and what it says of it."""
    if isinstance(error, StudyError):
        return error.problems
    said = error.strerror or " ".join(str(error).split()) or type(error).__name__
    where = str(error.filename) if error.filename is not None else ""
    return (Problem(f"{said}; mend that, or choose another place", where),)
