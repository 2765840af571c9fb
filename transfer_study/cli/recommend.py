"""`transfer-study recommend`."""

from __future__ import annotations

from typing import Annotated

import typer

from transfer_study.analysis.advice.preference import By
from transfer_study.cli import options
from transfer_study.session.places import Places
from transfer_study.study.file.study_file import read_study
from transfer_study.study.reading import Reading
from transfer_study.terminal.console import warn


def recommend(
    study: options.StudyFile,
    task: Annotated[str | None, typer.Option("--task", help="Which task to train.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Which of all tasks to train together.")
    ] = False,
    models: Annotated[
        int | None,
        typer.Option(help="With --all: at most so many models.", show_default="any number"),
    ] = None,
    by: Annotated[
        By | None,
        typer.Option(
            help="With --all: what chooses, expected gains or the lower ends of intervals.",
            show_default="low where models are free, else expected",
        ),
    ] = None,
    reading: Annotated[
        Reading | None, typer.Option(help="refine or finetune.", show_default="all")
    ] = None,
    encoder: Annotated[str | None, typer.Option(help="By its name.", show_default="all")] = None,
    variant: Annotated[str | None, typer.Option(help="By its name.", show_default="all")] = None,
    size: Annotated[
        int | None,
        typer.Option(min=1, help="A training size of the study's.", show_default="the largest"),
    ] = None,
    settings: options.Settings = [],  # noqa: B006
    data: options.Data = None,
    store: options.StoreFolder = options.STORE,
    results: options.ResultsFolder = options.RESULTS,
    as_json: options.Json = False,
) -> None:
    """Say with which partners, if any, to train a task, or all; runs and writes nothing."""
    from transfer_study.analysis.advice.grouping import check_groupable, groupings
    from transfer_study.analysis.advice.recommend import (
        check_run,
        check_task,
        chosen_edges,
        recommendations,
    )
    from transfer_study.session.compare import judged_edges
    from transfer_study.session.plans import known_plan
    from transfer_study.session.report import as_named
    from transfer_study.session.stored import lost_stages
    from transfer_study.terminal import recommend as view

    if (task is None) is not everything:
        raise typer.BadParameter("say for which task: --task TASK, or --all for all of them")
    if not everything and (models is not None or by is not None):
        raise typer.BadParameter("--models and --by choose among groups of all tasks; add --all")
    places = Places(store, results)
    checked = read_study(study, settings, data)
    if task is None:
        check_groupable(checked, models)
    else:
        check_task([known.name for known in checked.tasks], task)
    plan_, deltas = judged_edges(known_plan(checked, places), places)
    edges = chosen_edges(plan_, deltas, encoder, reading, variant, size)
    warn(lost_stages(plan_, places))
    named = as_named(study, settings)
    if task is None:
        groups = groupings(plan_, edges, models, by, named)
        check_run(edges, task, named)
        show = view.groupings_as_json if as_json else view.print_groupings
        show(checked.name, groups)
        return
    check_run(edges, task, named)
    advice = [one for one in recommendations(plan_, edges, named) if one.task == task]
    tell = view.recommendations_as_json if as_json else view.print_recommendations
    tell(checked.name, advice)
