"""`transfer-study new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def new(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The file to write: a new one.")],
    folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Guess the tasks from its files."),
    ] = None,
) -> None:
    """Write a study file with comments, of made-up tasks or of what a folder seems to hold."""
    from transfer_study.terminal.data.new_study import write_new_study

    write_new_study(study, folder)
