"""`transfer-study tune`."""

from __future__ import annotations

from typing import Annotated

import typer

from transfer_study.cli import options
from transfer_study.cli.codes import FAILED
from transfer_study.execute.resources import Resources
from transfer_study.session.places import Places
from transfer_study.study.reading import Reading


def tune(
    study: options.StudyFile,
    budget: Annotated[
        str, typer.Option(metavar="TIME", help="At most so long, such as 90s, 30m or 2h.")
    ] = "30m",
    trials: Annotated[int, typer.Option(min=1, help="At most so many recipes.")] = 16,
    tune_seeds: Annotated[
        int, typer.Option(min=1, max=20, help="With so many seeds, none of the study's.")
    ] = 1,
    tried: Annotated[
        list[str],
        typer.Option(
            "--try",
            metavar="KEY=VALUE,...",
            help="Try these values of a key of the recipe, e.g. epochs=4,8.",
        ),
    ] = [],  # noqa: B006
    recipe: Annotated[
        Reading | None,
        typer.Option(help="Which recipe.", show_default="the first reading's"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Leave the study file as it is.")
    ] = False,
    settings: options.Settings = [],  # noqa: B006
    data: options.Data = None,
    store: options.StoreFolder = options.STORE,
    results: options.ResultsFolder = options.RESULTS,
    plots: options.PlotsFolder = options.PLOTS,
    workers: options.Workers = None,
    cpus_per_stage: options.CpusPerStage = None,
    gpus_per_stage: options.GpusPerStage = None,
    address: options.Address = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Search for a recipe by which every task learns, on dev alone, and write it into the study.

    Runs no stage and predicts no test example. What was tried is kept: given again, or with more
    trials, the command goes on where it was.
    """
    from transfer_study.terminal.progress import say
    from transfer_study.terminal.trials import open_trials, print_tuning
    from transfer_study.terminal.tuned import print_tuned, print_written, tuned_as_json
    from transfer_study.tune import TuningRequest, carry_out, draw, plan_tuning, write_best

    say(f"Reading {study} and its data.", quiet)
    places = Places(store, results, plots)
    asked = TuningRequest(
        None if recipe is None else recipe.value, trials, budget, tune_seeds, tried, dry_run
    )
    tuning = plan_tuning(study, settings, data, places, asked)
    print_tuning(tuning, quiet)
    resources = Resources(workers, cpus_per_stage, gpus_per_stage, address)
    with open_trials(tuning, quiet=quiet, verbose=verbose) as watching:
        found = carry_out(tuning, places, resources, watching)
    figures = draw(tuning, found, places)
    if not as_json:
        print_tuned(tuning, found, figures)
    written = write_best(tuning, found, places, dry_run=dry_run)
    if as_json:
        tuned_as_json(tuning, found, figures, written)
    else:
        print_written(tuning, written)
    if not written.learns:
        raise typer.Exit(FAILED)
