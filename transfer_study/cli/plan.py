"""`transfer-study plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transfer_study.cli import options
from transfer_study.cli.fidelity import AskedStudy
from transfer_study.session.places import Places
from transfer_study.study.file.study_file import read_study


def plan(
    study: options.StudyFile,
    settings: options.Settings = [],  # noqa: B006
    fidelity: options.Fidelity = None,
    data: options.Data = None,
    store: options.StoreFolder = options.STORE,
    pilot: Annotated[
        Path | None,
        typer.Option(
            help="A study whose stored runs tell how much scores vary.", show_default="the same"
        ),
    ] = None,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Print the final study with every default.")
    ] = False,
    keep_weights: options.KeepWeights = None,
    until_decided: options.UntilDecided = False,
    max_seeds: options.MaxSeeds = None,
    looks: options.NumberOfLooks = None,
    predict: options.ChoosePairs = False,
    budget: options.BudgetTime = None,
    budget_share: options.BudgetShare = None,
    as_json: options.Json = False,
) -> None:
    """Show the stages of a study: what is done, what will run and why, what time and disk it takes.

    And how small an effect its edges could show. With the options of a `run` until edges are
    decided, by its looks; with those of one within a budget, what this takes at most.
    """
    from transfer_study.session.plans import make_plan, plan_with_dropped, with_answered
    from transfer_study.terminal.stages import plan_as_json, print_plan, resolved_study

    options.check_looks(until_decided, max_seeds, looks, fidelity)
    within = options.budget_of(predict, budget, budget_share, until_decided, fidelity)
    checked, rows = AskedStudy(study, settings, data, fidelity).read()
    if resolved:
        print(resolved_study(checked), end="")
        return
    piloted = make_plan(read_study(pilot, (), data)) if pilot else None
    planned, dropped = plan_with_dropped(checked, rows)
    view = plan_as_json if as_json else print_plan
    places = Places(store, keep_weights=keep_weights)
    fixed = None
    if max_seeds is not None:
        from transfer_study.session.until_decided import known_looks

        fixed = known_looks(planned, places, max_seeds, looks)
    whole, coming = with_answered(planned, places), None
    if within is not None:
        from transfer_study.session.within_budget import check_budget, forecast_budget

        check_budget(whole, within, places)
        coming = forecast_budget(whole, within, places)
    view(whole, places, piloted, dropped, fixed, coming)
