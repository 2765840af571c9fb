"""`transfer-study compare`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from transfer_study.cli import options
from transfer_study.cli.codes import DIFFERENT, FAILED
from transfer_study.errors import StudyError
from transfer_study.session.places import Places
from transfer_study.study.file.study_file import read_study


def compare(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY_A", help="The study file, or a folder of results.")
    ],
    other: Annotated[
        Path | None,
        typer.Argument(
            metavar="[STUDY_B]", help="Another one, to hold against it.", show_default=False
        ),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="With the scores and claims of the original study.")
    ] = False,
    settings: options.Settings = [],  # noqa: B006
    data: options.Data = None,
    store: options.StoreFolder = options.STORE,
    results: options.ResultsFolder = options.RESULTS,
    plots: options.PlotsFolder = options.PLOTS,
    as_json: options.Json = False,
) -> None:
    """Hold a study against another, or against published results; runs nothing, needs no corpora.

    Of two studies the table and graph of differences are written. The exit code is 4 where the
    adjusted interval of a difference excludes zero; a verdict that changed is told, but alone it
    shows no difference.
    """
    if (other is not None) == published:
        raise StudyError(
            "compare needs exactly one thing to hold the study against: give a second study, "
            f"or --published; found {'both' if published else 'neither'}"
        )
    places = Places(store, results, plots)
    if other is not None:
        from transfer_study.session.compare import compare_studies
        from transfer_study.terminal.difference import differences_as_json, print_differences

        compared = compare_studies(study, other, places, settings, data)
        differences_as_json(compared) if as_json else print_differences(compared)
        for sentence in compared.unwritten:
            print(f"error: {sentence}", file=sys.stderr)
        if compared.unwritten:
            raise typer.Exit(FAILED)
        if compared.differences["shown"].any():
            raise typer.Exit(DIFFERENT)
        return
    from transfer_study.session.compare import hold_against_published
    from transfer_study.terminal.agreement import agreement_as_json, print_agreement

    checked = read_study(study, settings, data)
    scores, claims = hold_against_published(checked, places)
    view = agreement_as_json if as_json else print_agreement
    view(checked, scores, claims)
