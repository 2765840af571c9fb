"""`transfer-study judge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transfer_study.cli.options import PLOTS, RESULTS, Json, PlotsFolder, ResultsFolder, exit_by
from transfer_study.study.correction import Correction


def judge(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="Scores, a row a run (CSV, TSV or parquet): source, target, seed, value; a row "
            "without a source is of the target by itself.",
            show_default=False,
        ),
    ],
    column: Annotated[
        list[str],
        typer.Option(metavar="ROLE=NAME", help="What a column is called, e.g. value=accuracy."),
    ] = [],  # noqa: B006
    percent: Annotated[bool, typer.Option("--percent", help="Scores are in percent.")] = False,
    arm: Annotated[
        str | None,
        typer.Option(
            help="How a target was trained with one source, e.g. sequential.", show_default="pair"
        ),
    ] = None,
    metric: Annotated[
        list[str],
        typer.Option(metavar="TARGET=METRIC", help="By which of several metrics to judge."),
    ] = [],  # noqa: B006
    constant: Annotated[
        list[str],
        typer.Option(
            metavar="TARGET=SCORE",
            help="What the best constant answer scores: a run not above it has learned nothing.",
        ),
    ] = [],  # noqa: B006
    n_test: Annotated[
        list[str],
        typer.Option(metavar="TARGET=NUMBER", help="How many test examples a target has."),
    ] = [],  # noqa: B006
    margin: Annotated[
        str, typer.Option(help="Effects up to it do not matter: 0.01, or 5% of the baseline.")
    ] = "0.01",
    correction: Annotated[
        Correction, typer.Option(help="How to adjust for many edges.")
    ] = Correction.BH,
    predict: Annotated[
        bool, typer.Option("--predict", help="Estimate pairs that the table does not have.")
    ] = False,
    task: Annotated[
        str | None,
        typer.Option(
            help="Draw the graph of this task by itself.",
            show_default="beyond twelve tasks, the one with most gains and losses",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            help="What the folders of results and plots are called.", show_default="the file's name"
        ),
    ] = None,
    results: ResultsFolder = RESULTS,
    plots: PlotsFolder = PLOTS,
    as_json: Json = False,
) -> None:
    """Judge runs that were made elsewhere: their edges, with intervals, graph and report."""
    from transfer_study.analysis.effects.judgement import Judgement
    from transfer_study.analysis.graph.views import Shown
    from transfer_study.judge.judged import JudgedPlaces, JudgeRequest, check_task, judge_runs
    from transfer_study.judge.score_table import TableRequest, read_scores
    from transfer_study.session.places import Places
    from transfer_study.terminal.asked import by_name, counts_by_name, margin_of, numbers_by_name
    from transfer_study.terminal.edges import edges_as_json, print_edges

    named = Places(results=results, plots=plots)
    places = JudgedPlaces.of(table.stem if name is None else name, named.results, named.plots)
    judgement = Judgement(margin_of(margin), correction)
    places.check()
    given = read_scores(
        table,
        TableRequest(
            columns=by_name("--column", column, "value=accuracy"),
            percent=percent,
            arm=arm,
            metrics=by_name("--metric", metric, "rte=accuracy"),
            constants=numbers_by_name("--constant", constant, "rte=0.5"),
            n_test=counts_by_name("--n-test", n_test, "rte=277"),
        ),
    )
    if task is not None:
        check_task(given, task)
    asked = JudgeRequest(judgement, _command(), Shown(task=task), predict)
    outcome = judge_runs(given, asked, places)
    edges_as_json(outcome) if as_json else print_edges(outcome)
    exit_by(outcome)


def _command() -> str:
    """The words of this command, as a shell reads them."""
    import shlex
    import sys

    return shlex.join(["transfer-study", *sys.argv[1:]])
