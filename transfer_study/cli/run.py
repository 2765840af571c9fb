"""`transfer-study run`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from transfer_study.cli.codes import FAILED
from transfer_study.cli.fidelity import AskedStudy
from transfer_study.cli.options import (
    PLOTS,
    RESULTS,
    STORE,
    Address,
    BudgetShare,
    BudgetTime,
    ChoosePairs,
    CpusPerStage,
    Data,
    ExecutorName,
    Fidelity,
    GpusPerStage,
    HangAfter,
    Json,
    KeepWeights,
    LogTo,
    MaxSeeds,
    NumberOfLooks,
    PlotsFolder,
    Quiet,
    ResultsFolder,
    Settings,
    StoreFolder,
    StudyFile,
    UntilDecided,
    Verbose,
    Workers,
    budget_of,
    check_looks,
    exit_by,
    hang_after_of,
)
from transfer_study.execute.resources import Resources
from transfer_study.execute.suspend import USUAL_MINUTES
from transfer_study.execute.tracking import Tracker
from transfer_study.session.places import Places
from transfer_study.store.open_store import open_store

if TYPE_CHECKING:
    from transfer_study.session.budget import Budget
    from transfer_study.session.run import Session
    from transfer_study.study.plan import Plan


def run(
    study: StudyFile,
    settings: Settings = [],  # noqa: B006  (typer reads it once)
    fidelity: Fidelity = None,
    data: Data = None,
    store: StoreFolder = STORE,
    results: ResultsFolder = RESULTS,
    plots: PlotsFolder = PLOTS,
    executor: Annotated[
        ExecutorName, typer.Option(envvar="TRANSFER_STUDY_EXECUTOR", help="Where stages run.")
    ] = ExecutorName.RAY,
    workers: Workers = None,
    cpus_per_stage: CpusPerStage = None,
    gpus_per_stage: GpusPerStage = None,
    address: Address = None,
    hang_after: HangAfter = None,
    keep_weights: KeepWeights = None,
    log_to: LogTo = [],  # noqa: B006
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Start nothing more after a failure.")
    ] = False,
    keep_minutes: Annotated[
        float,
        typer.Option(
            min=0,
            envvar="TRANSFER_STUDY_KEEP_MINUTES",
            help="How often a stage keeps how far it is, to go on from after a crash; 0: never.",
        ),
    ] = USUAL_MINUTES,
    changed: Annotated[
        bool,
        typer.Option("--changed", help="Go on where what was run would be left behind."),
    ] = False,
    until_decided: UntilDecided = False,
    max_seeds: MaxSeeds = None,
    looks: NumberOfLooks = None,
    predict: ChoosePairs = False,
    budget: BudgetTime = None,
    budget_share: BudgetShare = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Run what is missing of a study, then write its tables and figures.

    With --fidelity of its preview, into folders of its own; with --predict of the pairs that decide
    most within a budget.
    """
    from transfer_study.execute.executor import executor_named
    from transfer_study.session.live_report import with_live_report
    from transfer_study.session.plans import begin, survey, with_answered
    from transfer_study.session.report import ReportRequest, write_report
    from transfer_study.session.run import Session, check_places, check_unchanged, execute
    from transfer_study.session.stored import missing
    from transfer_study.terminal.console import stdout
    from transfer_study.terminal.edges import edges_as_json, print_edges
    from transfer_study.terminal.preview import print_whole
    from transfer_study.terminal.progress import open_progress, say
    from transfer_study.terminal.stages import slow_precision
    from transfer_study.terminal.status import print_failures

    check_looks(until_decided, max_seeds, looks, fidelity)
    within = budget_of(predict, budget, budget_share, until_decided, fidelity)
    silence = hang_after_of(hang_after, executor)
    resources = Resources(workers, cpus_per_stage, gpus_per_stage, address, hang_after=silence)
    trackers: tuple[Tracker, ...] = tuple(tracker.value for tracker in log_to)
    runner = executor_named(executor.value, resources, trackers)
    asked = AskedStudy(study, settings, data, fidelity)
    say(f"Reading {study} and its data.", quiet)
    places = Places(store, results, plots, keep_weights)
    first, leaks = survey(*asked.read())
    first = with_answered(first, places)
    check_places(first, places)
    if not changed:
        check_unchanged(first, places)
    stages, named, whole = open_store(places.store), asked.named(), asked.named(whole=True)
    watch = partial(open_progress, store=stages, quiet=quiet, verbose=verbose, named=whole)
    watch_ = with_live_report(watch, places, named, leaks)
    session = Session(places, runner, watch_, fail_fast, keep_minutes)
    if warning := slow_precision(first, missing(first, stages)):
        say(warning)
    if within is not None:
        plan_ = last_run = _within_budget(first, within, session, quiet)
    elif max_seeds is None:
        plan_ = last_run = begin(first, places)
        execute(plan_, session)
    else:
        plan_, last_run = _until_decided(first, max_seeds, looks, session, quiet)
    outcome = write_report(plan_, places, ReportRequest(study=named), leaks)
    edges_as_json(outcome) if as_json else print_edges(outcome)
    if not as_json:
        print_whole(stdout(), plan_, places, whole)
    print_failures(last_run, stages)
    if last_run is not plan_:  # a look that is not complete, and so not judged
        raise typer.Exit(FAILED)
    exit_by(outcome)


def _within_budget(first: Plan, budget: Budget, session: Session, quiet: bool) -> Plan:
    """Run the pairs that decide most; the plan of what was run."""
    from transfer_study.session.within_budget import check_budget, run_within_budget
    from transfer_study.terminal.budget import round_line
    from transfer_study.terminal.progress import say

    check_budget(first, budget, session.places)
    return run_within_budget(first, budget, session, lambda found: say(round_line(found), quiet))


def _until_decided(
    first: Plan, max_seeds: int, n_looks: int | None, session: Session, quiet: bool
) -> tuple[Plan, Plan]:
    """Run look after look; the plan as judged, and the one that was run last."""
    from transfer_study.session.plans import begin
    from transfer_study.session.until_decided import fix_looks, run_until_decided
    from transfer_study.terminal.looks import look_line, schedule_line
    from transfer_study.terminal.progress import say

    fixed = fix_looks(first, session.places, max_seeds, n_looks)
    begin(first, session.places)
    say(schedule_line(fixed), quiet)
    return run_until_decided(first, fixed, session, lambda look: say(look_line(look, fixed), quiet))
