"""Which tasks help each other when one model learns them together, which hurt, how sure are we."""

from transfer_study.errors import StudyError
from transfer_study.execute.resources import Resources
from transfer_study.session import Places, make_plan, run, write_report
from transfer_study.spec.study_file import read_study

__all__ = ["Places", "Resources", "StudyError", "make_plan", "read_study", "run", "write_report"]
