"""Which tasks help each other when one model learns them together, which hurt, how sure are we."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transfer_study.errors import StudyError
    from transfer_study.execute.resources import Resources
    from transfer_study.in_python import judge_scores, make_plan, run
    from transfer_study.outcome import Outcome
    from transfer_study.session.places import Places
    from transfer_study.session.report import write_report
    from transfer_study.study.file.study_file import read_study

__all__ = [
    "Outcome",
    "Places",
    "Resources",
    "StudyError",
    "judge_scores",
    "make_plan",
    "read_study",
    "run",
    "write_report",
]
# Imported when they are asked for: `transfer-study --help` needs none of them.
_HOMES = {
    "StudyError": "errors",
    "Resources": "execute.resources",
    "judge_scores": "in_python",
    "make_plan": "in_python",
    "run": "in_python",
    "Outcome": "outcome",
    "Places": "session.places",
    "write_report": "session.report",
    "read_study": "study.file.study_file",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
