"""What a store could do without, with sizes, and what was removed of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from transfer_study.files import size_text
from transfer_study.points import counted
from transfer_study.report.tables.table import number, table_of, text
from transfer_study.store.checkpoints import States, drop_states
from transfer_study.store.prune import Prunable, remove
from transfer_study.store.storage.committed import Kept
from transfer_study.store.store import Store
from transfer_study.terminal.console import in_terminal, print_json, stdout

_LISTED = 40


def print_pruned(
    store: Store, known: Sequence[str], found: Prunable, *, yes: bool, as_json: bool
) -> None:
    """Show what may go and what stays; remove it where that was said, or is said in a terminal.

    `known` are the studies that may want something.
    """
    if not as_json:
        _print(known, found)
        asked = not yes and sys.stdin.isatty() and sys.stdout.isatty()
        if asked and (found.unwanted or found.states):
            yes = typer.confirm("Remove it?")
    removed = remove(store, found.unwanted) if yes and found.unwanted else []
    for states in found.states if yes else ():
        drop_states(store, states.name)
    if as_json:
        print_json(_content(found, removed))
    elif found.unwanted or found.states:
        gone: list[Kept | States] = [*removed, *found.states]
        size = size_text(sum(one.size for one in gone))
        stdout().print(
            f"Removed {counted(len(gone), 'folder')}, {size}."
            if yes
            else "Nothing was removed; --yes removes it."
        )


def _print(known: Sequence[str], found: Prunable) -> None:
    console = stdout()
    named = ", ".join(known) or "none; is this the right folder of --results?"
    console.print(f"Studies that were run: {named}.", soft_wrap=True)
    if found.unwanted or found.states:
        largest: list[Kept | States] = [*found.unwanted, *found.states]
        largest.sort(key=lambda one: -one.size)
        table = table_of(
            largest[:_LISTED],
            text("nothing wants", _named),
            number("size", lambda one: size_text(one.size)),
        )
        console.print(in_terminal(table))
        if len(largest) > _LISTED:
            console.print(f"... and {len(largest) - _LISTED} more (--json lists all)")
        console.print(f"In all {counted(len(largest), 'folder')}, {size_text(found.size)}.")
    else:
        console.print("Nothing to remove: whatever the store keeps is wanted.")
    for why, kept in found.wanted.items():
        size = size_text(sum(one.size for one in kept))
        console.print(f"Weights that stay for {why}: {counted(len(kept), 'folder')}, {size}.")
    for link in found.links:
        console.print(f"{link} is a link, and stays as it is.", soft_wrap=True)


def _named(one: Kept | States) -> str:
    if isinstance(one, States):
        return f"checkpoints/{one.name}"
    return f"{one.part.folder}/{one.folder.name}{'' if one.stage else ' (has lost its record)'}"


def _content(found: Prunable, removed: list[Kept]) -> dict[str, object]:
    return {
        "bytes": found.size,
        "unwanted": [_as_json(one) | {"removed": one in removed} for one in found.unwanted],
        "wanted": {why: list(map(_as_json, kept)) for why, kept in found.wanted.items()},
        "states": [{"name": one.name, "bytes": one.size} for one in found.states],
        "links": list(map(str, found.links)),
    }


def _as_json(one: Kept) -> dict[str, object]:
    return {"part": one.part.folder, "name": one.folder.name, "stage": one.stage, "bytes": one.size}
