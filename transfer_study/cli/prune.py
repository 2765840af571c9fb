"""`transfer-study prune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transfer_study.cli import options
from transfer_study.session.places import Places
from transfer_study.store.open_store import open_store
from transfer_study.study.file.study_file import read_study


def prune(
    studies: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[STUDY]...",
            help="Studies of which all weights stay, for other readings or arms.",
            show_default=False,
        ),
    ] = None,
    settings: options.Settings = [],  # noqa: B006
    data: options.Data = None,
    store: options.StoreFolder = options.STORE,
    results: options.ResultsFolder = options.RESULTS,
    with_results: Annotated[
        bool,
        typer.Option(
            "--with-results",
            help="Also what stages answered, of those that neither these studies have nor any in "
            "the folder of tables.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Remove it; else it is shown.")] = False,
    as_json: options.Json = False,
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
    print_pruned(open_store(store), known, found, yes=yes, as_json=as_json)
