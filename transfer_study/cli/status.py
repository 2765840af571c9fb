"""`transfer-study status`."""

from __future__ import annotations

from transfer_study.cli.fidelity import AskedStudy
from transfer_study.cli.options import (
    RESULTS,
    STORE,
    Data,
    Fidelity,
    Json,
    ResultsFolder,
    Settings,
    StoreFolder,
    StudyFile,
)
from transfer_study.session.places import Places
from transfer_study.store.open_store import open_store


def status(
    study: StudyFile,
    settings: Settings = [],  # noqa: B006
    fidelity: Fidelity = None,
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

    stages, places = open_store(store), Places(store, results)
    asked = AskedStudy(study, settings, data, fidelity)
    plan_ = known_plan(asked.known(places), places)
    view = status_as_json if as_json else print_status
    view(study_status(plan_, stages), stages)
