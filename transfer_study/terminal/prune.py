"""What a store could do without, with sizes, and what was removed of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import typer
from rich.table import Table

from transfer_study.files import size_text
from transfer_study.store.prune import Kept, Prunable, remove
from transfer_study.store.store import Store
from transfer_study.terminal.console import stdout

_SCHEMA = 1
_LISTED = 40


def print_pruned(
    store: Store, known: Sequence[str], found: Prunable, *, yes: bool, as_json: bool
) -> None:
    """Show what may go and what stays; remove it where that was said, or is said in a terminal.

    `known` are the studies that may want something.
    """
    if not as_json:
        _print(known, found)
        if found.unwanted and not yes and sys.stdin.isatty() and sys.stdout.isatty():
            yes = typer.confirm("Remove it?")
    removed = remove(store, found.unwanted) if yes and found.unwanted else []
    if as_json:
        print(json.dumps(_content(found, removed), indent=1))
    elif found.unwanted:
        size = size_text(sum(one.size for one in removed))
        stdout().print(
            f"Removed {_folders(len(removed))}, {size}."
            if yes
            else "Nothing was removed; --yes removes it."
        )


def _print(known: Sequence[str], found: Prunable) -> None:
    console = stdout()
    named = ", ".join(known) or "none; is this the right folder of --results?"
    console.print(f"Studies that were run: {named}.", soft_wrap=True)
    if found.unwanted:
        table = Table(box=None, pad_edge=False)
        for heading, side in (("nothing wants", "left"), ("size", "right")):
            table.add_column(heading, justify=side, overflow="fold")  # type: ignore[arg-type]
        largest = sorted(found.unwanted, key=lambda one: -one.size)
        for one in largest[:_LISTED]:
            lost = "" if one.stage else " (has lost its record)"
            table.add_row(f"{one.part}/{one.folder.name}{lost}", size_text(one.size))
        console.print(table)
        if len(largest) > _LISTED:
            console.print(f"... and {len(largest) - _LISTED} more (--json lists all)")
        console.print(f"In all {_folders(len(largest))}, {size_text(found.size)}.")
    else:
        console.print("Nothing to remove: whatever the store keeps is wanted.")
    for why, kept in found.wanted.items():
        size = size_text(sum(one.size for one in kept))
        console.print(f"Weights that stay for {why}: {_folders(len(kept))}, {size}.")
    for link in found.links:
        console.print(f"{link} is a link, and stays as it is.", soft_wrap=True)


def _folders(n: int) -> str:
    return f"{n} folder{'s' if n != 1 else ''}"


def _content(found: Prunable, removed: list[Kept]) -> dict[str, object]:
    return {
        "schema": _SCHEMA,
        "bytes": found.size,
        "unwanted": [_as_json(one) | {"removed": one in removed} for one in found.unwanted],
        "wanted": {why: list(map(_as_json, kept)) for why, kept in found.wanted.items()},
        "links": list(map(str, found.links)),
    }


def _as_json(one: Kept) -> dict[str, object]:
    return {"part": one.part, "name": one.folder.name, "stage": one.stage, "bytes": one.size}
