"""`transfer-study prefetch`."""

from __future__ import annotations

from transfer_study.cli.options import Data, Settings, StudyFile
from transfer_study.study.file.study_file import read_study
from transfer_study.visible import visible


def prefetch(
    study: StudyFile,
    settings: Settings = [],  # noqa: B006
    data: Data = None,
) -> None:
    """Download the encoders and data sets of a study from their hubs, for work offline."""
    from transfer_study.data.prefetch import prefetch_study

    for line in prefetch_study(read_study(study, settings, data)):
        print(visible(line))
