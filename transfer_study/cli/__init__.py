"""The command line; every verb is a file here.

Data go to stdout and messages to stderr. Torch, Ray and pandas are imported by the verbs that
need them, so that `--help` and `status` answer at once.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Annotated

import typer

from transfer_study.cli.compare import compare
from transfer_study.cli.convert_tf import convert_tf
from transfer_study.cli.doctor import doctor
from transfer_study.cli.export import export
from transfer_study.cli.keys import keys
from transfer_study.cli.new import new
from transfer_study.cli.options import INTERRUPTED, INVALID, NOT_RUN
from transfer_study.cli.plan import plan
from transfer_study.cli.prefetch import prefetch
from transfer_study.cli.prune import prune
from transfer_study.cli.recommend import recommend
from transfer_study.cli.report import report
from transfer_study.cli.run import run
from transfer_study.cli.status import status
from transfer_study.cli.tasks import tasks
from transfer_study.cli.tune import tune
from transfer_study.errors import NothingRun, StudyError, problems_of
from transfer_study.visible import visible

_TIDYING = 3.0  # seconds

app = typer.Typer(
    name="transfer-study",
    help="Which tasks help each other when one model learns them together, which hurt, "
    "and how sure are we?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from transfer_study.terminal.doctor import version_of

        print(f"transfer-study {version_of('transfer-study')}")
        raise typer.Exit


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


app.command()(new)
app.command()(keys)
app.command()(run)
app.command()(tune)
app.command()(plan)
app.command()(tasks)
app.command()(status)
app.command()(report)
app.command()(compare)
app.command()(recommend)
app.command()(export)
app.command()(prefetch)
app.command()(prune)
app.command("convert-tf")(convert_tf)
app.command()(doctor)


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
