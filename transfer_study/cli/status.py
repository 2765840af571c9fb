"""`transfer-study status`."""

from __future__ import annotations

from transfer_study.cli.options import (
    RESULTS,
    STORE,
    Data,
    Json,
    ResultsFolder,
    Settings,
    StoreFolder,
    StudyFile,
)
from transfer_study.session.places import Places
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study


def status(
    study: StudyFile,
    settings: Settings = [],  # noqa: B006
    data: Data = None,
    store: StoreFolder = STORE,
    results: ResultsFolder = RESULTS,
    as_json: Json = False,
) -> None:
    """Say what of a study is done, what runs where and since when, how long it takes, what failed.

    From the store alone.
    """
    from transfer_study.session.plans import known_plan
    from transfer_study.terminal.status import print_status, status_as_json, study_status

    stages = Store(store)
    plan_ = known_plan(read_study(study, settings, data), Places(store, results))
    view = status_as_json if as_json else print_status
    view(study_status(plan_, stages), stages)
