"""`transfer-study export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transfer_study.cli import options
from transfer_study.session.places import Places
from transfer_study.store.open_store import open_store
from transfer_study.study.file.study_file import read_study


def export(
    study: options.StudyFile,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="A new folder for the model.")],
    task: Annotated[str | None, typer.Option("--task", help="Whose model to write.")] = None,
    arm: Annotated[
        str,
        typer.Option("--arm", help="best (on dev), single, full, pair:PARTNER, ... of the study."),
    ] = "best",
    reading: Annotated[
        str | None, typer.Option("--reading", help="refine or finetune.", show_default="best")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option("--encoder", help="By its name.", show_default="best")
    ] = None,
    variant: Annotated[
        str | None, typer.Option("--variant", help="By its name.", show_default="best")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option("--size", min=1, help="A training size of the task's.", show_default="best"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="One of the study's.", show_default="best")
    ] = None,
    multi: Annotated[
        bool,
        typer.Option("--multi", help="All heads and a loader; without --task of the full mix."),
    ] = False,
    settings: options.Settings = [],  # noqa: B006
    data: options.Data = None,
    store: options.StoreFolder = options.STORE,
    results: options.ResultsFolder = options.RESULTS,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a trained model to a folder that `transformers.pipeline` loads, with its card."""
    from transfer_study.session.plans import known_plan
    from transfer_study.take_home.export import Wanted, export_model
    from transfer_study.terminal.exported import exported_as_json, print_exported
    from transfer_study.terminal.progress import say

    plan_ = known_plan(read_study(study, settings, data), Places(store, results))
    wanted = Wanted(
        task=task,
        arm=arm,
        reading=reading,
        encoder=encoder,
        seed=seed,
        multi=multi,
        variant=variant,
        size=size,
    )
    exported = export_model(plan_, open_store(store), wanted, to, lambda line: say(line, quiet))
    exported_as_json(exported) if as_json else print_exported(exported)
