"""`transfer-study status`."""

from __future__ import annotations

from typing import Annotated

import typer

from transfer_study.cli import options
from transfer_study.cli.fidelity import AskedStudy
from transfer_study.session.places import Places
from transfer_study.store.open_store import open_store


def status(
    study: options.StudyFile,
    settings: options.Settings = [],  # noqa: B006
    fidelity: options.Fidelity = None,
    data: options.Data = None,
    store: options.StoreFolder = options.STORE,
    results: options.ResultsFolder = options.RESULTS,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on showing it until the study is over, or Ctrl-C.")
    ] = False,
    log: Annotated[
        str | None,
        typer.Option(
            metavar="STAGE",
            help="Show what was last said of a stage, or of `runs`.",
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Say what of a study is done, what runs where and since when, how long it takes, what failed.

    From the store alone.
    """
    from transfer_study.session.plans import as_begun, known_first
    from transfer_study.session.status import study_status
    from transfer_study.terminal.stage_log import print_stage_log
    from transfer_study.terminal.status import print_status, status_as_json, watch_status

    if watch and (as_json or log is not None):
        raise typer.BadParameter("--watch goes with neither --json nor --log: leave it out")
    stages, places = open_store(store), Places(store, results)
    asked = AskedStudy(study, settings, data, fidelity)
    first = known_first(asked.known(places), places)
    plan_ = as_begun(first, places)
    if log is not None:
        print_stage_log(plan_, stages, log, as_json=as_json)
    elif watch:
        watch_status(lambda: study_status(as_begun(first, places), stages), stages)
    else:
        (status_as_json if as_json else print_status)(study_status(plan_, stages), stages)
