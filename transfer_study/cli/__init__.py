"""The command line; every verb is a file here.

Data go to stdout and messages to stderr. A verb is imported where it is used, and imports torch,
Ray and pandas where it needs them, so that `--help` and `status` answer at once.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Annotated

import typer

from transfer_study.cli.codes import INTERRUPTED, INVALID, NOT_RUN, SUSPENDED
from transfer_study.cli.verbs import CONTEXT, Verbs
from transfer_study.errors import NothingRun, RunSuspended, StudyError, problems_of
from transfer_study.execute.suspend import ask_to_suspend
from transfer_study.visible import visible

_TIDYING = 3.0  # seconds
_GRACEFUL = (signal.SIGTERM, signal.SIGUSR1)

app = typer.Typer(
    name="transfer-study",
    cls=Verbs,
    help="Which tasks help each other when one model learns them together, which hurt, "
    "and how sure are we?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
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
    except RunSuspended as suspended:
        print(suspended, file=sys.stderr)
        sys.exit(SUSPENDED)
    except (StudyError, OSError) as error:
        for problem in problems_of(error):
            print(f"error: {visible(str(problem))}", file=sys.stderr)
        sys.exit(NOT_RUN if isinstance(error, NothingRun) else INVALID)


def _stop_on_signals() -> None:
    """Let a closed terminal, and what ends jobs, stop a command as Ctrl-C does.

    A second signal that comes at once must not disturb the tidying that the first began. What ends
    jobs gives time before it kills: the first time a run is only asked to stop, so that stages can
    keep how far they are.
    """
    last = -_TIDYING
    asked = False
    terminals = [stream for stream in (1, 2) if os.isatty(stream)]

    def interrupt(number: int, _: object) -> None:
        nonlocal last, asked
        for stream in terminals:
            if not os.isatty(stream):  # it is gone, and writing to it would be an error
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        if number in _GRACEFUL and not asked and ask_to_suspend():
            asked, last = True, time.monotonic()
            return
        before, last = last, time.monotonic()
        if last - before >= _TIDYING:
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGHUP, *_GRACEFUL):
        if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` and a background job have it
            signal.signal(number, interrupt)
