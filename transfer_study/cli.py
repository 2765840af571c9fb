"""The command line; every verb is one function here.

Data go to stdout and messages to stderr. Torch, Ray and pandas are imported by the verbs that
need them, so that `--help` and `status` answer at once.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from transfer_study.analysis.advice.preference import By
from transfer_study.analysis.graph.views import Shown
from transfer_study.errors import NothingRun, StudyError, problems_of
from transfer_study.execute.resources import Resources
from transfer_study.outcome import Outcome
from transfer_study.session.places import Places
from transfer_study.store.store import Store
from transfer_study.study.correction import Correction
from transfer_study.study.file.study_file import read_study
from transfer_study.study.reading import Reading
from transfer_study.study.study import MOST_SEEDS
from transfer_study.terminal.console import warn
from transfer_study.visible import visible

FAILED, INVALID, NOT_RUN, DIFFERENT, INTERRUPTED = 1, 2, 3, 4, 130
_TIDYING = 3.0  # seconds

app = typer.Typer(
    name="transfer-study",
    help="Which tasks help each other when one model learns them together, which hurt, "
    "and how sure are we?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class ExecutorName(str, Enum):
    """Where stages run."""

    RAY = "ray"
    IN_PROCESS = "in-process"


StudyFile = Annotated[
    Path,
    typer.Argument(metavar="STUDY", help="A study file (YAML), or a built-in study such as demo."),
]
Settings = Annotated[
    list[str],
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a key of the study, e.g. refine.epochs=3."
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="TRANSFER_STUDY_DATA",
        help="Root of relative data files.",
        show_default="the study's folder",
    ),
]
StoreFolder = Annotated[
    Path, typer.Option("--store", envvar="TRANSFER_STUDY_STORE", help="Folder of finished stages.")
]
ResultsFolder = Annotated[
    Path,
    typer.Option(
        "--results", envvar="TRANSFER_STUDY_RESULTS", help="Folder of tables, one a study."
    ),
]
PlotsFolder = Annotated[
    Path,
    typer.Option("--plots", envvar="TRANSFER_STUDY_PLOTS", help="Folder of figures, one a study."),
]
KeepWeights = Annotated[
    str | None,
    typer.Option(
        "--keep-weights",
        metavar="SIZE",
        envvar="TRANSFER_STUDY_KEEP_WEIGHTS",
        help="Keep weights for other readings and arms too, up to this size in all, e.g. 5GB.",
        show_default="10GB, or a tenth of the free disk",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        envvar="TRANSFER_STUDY_WORKERS",
        help="Stages at a time.",
        show_default="all that fit",
    ),
]
CpusPerStage = Annotated[
    float | None,
    typer.Option(
        min=0.01, help="CPUs Ray sets aside for a stage.", show_default="the recipe's threads"
    ),
]
GpusPerStage = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="GPUs for a stage; 0.5 puts two on a GPU.",
        show_default="1 where there are GPUs",
    ),
]
Address = Annotated[
    str | None, typer.Option(envvar="RAY_ADDRESS", help="Address of a running Ray cluster.")
]
UntilDecided = Annotated[
    bool,
    typer.Option(
        "--until-decided", help="Then add seeds to undecided edges alone, up to --max-seeds."
    ),
]
MaxSeeds = Annotated[
    int | None,
    typer.Option(max=MOST_SEEDS, help="The most seeds of an edge.", show_default=False),
]
NumberOfLooks = Annotated[
    int | None,
    typer.Option(help="How often edges are judged on the way, fixed in advance.", show_default="3"),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress, only results and errors.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="A line an epoch.")]

_STORE, _RESULTS, _PLOTS = Path("results/stages"), Path("results"), Path("plots")


def _version(asked: bool) -> None:
    if asked:
        from transfer_study.terminal.doctor import version_of

        print(f"transfer-study {version_of('transfer-study')}")
        raise typer.Exit


def _check_looks(until_decided: bool, max_seeds: int | None, looks: int | None) -> None:
    if until_decided != (max_seeds is not None) or (looks is not None and not until_decided):
        raise typer.BadParameter(
            "--until-decided and --max-seeds go together, --looks with both; "
            "for example: --until-decided --max-seeds 10"
        )


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


@app.command()
def new(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The file to write: a new one.")],
    folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Guess the tasks from its files."),
    ] = None,
) -> None:
    """Write a study file with comments, of made-up tasks or of what a folder seems to hold."""
    from transfer_study.terminal.new_study import write_new_study

    write_new_study(study, folder)


@app.command()
def keys() -> None:
    """Print every key of a study file with its meaning, values and default, as Markdown."""
    from transfer_study.study.file.keys_page import keys_page

    print(keys_page(), end="")


@app.command()
def run(
    study: StudyFile,
    settings: Settings = [],  # noqa: B006  (typer reads it once)
    data: Data = None,
    store: StoreFolder = _STORE,
    results: ResultsFolder = _RESULTS,
    plots: PlotsFolder = _PLOTS,
    executor: Annotated[
        ExecutorName, typer.Option(envvar="TRANSFER_STUDY_EXECUTOR", help="Where stages run.")
    ] = ExecutorName.RAY,
    workers: Workers = None,
    cpus_per_stage: CpusPerStage = None,
    gpus_per_stage: GpusPerStage = None,
    address: Address = None,
    keep_weights: KeepWeights = None,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Start nothing more after a failure.")
    ] = False,
    until_decided: UntilDecided = False,
    max_seeds: MaxSeeds = None,
    looks: NumberOfLooks = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Run what is missing of a study, then write its tables and figures."""
    from transfer_study.execute.executor import executor_named
    from transfer_study.session.plans import begin, survey, with_answered
    from transfer_study.session.report import ReportRequest, as_named, write_report
    from transfer_study.session.run import Session, check_places, execute
    from transfer_study.session.stored import missing
    from transfer_study.terminal.edges import edges_as_json, print_edges
    from transfer_study.terminal.progress import open_progress, say
    from transfer_study.terminal.stages import slow_precision
    from transfer_study.terminal.status import print_failures

    _check_looks(until_decided, max_seeds, looks)
    say(f"Reading {study} and its data.", quiet)
    places = Places(store, results, plots, keep_weights)
    first, leaks = survey(read_study(study, settings, data))
    first = with_answered(first, places)
    check_places(first, places)
    stages, named = Store(places.store), as_named(study, settings)
    resources = Resources(workers, cpus_per_stage, gpus_per_stage, address)
    watch = partial(open_progress, store=stages, quiet=quiet, verbose=verbose, named=named)
    session = Session(places, executor_named(executor.value, resources), watch, fail_fast)
    if warning := slow_precision(first, missing(first, stages)):
        say(warning)
    if max_seeds is None:
        plan_ = last_run = begin(first, places)
        execute(plan_, session)
    else:
        from transfer_study.session.until_decided import fix_looks, run_until_decided
        from transfer_study.terminal.looks import look_line, schedule_line

        fixed = fix_looks(first, places, max_seeds, looks)
        begin(first, places)
        say(schedule_line(fixed), quiet)
        plan_, last_run = run_until_decided(
            first, fixed, session, lambda look: say(look_line(look, fixed), quiet)
        )
    outcome = write_report(plan_, places, ReportRequest(study=named), leaks)
    edges_as_json(outcome) if as_json else print_edges(outcome)
    print_failures(last_run, stages)
    if last_run is not plan_:  # a look that is not complete, and so not judged
        raise typer.Exit(FAILED)
    _exit_by(outcome)


@app.command()
def tune(
    study: StudyFile,
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
    settings: Settings = [],  # noqa: B006
    data: Data = None,
    store: StoreFolder = _STORE,
    results: ResultsFolder = _RESULTS,
    plots: PlotsFolder = _PLOTS,
    workers: Workers = None,
    cpus_per_stage: CpusPerStage = None,
    gpus_per_stage: GpusPerStage = None,
    address: Address = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
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


@app.command()
def plan(
    study: StudyFile,
    settings: Settings = [],  # noqa: B006
    data: Data = None,
    store: StoreFolder = _STORE,
    pilot: Annotated[
        Path | None,
        typer.Option(
            help="A study whose stored runs tell how much scores vary.", show_default="the same"
        ),
    ] = None,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Print the final study with every default.")
    ] = False,
    keep_weights: KeepWeights = None,
    until_decided: UntilDecided = False,
    max_seeds: MaxSeeds = None,
    looks: NumberOfLooks = None,
    as_json: Json = False,
) -> None:
    """Show the stages of a study: what is done, what will run and why, what time and disk it takes.

    And how small an effect its edges could show. With the options of a `run` until edges are
    decided, by its looks.
    """
    from transfer_study.session.plans import make_plan, plan_with_dropped, with_answered
    from transfer_study.terminal.stages import plan_as_json, print_plan, resolved_study

    _check_looks(until_decided, max_seeds, looks)
    checked = read_study(study, settings, data)
    if resolved:
        print(resolved_study(checked), end="")
        return
    piloted = make_plan(read_study(pilot, (), data)) if pilot else None
    planned, dropped = plan_with_dropped(checked)
    view = plan_as_json if as_json else print_plan
    places = Places(store, keep_weights=keep_weights)
    fixed = None
    if max_seeds is not None:
        from transfer_study.session.until_decided import known_looks

        fixed = known_looks(planned, places, max_seeds, looks)
    view(with_answered(planned, places), places, piloted, dropped, fixed)


@app.command()
def tasks(
    study: StudyFile,
    settings: Settings = [],  # noqa: B006
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Check every data file of a study, show what is in it, and look for leaks into test."""
    from transfer_study.terminal.tasks import show_tasks

    show_tasks(read_study(study, settings, data), as_json=as_json)


@app.command()
def status(
    study: StudyFile,
    settings: Settings = [],  # noqa: B006
    data: Data = None,
    store: StoreFolder = _STORE,
    results: ResultsFolder = _RESULTS,
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


@app.command()
def report(
    study: StudyFile,
    settings: Settings = [],  # noqa: B006
    data: Data = None,
    store: StoreFolder = _STORE,
    results: ResultsFolder = _RESULTS,
    plots: PlotsFolder = _PLOTS,
    arm: Annotated[str | None, typer.Option(help="Show and draw this arm only.")] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Show and draw this training size of the study's.",
            show_default="all in tables, the largest in figures",
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="Draw the graph of this task by itself.",
            show_default="beyond twelve tasks, the one with most gains and losses",
        ),
    ] = None,
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
    share: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write a report to pass on, without ids, texts, paths and names of machines.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write tables and figures from what is stored; runs nothing and needs no corpora.

    What is judged otherwise, or has changed settings, goes to a folder inside the study's, whose
    own tables stay as they are.
    """
    from transfer_study.session.plans import known_plan
    from transfer_study.session.report import ReportRequest, apart_as, as_named, write_report
    from transfer_study.terminal.asked import rejudged
    from transfer_study.terminal.edges import edges_as_json, print_edges

    places = Places(store, results, plots)
    otherwise = rejudged(metric, margin, correction)
    plan_ = known_plan(read_study(study, settings, data), places)
    asked = ReportRequest(Shown(arm, size, task), otherwise, study=as_named(study, settings))
    if share is not None:
        from transfer_study.share import share_report

        outcome = share_report(plan_, places, share, asked)
    else:
        places.check_writable(plan_.study, store=False)
        apart = apart_as(plan_, places, settings)
        outcome = write_report(plan_, places, replace(asked, apart=apart))
    edges_as_json(outcome) if as_json else print_edges(outcome)
    _exit_by(outcome)


@app.command()
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
    settings: Settings = [],  # noqa: B006
    data: Data = None,
    store: StoreFolder = _STORE,
    results: ResultsFolder = _RESULTS,
    plots: PlotsFolder = _PLOTS,
    as_json: Json = False,
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


@app.command()
def recommend(
    study: StudyFile,
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
    settings: Settings = [],  # noqa: B006
    data: Data = None,
    store: StoreFolder = _STORE,
    results: ResultsFolder = _RESULTS,
    as_json: Json = False,
) -> None:
    """Say with which partners, if any, to train a task, or all; runs and writes nothing."""
    from transfer_study.analysis.advice.grouping import groupings
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
    if task is not None:
        check_task(checked, task)
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


@app.command()
def export(
    study: StudyFile,
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
    settings: Settings = [],  # noqa: B006
    data: Data = None,
    store: StoreFolder = _STORE,
    results: ResultsFolder = _RESULTS,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a trained model to a folder that `transformers.pipeline` loads, with its card."""
    from transfer_study.export import Wanted, export_model
    from transfer_study.session.plans import known_plan
    from transfer_study.terminal.exported import exported_as_json, print_exported
    from transfer_study.terminal.progress import say

    plan_ = known_plan(read_study(study, settings, data), Places(store, results))
    wanted = Wanted(task, arm, reading, encoder, seed, multi, variant, size)
    exported = export_model(plan_, Store(store), wanted, to, lambda line: say(line, quiet))
    exported_as_json(exported) if as_json else print_exported(exported)


@app.command()
def prefetch(
    study: StudyFile,
    settings: Settings = [],  # noqa: B006
    data: Data = None,
) -> None:
    """Download the encoders and data sets of a study from their hubs, for work offline."""
    from transfer_study.data.prefetch import prefetch_study

    for line in prefetch_study(read_study(study, settings, data)):
        print(visible(line))


@app.command()
def prune(
    studies: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[STUDY]...",
            help="Studies of which all weights stay, for other readings or arms.",
            show_default=False,
        ),
    ] = None,
    settings: Settings = [],  # noqa: B006
    data: Data = None,
    store: StoreFolder = _STORE,
    results: ResultsFolder = _RESULTS,
    with_results: Annotated[
        bool,
        typer.Option(
            "--with-results",
            help="Also what stages answered, of those that neither these studies have nor any in "
            "the folder of tables.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Remove it; else it is shown.")] = False,
    as_json: Json = False,
) -> None:
    """Remove weights that nothing wants any more from the store; shows them first.

    Those stay from which an unfinished study in the folder of tables starts, or anything that
    runs now. A run that wants removed weights after all trains their stage again.
    """
    from transfer_study.session.plans import known_plan
    from transfer_study.session.stored import prunable_of
    from transfer_study.terminal.prune import print_pruned

    if with_results and not studies:
        raise typer.BadParameter("--with-results goes with the studies whose results stay")
    places = Places(store, results)
    named = [known_plan(read_study(study, settings, data), places) for study in studies or []]
    known, found = prunable_of(named, places, results=with_results)
    print_pruned(Store(store), known, found, yes=yes, as_json=as_json)


@app.command("convert-tf")
def convert_tf(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Folder of the checkpoint, bert_config.json and vocab.txt; "
            "where it holds several checkpoints, DIR/model.ckpt-1000.",
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write: new or empty.")],
    cased: Annotated[
        bool | None,
        typer.Option(
            "--cased/--uncased",
            help="Whether capitals count.",
            show_default="found from the vocabulary",
        ),
    ] = None,
) -> None:
    """Turn an original BERT checkpoint of TensorFlow into an encoder that studies can name."""
    from transfer_study.data.encoders.convert_tf import convert_tf as convert
    from transfer_study.terminal.conversion import print_conversion

    print_conversion(convert(checkpoint, out, cased))


@app.command()
def doctor(
    store: StoreFolder = _STORE,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As Markdown, for a bug report.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show versions, devices, Ray and storage: what a bug report needs."""
    from transfer_study.terminal.doctor import examine, print_findings

    print_findings(examine(store), markdown=markdown, as_json=as_json)


def _exit_by(outcome: Outcome) -> None:
    """Tell what was lost or not written, and end with a code of its own where stages failed too."""
    for note in outcome.notes:
        print(f"note: {visible(note)}", file=sys.stderr)
    warn(outcome.lost)
    for sentence in outcome.unwritten:
        print(f"error: {visible(sentence)}", file=sys.stderr)
    if outcome.failed or outcome.unwritten:
        raise typer.Exit(FAILED)
    if outcome.not_run:
        raise typer.Exit(NOT_RUN)


def main() -> None:
    """Entry point: turns known errors into sentences and exit codes."""
    _stop_on_signals()
    try:
        app()
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            print(
                "Interrupted. What is finished is kept; the same command continues.",
                file=sys.stderr,
            )
        raise
    except (StudyError, OSError) as error:
        for problem in problems_of(error):
            print(f"error: {visible(str(problem))}", file=sys.stderr)
        sys.exit(NOT_RUN if isinstance(error, NothingRun) else INVALID)


def _stop_on_signals() -> None:
    """Let a closed terminal, and what ends jobs, stop a run as Ctrl-C does.

    A second signal that comes at once must not disturb the tidying that the first began.
    """
    last = -_TIDYING
    terminals = [stream for stream in (1, 2) if os.isatty(stream)]

    def interrupt(*_: object) -> None:
        nonlocal last
        for stream in terminals:
            if not os.isatty(stream):  # it is gone, and writing to it would be an error
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        before, last = last, time.monotonic()
        if last - before >= _TIDYING:
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` and a background job have it
            signal.signal(number, interrupt)
