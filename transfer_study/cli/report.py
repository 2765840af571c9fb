"""`transfer-study report`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from transfer_study.analysis.graph.views import Shown
from transfer_study.cli import options
from transfer_study.cli.fidelity import AskedStudy
from transfer_study.session.places import Places
from transfer_study.study.correction import Correction


def report(
    study: options.StudyFile,
    settings: options.Settings = [],  # noqa: B006
    fidelity: options.Fidelity = None,
    data: options.Data = None,
    store: options.StoreFolder = options.STORE,
    results: options.ResultsFolder = options.RESULTS,
    plots: options.PlotsFolder = options.PLOTS,
    arm: Annotated[str | None, typer.Option(help="Show and draw this arm only.")] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Show and draw this training size of the study's.",
            show_default="all in tables, the largest in figures",
        ),
    ] = None,
    task: options.DrawnTask = None,
    metric: Annotated[
        list[str],
        typer.Option(
            metavar="TASK=METRIC", help="Judge a task by another metric, e.g. chemprot=macro_f1."
        ),
    ] = [],  # noqa: B006
    margin: Annotated[
        str | None, typer.Option(help="Judge by another margin: 0.01, or 5% of the baseline.")
    ] = None,
    correction: Annotated[
        Correction | None, typer.Option(help="Judge by another correction for many edges.")
    ] = None,
    predict: options.Predict = False,
    share: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write a report to pass on, without ids, texts, paths and names of machines.",
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Write tables and figures from what is stored; runs nothing and needs no corpora.

    What is judged otherwise, or has changed settings, goes to a folder inside the study's, whose
    own tables stay as they are.
    """
    from transfer_study.session.plans import known_plan
    from transfer_study.session.report import ReportRequest, apart_as, write_report
    from transfer_study.terminal.asked import rejudged
    from transfer_study.terminal.console import stdout
    from transfer_study.terminal.edges import edges_as_json, print_edges
    from transfer_study.terminal.preview import print_whole

    places = Places(store, results, plots)
    otherwise = rejudged(metric, margin, correction)
    named = AskedStudy(study, settings, data, fidelity)
    plan_ = known_plan(named.known(places), places)
    shown = Shown(arm, size, task)
    asked = ReportRequest(shown, otherwise, predict=predict, study=named.named())
    if share is not None:
        from transfer_study.share import share_report

        outcome = share_report(plan_, places, share, asked)
    else:
        places.check_writable(plan_.study, store=False)
        apart = apart_as(plan_, places, settings)
        outcome = write_report(plan_, places, replace(asked, apart=apart))
    edges_as_json(outcome) if as_json else print_edges(outcome)
    if not as_json:
        print_whole(stdout(), plan_, places, named.named(whole=True))
    options.exit_by(outcome)
