"""`transfer-study judge`."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer

from transfer_study.cli import options
from transfer_study.study.correction import Correction
from transfer_study.study.frozen import Word


class RunsKind(Word):
    """What can be judged, by its word."""

    SCORES = "scores"
    ANSWERS = "answers"
    LM_EVAL = "lm-eval"
    MTEB = "mteb"
    EXPORT = "export"


def judge(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUNS...",
            help="A table of scores (source, target, seed, value; a row without a source is of the "
            "target by itself), a table of files of answers, or names of files with fields, in "
            "quotes: 'answers/{source}-to-{target}-s{seed}.csv'.",
            show_default=False,
        ),
    ],
    source: Annotated[
        RunsKind | None,
        typer.Option("--from", help="What they are.", show_default="as names and columns say"),
    ] = None,
    column: Annotated[
        list[str],
        typer.Option(metavar="ROLE=NAME", help="What a column is called, e.g. value=accuracy."),
    ] = [],  # noqa: B006
    score: Annotated[
        list[str],
        typer.Option(metavar="TARGET=COLUMN", help="Of an export: where a target's scores are."),
    ] = [],  # noqa: B006
    percent: Annotated[bool, typer.Option("--percent", help="Scores are in percent.")] = False,
    arm: Annotated[
        str | None,
        typer.Option(
            help="How a target was trained with one source, e.g. sequential.", show_default="pair"
        ),
    ] = None,
    metric: Annotated[
        list[str], typer.Option(metavar="TARGET=METRIC", help="By which metric to judge.")
    ] = [],  # noqa: B006
    kind: Annotated[
        list[str],
        typer.Option(metavar="TARGET=KIND", help="Of answers: the kind of task, e.g. tagging."),
    ] = [],  # noqa: B006
    negative: Annotated[
        list[str],
        typer.Option(metavar="TARGET=LABEL", help="Of answers: the class that F1 leaves out."),
    ] = [],  # noqa: B006
    gold: Annotated[
        list[str],
        typer.Option(metavar="TARGET=FILE", help="Of answers without gold labels: where they are."),
    ] = [],  # noqa: B006
    document: Annotated[
        str | None,
        typer.Option(help="Of lm-eval: the key of a sample's document.", show_default="none"),
    ] = None,
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
    predict: options.Predict = False,
    task: options.DrawnTask = None,
    name: Annotated[
        str | None,
        typer.Option(
            help="What the folders of results and plots are called.",
            show_default="the table's name, or judged",
        ),
    ] = None,
    results: options.ResultsFolder = options.RESULTS,
    plots: options.PlotsFolder = options.PLOTS,
    as_json: options.Json = False,
) -> None:
    """Judge runs that were made elsewhere: their edges, with intervals, graph and report."""
    from transfer_study.analysis.effects.judgement import Judgement
    from transfer_study.analysis.graph.views import Shown
    from transfer_study.judge.judged import JudgedPlaces, JudgeRequest, check_task, judge_runs
    from transfer_study.judge.score_table import TableRequest
    from transfer_study.judge.sources import RunsRequest, name_of, read_runs
    from transfer_study.session.places import Places
    from transfer_study.terminal.asked import by_name, counts_by_name, margin_of, numbers_by_name
    from transfer_study.terminal.edges import edges_as_json, print_edges

    named = Places(results=results, plots=plots)
    places = JudgedPlaces.of(name_of(runs) if name is None else name, named.results, named.plots)
    judgement = Judgement(margin_of(margin), correction)
    places.check()
    table = TableRequest(
        columns=by_name("--column", column, "value=accuracy"),
        percent=percent,
        arm=arm,
        metrics=by_name("--metric", metric, "rte=accuracy"),
        constants=numbers_by_name("--constant", constant, "rte=0.5"),
        n_test=counts_by_name("--n-test", n_test, "rte=277"),
    )
    given = read_runs(
        RunsRequest(
            runs,
            None if source is None else source.value,
            table,
            kinds=by_name("--kind", kind, "ner=tagging"),
            negatives=by_name("--negative", negative, "chemprot=none"),
            gold=by_name("--gold", gold, "rte=rte-gold.csv"),
            scores=by_name("--score", score, "rte=eval/accuracy"),
            document=document,
        )
    )
    if task is not None:
        check_task(given, task)
    command = shlex.join(["transfer-study", *sys.argv[1:]])
    asked = JudgeRequest(judgement, command, Shown(task=task), predict)
    outcome = judge_runs(given, asked, places)
    edges_as_json(outcome) if as_json else print_edges(outcome)
    options.exit_by(outcome)
