"""What several verbs are asked, and how the command ends."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transfer_study.cli.codes import FAILED, NOT_RUN
from transfer_study.outcome import Outcome
from transfer_study.study.search import seconds_of
from transfer_study.study.study import MOST_SEEDS
from transfer_study.terminal.console import warn
from transfer_study.visible import visible

if TYPE_CHECKING:
    from transfer_study.session.budget import Budget


class TrackerName(str, Enum):
    """What is told of stages as they run."""

    TENSORBOARD = "tensorboard"
    MLFLOW = "mlflow"
    WANDB = "wandb"


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
Fidelity = Annotated[
    str | None,
    typer.Option(
        "--fidelity",
        metavar="SHARE",
        help="A preview at this share of the study's work, e.g. 0.1, apart from the study.",
        show_default=False,
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
    str,
    typer.Option(
        "--store",
        metavar="FOLDER|URL",
        envvar="TRANSFER_STUDY_STORE",
        help="Folder of finished stages, or s3://bucket/prefix (gs://, az://).",
    ),
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
HangAfter = Annotated[
    str | None,
    typer.Option(
        "--hang-after",
        metavar="TIME",
        help="Through Ray: end a stage that gives no sign (an epoch) for so long, such as 2h, and "
        "try it elsewhere; `never` lets it be.",
        show_default="20 times what it should take, from 30m on",
    ),
]
LogTo = Annotated[
    list[TrackerName],
    typer.Option("--log-to", help="Tell losses and dev scores to this tracker too; repeatable."),
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
DrawnTask = Annotated[
    str | None,
    typer.Option(
        "--task",
        help="Draw the graph of this task by itself.",
        show_default="beyond twelve tasks, the one with most gains and losses",
    ),
]
ChoosePairs = Annotated[
    bool,
    typer.Option(
        "--predict",
        help="Run the pairs alone that decide most within --budget or --budget-share, and estimate "
        "the others.",
    ),
]
BudgetTime = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="TIME",
        help="What all stages together may take, one after another, e.g. 30m or 12h.",
        show_default=False,
    ),
]
BudgetShare = Annotated[
    float | None,
    typer.Option(
        "--budget-share",
        metavar="SHARE",
        help="Or a share of what all pairs would take, e.g. 0.2.",
        show_default=False,
    ),
]
Predict = Annotated[
    bool,
    typer.Option("--predict", help="Estimate pairs that were not run from those that were."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress, only results and errors.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="A line an epoch.")]
STORE, RESULTS, PLOTS = "results/stages", Path("results"), Path("plots")


def check_looks(
    until_decided: bool, max_seeds: int | None, looks: int | None, fidelity: str | None
) -> None:
    """Raise typer's BadParameter for options of looks without those that they go with."""
    if until_decided != (max_seeds is not None) or (looks is not None and not until_decided):
        raise typer.BadParameter(
            "--until-decided and --max-seeds go together, --looks with both; "
            "for example: --until-decided --max-seeds 10"
        )
    if fidelity is not None and until_decided:
        raise typer.BadParameter("a preview has no looks: leave --until-decided or --fidelity out")


def budget_of(
    predict: bool,
    budget: str | None,
    share: float | None,
    until_decided: bool,
    fidelity: str | None,
) -> Budget | None:
    """What a run that chooses its pairs may take, None for one of all pairs.

    Raises typer's BadParameter for options without those that they go with, and StudyError.
    """
    from transfer_study.session.budget import Budget

    if predict != (budget is not None or share is not None):
        raise typer.BadParameter(
            "--predict goes with --budget or --budget-share, and these with it; for example: "
            "--predict --budget-share 0.2"
        )
    if not predict:
        return None
    if until_decided:
        raise typer.BadParameter(
            "--until-decided gives seeds to all edges that need them, --predict chooses pairs: "
            "leave one of them out"
        )
    if fidelity is not None:
        raise typer.BadParameter("a preview runs all pairs: leave --predict or --fidelity out")
    return Budget(None if budget is None else seconds_of(budget), share)


def hang_after_of(said: str | None, executor: ExecutorName) -> float | None:
    """Seconds, 0 for never and None where nothing was said; raises StudyError for no time.

    And where stages run in this process, which none could end.
    """
    if said is None:
        return None
    if executor is not ExecutorName.RAY:
        raise typer.BadParameter(
            "--hang-after is of `--executor ray`: a stage in this process cannot be ended by it; "
            "leave one of them out"
        )
    return 0.0 if said == "never" else seconds_of(said, "--hang-after", ", or `never`")


def exit_by(outcome: Outcome) -> None:
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
