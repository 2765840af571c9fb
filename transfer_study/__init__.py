"""Which tasks help each other when one model learns them together, which hurt, how sure are we."""

from transfer_study.errors import StudyError
from transfer_study.execute.resources import Resources
from transfer_study.in_python import make_plan, run
from transfer_study.outcome import Outcome
from transfer_study.session.places import Places
from transfer_study.session.report import write_report
from transfer_study.study.file.study_file import read_study

__all__ = [
    "Outcome",
    "Places",
    "Resources",
    "StudyError",
    "make_plan",
    "read_study",
    "run",
    "write_report",
]
