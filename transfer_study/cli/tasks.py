"""`transfer-study tasks`."""

from __future__ import annotations

from transfer_study.cli.options import Data, Json, Settings, StudyFile
from transfer_study.study.file.study_file import read_study


def tasks(
    study: StudyFile,
    settings: Settings = [],  # noqa: B006
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Check every data file of a study, show what is in it, and look for leaks into test."""
    from transfer_study.terminal.data.tasks import show_tasks

    show_tasks(read_study(study, settings, data), as_json=as_json)
